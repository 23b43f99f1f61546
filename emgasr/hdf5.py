"""HDF5 files open for reading: a path in, an h5py file out; a bounded number stay open, across threads and forks."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from emgasr.errors import RecordingError


class OpenFiles:
    """Keeps at most `limit` files open, closing the one longest unused; a file replaced on disk is opened anew."""

    def __init__(self, limit: int = 32) -> None:
        self.limit = limit
        self._reset()
        if hasattr(os, "register_at_fork"):  # a child must not share the parent's lock or handles
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._files: OrderedDict[str, tuple[tuple[int, ...], h5py.File]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    @contextmanager
    def reading(self, path: str | Path) -> Iterator[h5py.File]:
        """Yield the open file; no other thread reads meanwhile (h5py would not let it). Failures: RecordingError."""
        with self._lock:
            try:
                yield self._get(Path(path))
            except (OSError, KeyError, RuntimeError) as error:  # h5py raises any of them on damaged structures
                raise RecordingError(path, f"is damaged ({_short(error)})", "copy or convert it again") from error

    def _get(self, path: Path) -> h5py.File:
        key = os.path.abspath(path)
        identity = _identity(path)
        held = self._files.pop(key, None)
        if held is not None and held[0] != identity:
            held[1].close()
            held = None
        if held is None:
            held = (identity, _open(path))
        self._files[key] = held
        while len(self._files) > self.limit:
            self._files.popitem(last=False)[1][1].close()
        return held[1]


OPEN_FILES = OpenFiles()


def _identity(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError as error:
        raise RecordingError(path, f"cannot be opened ({error.strerror})", "check the path") from error
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _open(path: Path) -> h5py.File:
    if path.is_dir():
        raise RecordingError(path, "is a folder", "give a recording's file")
    if path.stat().st_size == 0:
        raise RecordingError(path, "is empty (zero bytes)", "copy or record it again")
    try:
        with path.open("rb"):  # tells "no permission" from "not HDF5"
            pass
        if not h5py.is_hdf5(path):
            raise RecordingError(path, "is not an HDF5 file", "give a session file, or name the corpus it comes from")
        return h5py.File(path, "r", locking=False)  # written once by renaming, so nothing to lock out
    except OSError as error:
        wrong = "is truncated" if "truncated" in str(error) else f"cannot be opened ({_short(error)})"
        raise RecordingError(path, wrong, "copy or convert it again") from error


def _short(error: Exception) -> str:
    text = str(error).strip("'\"")
    return getattr(error, "strerror", None) or text.partition("(")[2].rstrip(")") or text
