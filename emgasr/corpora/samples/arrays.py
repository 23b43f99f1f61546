"""Bare sample files (.npy, .wav, .csv): a path in; samples (T, C) in µV or counts, their clocks and notes out.

One rule for all formats: a file that is shorter than its header promises, or whose header was never finished, is
refused with what is there and what was promised; bytes beyond what it promises are not read, and told in a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from emgasr.corpora.csv.columns import rises_evenly
from emgasr.corpora.samples.npy import map_npy
from emgasr.corpora.samples.wav import WavHeader, read_header, read_rows
from emgasr.corpora.tables.clock import Clock
from emgasr.errors import RecordingError
from emgasr.files.regular_file import changed, check_regular, status_of
from emgasr.files.rows import row_range
from emgasr.recording import Samples

TABLES = (".csv", ".tsv", ".txt")
SUFFIXES = (".npy", ".wav", *TABLES)
LOOKED_AT = 4096  # rows of an array that show whether a channel is an index or a clock

Offset = Sequence[float] | float


@dataclass(frozen=True, eq=False)
class SampleFile:
    """Samples (T, C), the clocks beside them in the file, the best first, notes, and the units that its header says."""

    samples: np.ndarray | Samples
    clocks: tuple[Clock, ...] = ()
    notes: tuple[str, ...] = ()
    units: tuple[str, ...] = ()


def open_samples(
    path: Path,
    rate_hz: float,
    scale: float = 1.0,
    offset: Offset = 0.0,
    unit: str | None = None,
    columns: Sequence[str] = (),
) -> SampleFile:
    """Samples = stored steps * scale + offset (one, or one a channel); RecordingError for a file that is not whole.

    .npy and .wav are read when sliced and hold no file open in between; tables of text are read at once. A rate or a
    unit that the file itself tells must agree with `rate_hz` and `unit` (uV or counts). `columns` name the electrodes
    of a table where its header leaves that open.
    """
    _check_file(path)
    suffix = path.suffix.lower()
    if suffix in TABLES:
        from emgasr.corpora.csv.samples import read_csv

        table = read_csv(path, rate_hz, columns)
        if unit is not None:
            table.check_units(path, unit, scale)
        offsets = _offsets(path, offset, _checked(path, table.values.shape)[1])
        return SampleFile(_scaled(table.values, scale, offsets), table.clocks, table.notes, table.voltages)
    if columns:
        raise RecordingError(path, "is no table of text: it has no columns to choose", "leave out columns (--columns)")
    if suffix == ".wav":
        header = read_header(path)
        if abs(header.rate_hz - rate_hz) >= 1:  # a WAV header keeps whole Hz
            wrong = f"its header tells {header.rate_hz} Hz, {rate_hz:g} Hz are declared"
            raise RecordingError(path, wrong, "mend whichever is wrong")
        shape, notes = _checked(path, (header.frames, header.channels)), header.notes
        wav = partial(_wav_rows, path.absolute(), header, status_of(path, RecordingError).st_size)
        return SampleFile(_Scaled(shape, scale, _offsets(path, offset, shape[1]), wav), (), notes)
    values, notes = map_npy(path)
    shape = _checked(path, values.shape)
    rising = [i + 1 for i, column in enumerate(values.reshape(shape)[:LOOKED_AT].T) if rises_evenly(column)]
    if rising and len(rising) < shape[1]:
        told = ", ".join(map(str, rising))
        notes = (*notes, f"channel {told} (from 1) rises evenly, as an index or a clock does and no muscle")
    npy = partial(_npy_rows, path.absolute(), shape)
    return SampleFile(_Scaled(shape, scale, _offsets(path, offset, shape[1]), npy), (), notes)


def told_by_row(row: Mapping[str, str], **options: Sequence[str]) -> dict[str, object]:
    """Return a reader's options `columns` and `label_clock`: from a table's row where it has them, else as given."""
    told: dict[str, object] = {}
    for name, given in options.items():
        if cell := row.get(name, "").strip():
            given = cell if name == "label_clock" else [part.strip() for part in re.split("[,;|]", cell)]
        if given:
            told[name] = given if isinstance(given, str) else list(given)
    return told


@dataclass(frozen=True, eq=False)
class _Scaled:
    """Samples (T, C) of a file: what `read` returns of rows start to stop, times `scale`, plus `offset`."""

    shape: tuple[int, ...]
    scale: float
    offset: tuple[float, ...]
    read: Callable[[int, int], np.ndarray]  # a function of a module with its first arguments, so that it can be pickled

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        return _scaled(self.read(*row_range(rows, self.shape[0])), self.scale, self.offset)


def _npy_rows(path: Path, shape: tuple[int, ...], start: int, stop: int) -> np.ndarray:
    mapped, _ = map_npy(path)
    if _two_dimensional(mapped.shape) != shape:
        raise changed(path)
    return mapped.reshape(shape)[start:stop]


def _wav_rows(path: Path, header: WavHeader, size: int, start: int, stop: int) -> np.ndarray:
    if status_of(path, RecordingError).st_size != size:
        raise changed(path)
    return read_rows(path, header, start, stop)


def _check_file(path: Path) -> None:
    if check_regular(path, RecordingError, "check the table that names it").st_size == 0:
        raise RecordingError(path, "is empty (zero bytes)", "restore the file")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        raise RecordingError(path, "is an archive of arrays (.npz)", "save the array of samples alone, as .npy")
    if suffix not in SUFFIXES:
        raise RecordingError(path, f"unknown kind of file {suffix!r}", f"known: {', '.join(SUFFIXES)}")


def _two_dimensional(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], 1) if len(shape) == 1 else tuple(shape)


def _checked(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape as (T, C), or a RecordingError for one that cannot be meant."""
    full = _two_dimensional(shape)
    if len(full) != 2 or 0 in full:
        raise RecordingError(path, f"has shape {shape}", "save (samples, channels)")
    if full[0] < full[1]:
        raise RecordingError(
            path, f"has more channels than samples ({full[1]} and {full[0]})", "save a row a sample, a column a channel"
        )
    return full


def _offsets(path: Path, offset: Offset, channels: int) -> tuple[float, ...]:
    offsets = tuple(np.atleast_1d(np.asarray(offset, dtype=np.float64)).tolist())
    if len(offsets) not in (1, channels):
        raise RecordingError(path, f"{len(offsets)} offsets for {channels} channels", "give one a channel")
    return offsets


def _scaled(values: np.ndarray, scale: float, offset: tuple[float, ...]) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is inf: `emgasr validate` tells it
        return (np.asarray(values, dtype=np.float64) * scale + np.asarray(offset)).astype(np.float32)
