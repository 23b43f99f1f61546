"""HDF5 files open for reading: a path in, an h5py file out; its datasets and attributes, checked before they are read.

Files come from strangers. All values must stand in the file itself: no links, no storage outside, no datasets made of
others. Sizes are checked before anything is read, and every fault is one line.
"""

from __future__ import annotations

import atexit
import io
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.errors import RecordingError
from emgasr.files.pointers import check_fetched
from emgasr.files.regular_file import status_of

LARGEST_CHUNK = 1 << 28  # bytes, unpacked: what one sample of a chunked dataset can cost
LARGEST_WHOLE = 1 << 28  # bytes of a dataset that is read at once: labels
LARGEST_LABELS = 1 << 28  # bytes of labels as JSON
FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
AGAIN = "copy or convert it again"


class OpenFiles:
    """Keeps at most `limit` files open, closing the one longest unused; a file replaced on disk is opened anew.

    It locks nothing, and HDF5 does not recognize a file that others open by name: `h5py.File(path, "a")` works beside
    it. Later reads see what such a writer wrote.
    """

    def __init__(self, limit: int = 32) -> None:
        self.limit = limit
        self._reset()
        atexit.register(self._end)
        if hasattr(os, "register_at_fork"):  # a child must not share the parent's lock or handles
            os.register_at_fork(after_in_child=self._reset)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._files: OrderedDict[str, tuple[tuple[int, ...], h5py.File]] = OrderedDict()

    def _end(self) -> None:
        """Close for good: HDF5, closing these files after Python's end, would call into what is no longer there."""
        with self._lock:
            self.close()
            self.limit = -1

    def __len__(self) -> int:
        return len(self._files)

    @contextmanager
    def reading(self, path: str | Path) -> Iterator[h5py.File]:
        """Yield the open file; no other thread reads meanwhile (h5py would not let it). Failures: RecordingError."""
        with self._lock:
            try:
                yield self._get(Path(path))
            except (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, MemoryError) as error:
                # h5py raises any of them on damaged structures.
                raise RecordingError(path, f"is damaged ({_short(error)})", AGAIN) from error

    def close(self) -> None:
        """Let go of every file; one that is needed again is opened again."""
        with self._lock:
            while self._files:
                self._files.popitem()[1][1].close()

    def _get(self, path: Path) -> h5py.File:
        if self.limit < 0:
            raise RecordingError(path, "is asked for as the program ends", "")
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


def holds(file: h5py.File, name: str) -> bool:
    """Return whether a file holds something under a name, without following links, as `in` would."""
    return file.get(name, getlink=True) is not None


def dataset(path: Path, file: h5py.File, name: str, advice: str = AGAIN) -> h5py.Dataset:
    """Return the dataset of a name, all of whose values stand in this file; RecordingError for anything else."""
    owner: Any = file
    parts = name.split("/")
    for i, part in enumerate(parts):
        link = owner.get(part, getlink=True) if isinstance(owner, h5py.Group) else None
        if link is None:
            raise RecordingError(path, f"holds no dataset '{name}'", advice)
        if not isinstance(link, h5py.HardLink):
            where = "/".join(parts[: i + 1])
            raise RecordingError(path, f"'{where}' is a link elsewhere", "copy what it points to into the file")
        owner = owner[part]
    if not isinstance(owner, h5py.Dataset):
        raise RecordingError(path, f"holds no dataset '{name}'", advice)
    _check_storage(path, owner, name)
    return owner


def numbers(path: Path, file: h5py.File, name: str, advice: str = AGAIN) -> np.ndarray:
    """Return all of a small dataset (n,) of floats as float64."""
    found = dataset(path, file, name, advice)
    if found.ndim != 1 or found.dtype.kind != "f":
        raise RecordingError(path, f"'{name}' is {found.dtype} of {found.ndim} dimensions, not float64 (n,)")
    if found.size * found.dtype.itemsize > LARGEST_WHOLE:
        raise RecordingError(path, f"'{name}' has {found.size:,} values", "labels are fewer")
    return found[()].astype(np.float64)


def text(path: Path, file: h5py.File, name: str, advice: str = AGAIN) -> str:
    """Return the one text of a dataset."""
    found = dataset(path, file, name, advice)
    kind = h5py.check_string_dtype(found.dtype)
    if kind is None or found.shape != () or (kind.length or 0) > LARGEST_LABELS:
        raise RecordingError(path, f"'{name}' is {found.dtype} of shape {found.shape}, not a text", advice)
    return _decoded(path, f"'{name}'", found[()])


def attribute(path: Path, owner: h5py.Group, name: str, advice: str = AGAIN) -> Any:
    """Return an attribute that is one number or one text (str); RecordingError if it is missing or anything else."""
    if name not in owner.attrs:
        raise RecordingError(path, f"lacks the attribute '{name}'", advice)
    found = owner.attrs.get_id(name)
    kind = h5py.check_string_dtype(found.dtype)
    if found.shape != () or (kind is None and found.dtype.kind not in "iuf"):
        wrong = "not a number or a text" if kind is None else "not one text"
        raise RecordingError(path, f"attribute '{name}' is {found.dtype} of shape {found.shape}, {wrong}", advice)
    value = owner.attrs[name]
    return value if kind is None else _decoded(path, f"attribute '{name}'", value)


