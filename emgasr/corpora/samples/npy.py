"""NumPy files: a .npy path in, its numbers (T, C) mapped into memory out, with what lies beyond them told."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emgasr.errors import RecordingError

MAGIC = b"\x93NUMPY"
OTHERS = {b"PK": "is a zip archive (.npz), not one array", b"\x80": "is a pickle, which is never loaded"}


def map_npy(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array mapped into memory, and notes; RecordingError for a cut file, and for what is no number."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(MAGIC))
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the file") from error
    if begin != MAGIC:
        wrong = next((what for start, what in OTHERS.items() if begin.startswith(start)), None)
        raise RecordingError(path, wrong or "is truncated or not a .npy array of numbers", "save it with numpy.save")
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy documents none for a damaged header: it evaluates it as Python literals
        raise RecordingError(path, "is truncated or not a .npy array of numbers", "restore the file") from error
    _check_kind(path, values)
    beyond = path.stat().st_size - values.offset - values.nbytes
    return values, (f"{beyond} bytes lie beyond what its header promises and are not read",) if beyond > 0 else ()


def _check_kind(path: Path, values: np.ndarray) -> None:
    if values.dtype.names:
        fields = ", ".join(values.dtype.names)
        raise RecordingError(path, f"holds a table with the fields {fields}", "save the field that holds the samples")
    if values.dtype.kind not in "iuf":
        raise RecordingError(path, f"holds {values.dtype}, not numbers", "save integers or floats")
