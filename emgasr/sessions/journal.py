"""Samples, keys and spans of a recording in the making in; a file that opens at any moment out.

HDF5 survives no kill in the middle of a write, so a session is first an append-only journal of checked frames. The
file opens whatever happens: reading stops at the first frame that is not whole. When the recording ends well, a
native session file takes the journal's place, under the same name.

"emgasr-journal 1\\n", then frames: kind (1 byte), length (uint32), payload, CRC-32 of these (uint32); little-endian.
H header (JSON), S samples float32 (T, C), K a key, B a span's begin, E its end, N a note (JSON each).
"""

from __future__ import annotations

import fcntl
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.errors import OutputError, RecordingError
from emgasr.files.as_json import as_json
from emgasr.recording import Recording
from emgasr.sessions.journal_reading import FRAME_CHECK, FRAME_HEAD, MAGIC, is_journal, journal_notes, open_journal
from emgasr.sessions.native import open_session, save_session


class Journal:
    """Writes one journal; a call hands its frame to the system, and `sync` waits for the disk.

    A file that exists, or that another process records to, is refused with an OutputError. When writing fails (a full
    disk), the file is cut back to its last whole frame and an OutputError is raised.
    """

    def __init__(self, path: str | Path, signal: Recording) -> None:
        """Create `path` for samples like those of `signal`, an empty recording."""
        self.path = Path(path).absolute()  # `finish` comes later, perhaps from another folder
        self._rate_hz, self._channels = signal.rate_hz, signal.n_channels
        self._rows = 0
        self._size = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except FileExistsError as error:
            wrong = "is being recorded to by another process" if is_recorded_to(self.path) else "exists already"
            raise OutputError(self.path, wrong, "choose another name") from error
        except OSError as error:
            raise OutputError(self.path, f"cannot be created ({error.strerror})", "choose another place") from error
        fcntl.flock(self._file, fcntl.LOCK_EX)
        header = {name: getattr(signal, name) for name in ("rate_hz", "unit", "subject", "session", "origin")}
        header |= {"bands": [band.as_row() for band in signal.bands], "start_unix_s": signal.start_unix_s}
        self._write(MAGIC + _frame(b"H", _json(header)))
        self.sync()

    @property
    def time_s(self) -> float:
        """Seconds of samples so far."""
        return self._rows / self._rate_hz

    def samples(self, samples: np.ndarray) -> None:
        """Append samples (T, C)."""
        if not len(samples):
            return
        if samples.ndim != 2 or samples.shape[1] != self._channels:
            raise ValueError(f"samples of shape {samples.shape} for {self._channels} channels")
        self._write(_frame(b"S", np.ascontiguousarray(samples, "<f4").tobytes()))
        self._rows += len(samples)

    def key(self, time_s: float, key: str, release_s: float = math.nan) -> None:
        """Append a key press, in seconds of these samples."""
        release = None if math.isnan(release_s) else release_s
        self._write(_frame(b"K", _json({"time_s": time_s, "release_s": release, "key": key})))

    def begin(self, time_s: float, kind: str, text: str) -> None:
        """Begin a span."""
        self._write(_frame(b"B", _json({"time_s": time_s, "kind": kind, "text": text})))

    def end(self, time_s: float) -> None:
        """End the span that was begun last."""
        self._write(_frame(b"E", _json({"time_s": time_s})))

    def note(self, kind: str, samples: int, text: str) -> None:
        """Append what happened to the signal at this moment."""
        self._write(_frame(b"N", _json({"time_s": self.time_s, "kind": kind, "samples": samples, "text": text})))

    def sync(self) -> None:
        """Wait until all is on the disk, so that a loss of power cannot take it."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """Let go of the file; it stays a journal."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def finish(self) -> Recording:
        """Put a native session file in the journal's place and open it; OutputError: there is no room, it stays."""
        self.sync()
        try:
            return finish(self.path, locked=True)
        finally:
            self.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            os.ftruncate(self._file, self._size)
            raise self._failure(error) from error
        self._size += len(data)

    def _failure(self, error: OSError) -> OutputError:
        wrong = f"recording stopped at {self.time_s:.1f} s ({error.strerror}); what came before is in the file"
        return OutputError(self.path, wrong, "free space or choose another place")


def is_recorded_to(path: str | Path) -> bool:
    """Whether a process holds the journal for writing."""
    try:
        with Path(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def finish(path: str | Path, locked: bool = False) -> Recording:
    """Turn a journal into a native session file of the same name, and open that; its notes go into attribute "notes".

    OutputError if it cannot be written, or if a process records to it (unless that is the caller: `locked`).
    """
    if not is_journal(path):
        raise RecordingError(path, "is no unfinished recording", "nothing needs to be done")
    if not locked and is_recorded_to(path):
        raise OutputError(path, "is being recorded to by another process", "end that one first")
    try:
        save_session(open_journal(path), path, notes=as_json(journal_notes(path)))
    except OutputError as error:
        wrong = f"holds all that was recorded, but a session file {error.wrong}"
        raise OutputError(path, wrong, f"free space, then run `emgasr record {path} --finish`") from error
    return open_session(path)


def _frame(kind: bytes, payload: bytes) -> bytes:
    head = FRAME_HEAD.pack(kind, len(payload))
    return head + payload + FRAME_CHECK.pack(zlib.crc32(payload, zlib.crc32(head)))


def _json(facts: dict[str, Any]) -> bytes:
    return as_json(facts).encode()
