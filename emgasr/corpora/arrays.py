"""Bare sample files (.npy, .wav, .csv): a path in, lazily read float32 samples (T, C) out, scaled to µV if asked."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.errors import RecordingError
from emgasr.recording import Samples, row_range

SUFFIXES = (".npy", ".wav", ".csv")
TIME_COLUMNS = ("time", "time_s", "t", "timestamp")
RATE_TOLERANCE = 0.01


Stamp = tuple[int, int]


def stamp_of(path: Path) -> Stamp:
    """Size and time of a file: what is kept of it in memory is as old as that."""
    try:
        status = path.stat()
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the path") from error
    return status.st_size, status.st_mtime_ns


def open_array(
    path: Path, rate_hz: float, scale: float = 1.0, offset: Sequence[float] | float = 0.0
) -> np.ndarray | Samples:
    """Samples (T, C) = stored values * scale + offset (one, or one a channel).

    .npy and .wav are read when sliced and hold no file open in between; .csv is read at once. A rate that the file
    itself tells (wav header, csv time column) must agree with `rate_hz`.
    """
    if not path.is_file():
        raise RecordingError(
            path, "is a folder" if path.is_dir() else "does not exist", "check the table that names it"
        )
    if path.stat().st_size == 0:
        raise RecordingError(path, "is empty (zero bytes)", "restore the file")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise RecordingError(path, f"unknown kind of file {suffix!r}", f"known: {', '.join(SUFFIXES)}")
    if suffix == ".csv":
        return _scaled(_read_csv(path, rate_hz), scale, offset)
    mapped = _map(path, rate_hz if suffix == ".wav" else None)
    offsets = tuple(np.atleast_1d(np.asarray(offset, dtype=np.float64)).tolist())
    if len(offsets) not in (1, mapped.shape[1]):
        raise RecordingError(path, f"{len(offsets)} offsets for {mapped.shape[1]} channels", "give one a channel")
    return _ArraySamples(path.absolute(), mapped.shape, scale, offsets)


@dataclass(frozen=True, eq=False)
class _ArraySamples:
    path: Path
    shape: tuple[int, ...]
    scale: float
    offset: tuple[float, ...]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        mapped = _map(self.path)
        if mapped.shape != self.shape:
            raise RecordingError(self.path, "changed since it was opened", "open it again")
        return _scaled(mapped[start:stop], self.scale, self.offset)


def _scaled(values: np.ndarray, scale: float, offset: Sequence[float] | float) -> np.ndarray:
    return (np.asarray(values, dtype=np.float64) * scale + np.asarray(offset)).astype(np.float32)


def _map(path: Path, rate_hz: float | None = None) -> np.ndarray:
    """The file's values (T, C) mapped into memory."""
    values = _map_wav(path, rate_hz) if path.suffix.lower() == ".wav" else _map_npy(path)
    if values.dtype.kind not in "iuf":
        raise RecordingError(path, f"holds {values.dtype}, not numbers", "save integers or floats")
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or 0 in values.shape:
        raise RecordingError(path, f"has shape {values.shape}", "save (samples, channels)")
    if values.shape[0] < values.shape[1]:
        raise RecordingError(path, f"has shape {values.shape}, more channels than samples", "save (samples, channels)")
    return values


def _map_npy(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RecordingError(path, "is truncated or not a .npy array of numbers", "restore the file") from error


def _map_wav(path: Path, rate_hz: float | None) -> np.ndarray:
    from scipy.io import wavfile

    try:
        try:
            rate, values = wavfile.read(path, mmap=True)
        except ValueError:  # 24-bit samples cannot be mapped
            rate, values = wavfile.read(path)
    except (ValueError, EOFError, OSError) as error:
        raise RecordingError(path, f"is truncated or not a WAV file ({error})", "restore the file") from error
    if rate_hz is not None and rate != rate_hz:
        raise RecordingError(path, f"its header tells {rate} Hz, the table {rate_hz:g} Hz", "mend whichever is wrong")
    return values


def _read_csv(path: Path, rate_hz: float) -> np.ndarray:
    """A header line is optional; a column called time (seconds) is checked and left out."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        first = next(csv.reader(file), [])
    header = [] if all(_is_number(cell) for cell in first) else [cell.strip().lower() for cell in first]
    try:
        values = np.loadtxt(path, delimiter=",", skiprows=1 if header else 0, ndmin=2, encoding="utf-8-sig")
    except ValueError as error:
        raise RecordingError(path, f"is not a table of numbers ({error})", "mend the row") from error
    if 0 in values.shape:
        raise RecordingError(path, "holds no samples", "leave it out")
    clocks = [i for i, name in enumerate(header) if name in TIME_COLUMNS]
    if clocks:
        _check_times(path, values[:, clocks[0]], rate_hz)
        values = np.delete(values, clocks[0], axis=1)
    return values


def _check_times(path: Path, times_s: np.ndarray, rate_hz: float) -> None:
    steps = np.diff(times_s)
    if not np.isfinite(times_s).all() or (steps < 0).any():
        at = int(np.argmax(~(steps >= 0))) + 1
        raise RecordingError(path, f"time goes back or is unknown at sample {at}", "mend or leave out the recording")
    if len(steps) and abs(np.mean(steps) * rate_hz - 1) > RATE_TOLERANCE:
        found = 1 / max(float(np.mean(steps)), 1e-9)
        raise RecordingError(
            path, f"its times tell {found:.1f} Hz, the table {rate_hz:g} Hz", "mend whichever is wrong"
        )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
