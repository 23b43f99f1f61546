"""emgasr's own session files: a folder of them in, entries and Recordings out."""

from __future__ import annotations

from pathlib import Path

from emgasr.corpora.files import find_files, tell_notes
from emgasr.corpora.samples.hdf5_table import HDF5
from emgasr.errors import RecordingError
from emgasr.files.hdf5 import OPEN_FILES
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Recording
from emgasr.sessions.journal_reading import is_journal
from emgasr.sessions.native import is_session, open_session


def open_recording(path: str | Path) -> Recording:
    """Open a native session file."""
    return open_session(path)


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Every native session below `folder` (.hdf5, .h5), finished or not, in the order of their paths.

    HDF5 files of other kinds are passed over, and told. A file is a session: what it says of itself.
    """
    opened = [(path, open_session(path)) for path in find_files(folder, findings, _native, HDF5, "native sessions")]
    tell_notes(findings, opened)
    return [Entry.of(recording, path, "native") for path, recording in opened]


def _native(path: Path) -> bool:
    """Whether a file is a session; True for what cannot be opened, so that opening it tells what is wrong."""
    try:
        if is_journal(path):
            return True
        with OPEN_FILES.reading(path) as file:
            return is_session(path, file)
    except RecordingError:
        return True
