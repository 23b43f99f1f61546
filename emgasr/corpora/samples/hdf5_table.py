"""An HDF5 file with a table of signals and times in; the table, checked, and samples (T, C) of its fields out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.errors import RecordingError
from emgasr.files.hdf5 import OPEN_FILES, dataset, holds
from emgasr.files.rows import row_range

HDF5 = (".hdf5", ".h5")


@dataclass(frozen=True, eq=False)
class TableSamples:
    """Fields of an HDF5 table side by side, (T, C) float32; `times` are the unix times of the same rows.

    `lost` holds (row, samples): how many samples are lacking before which rows, by those times.
    """

    path: Path
    table: str
    fields: tuple[str, ...]
    shape: tuple[int, ...]
    lost: tuple[tuple[int, int], ...] = ()

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        with OPEN_FILES.reading(self.path) as file:
            table = file[self.table].fields(list(self.fields))[start:stop]
        return np.concatenate([table[name] for name in self.fields], axis=1)

    def times(self, start: int, stop: int) -> np.ndarray:
        """Return the unix seconds of rows start to stop."""
        with OPEN_FILES.reading(self.path) as file:
            return file[self.table].fields("time")[start:stop]


def table_of(path: Path, file: h5py.File, name: str, fields: Mapping[str, Any], advice: str) -> h5py.Dataset:
    """Return the table of a name, which has rows, and `fields` of the given types (what `np.dtype` takes).

    Raises:
        RecordingError: There is no such table, it lacks a field or rows, or a field is of another type.
    """
    table = dataset(path, file, name, advice)
    if table.ndim != 1 or table.dtype.names is None:
        raise RecordingError(path, f"'{name}' is not a table with named fields", advice)
    for field, wanted in fields.items():
        if field not in table.dtype.names:
            raise RecordingError(path, f"'{name}' lacks the field '{field}'", f"it has {', '.join(table.dtype.names)}")
        if table.dtype[field] != np.dtype(wanted):
            raise RecordingError(path, f"field '{field}' is {table.dtype[field]}", f"it must be {np.dtype(wanted)}")
    if table.shape[0] == 0:
        raise RecordingError(path, "holds no samples", "leave it out")
    return table


def may_hold(path: Path, name: str) -> bool:
    """Return whether an HDF5 file holds something of a name; True if it cannot be opened: its reader says why."""
    try:
        with OPEN_FILES.reading(path) as file:
            return holds(file, name)
    except RecordingError:
        return True