def text_attribute(path: Path, owner: h5py.Group, name: str, advice: str = AGAIN) -> str:
    """Return an attribute that is one text."""
    value = attribute(path, owner, name, advice)
    if not isinstance(value, str):
        raise RecordingError(path, f"attribute '{name}' is {value!r}, not text", advice)
    return value


def number_attribute(path: Path, owner: h5py.Group, name: str, advice: str = AGAIN) -> float:
    """Return an attribute that is one finite number."""
    value = attribute(path, owner, name, advice)
    if isinstance(value, str) or not math.isfinite(value):
        raise RecordingError(path, f"attribute '{name}' is {value!r}, not a number", advice)
    return float(value)


def _check_storage(path: Path, found: h5py.Dataset, name: str) -> None:
    """Raise a RecordingError if a dataset's values are not all in this file, or unpack without bounds."""
    created = found.id.get_create_plist()
    if created.get_external_count():
        raise RecordingError(path, f"the values of '{name}' stand in another file", "copy them into this one")
    if found.is_virtual:
        raise RecordingError(path, f"'{name}' is put together of other datasets (virtual)", "copy their values into it")
    for i in range(created.get_nfilters()):
        code, _, _, called = created.get_filter(i)
        if not h5py.h5z.filter_avail(code) or code not in FILTERS:
            shown = FILTERS.get(code) or called.decode("utf-8", "replace") or f"number {code}"
            raise RecordingError(path, f"'{name}' is compressed by {shown}", "save it with gzip, or uncompressed")
    if not found.size:
        return
    if found.chunks is None:
        if not found.id.get_storage_size():
            raise RecordingError(path, f"no value of '{name}' was ever written", "record or convert it again")
        return
    size = math.prod(found.chunks) * found.dtype.itemsize
    if size > LARGEST_CHUNK:
        raise RecordingError(path, f"'{name}' is in chunks of {size:,} bytes", "save it in chunks of a second or so")
    wanted = math.prod(-(-n // chunk) for n, chunk in zip(found.shape, found.chunks, strict=True))
    if (written := _chunks_written(found, wanted)) < wanted:
        wrong = f"{wanted - written:,} of the {wanted:,} chunks of '{name}' were never written"
        raise RecordingError(path, wrong, "record or convert it again")


def _chunks_written(found: h5py.Dataset, wanted: int) -> int:
    """Return how many chunks of a dataset the file holds, each at its own place and through all filters."""
    if (count := found.id.get_num_chunks()) < wanted:
        return count
    places: set[tuple[int, ...]] = set()

    def visit(chunk: Any) -> None:
        where = zip(chunk.chunk_offset, found.shape, found.chunks, strict=True)
        if not chunk.filter_mask and all(0 <= at < n and at % size == 0 for at, n, size in where):
            places.add(chunk.chunk_offset)

    found.id.chunk_iter(visit)
    return len(places)


def _decoded(path: Path, what: str, value: Any) -> str:
    if isinstance(value, np.bytes_ | bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RecordingError(path, f"{what} is not UTF-8 text", AGAIN) from error
    if not isinstance(value, str) or any("\ud800" <= character <= "\udfff" for character in value):
        raise RecordingError(path, f"{what} is not UTF-8 text", AGAIN)
    return str(value)


class _PythonFile(io.FileIO):
    """A file that HDF5 reads through Python, so that it does not collide with the same file opened by name."""

    def readinto(self, buffer: Any, /) -> int:
        """Fill the whole buffer, with zeros after the end: HDF5 does not notice that it got less than it asked for."""
        view, got = memoryview(buffer).cast("B"), 0
        while got < len(view) and (more := super().readinto(view[got:])):
            got += more
        view[got:] = bytes(len(view) - got)
        if view[:4] == b"GCOL":
            _check_heap(view)
        return len(view)


def _check_heap(heap: memoryview) -> None:
    """Raise an OSError for a heap of texts with an object of no length, in which HDF5 would search forever."""
    end, at = min(len(heap), int.from_bytes(heap[8:16], "little")), 16
    while at + 16 <= end:
        length = int.from_bytes(heap[at + 8 : at + 16], "little")
        is_free = not any(heap[at : at + 2])
        step = length if is_free else 16 + -(-length // 8) * 8
        if step < 16:
            raise OSError("a heap of texts is damaged")
        at += step


def _identity(path: Path) -> tuple[int, ...]:
    status = status_of(path, RecordingError, "give a recording's file")
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _open(path: Path) -> h5py.File:
    if path.stat().st_size == 0:
        raise RecordingError(path, "is empty (zero bytes)", "copy or record it again")
    try:
        check_fetched(path, RecordingError)
        with path.open("rb"):  # tells "no permission" from "not HDF5"
            pass
        if not h5py.is_hdf5(path):
            raise RecordingError(path, "is not an HDF5 file", "give a session file, or name the corpus it comes from")
        return h5py.File(_PythonFile(path, "rb"), "r")
    except OSError as error:
        wrong = "is truncated" if "truncated" in str(error) else f"cannot be opened ({_short(error)})"
        raise RecordingError(path, wrong, AGAIN) from error


def _short(error: Exception) -> str:
    text = str(error).strip("'\"")
    return getattr(error, "strerror", None) or text.partition("(")[2].rstrip(")") or text
