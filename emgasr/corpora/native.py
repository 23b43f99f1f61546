"""emgasr's own session files: a folder of them in, entries and Recordings out."""

from __future__ import annotations

from pathlib import Path

import h5py

from emgasr.manifest import Entry, Findings
from emgasr.recording import Recording
from emgasr.session_file import FORMAT, open_session


def open_recording(path: str | Path) -> Recording:
    """Open a native session file."""
    return open_session(path)


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Every native session below `folder`, in the order of their paths; HDF5 files of other kinds are passed over."""
    return [
        _entry(path)
        for path in sorted([*folder.rglob("*.hdf5"), *folder.rglob("*.h5")])
        if not path.name.startswith(".") and _native(path)
    ]


def _native(path: Path) -> bool:
    if not h5py.is_hdf5(path):
        return True  # so that opening it tells what is wrong
    try:
        with h5py.File(path, "r", locking=False) as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return True


def _entry(path: Path) -> Entry:
    recording = open_session(path)
    return Entry.of(recording, path, "native")
