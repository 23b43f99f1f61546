"""Samples that stay in their file in; some of their rows, or of their channels, that stay there too, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


def row_range(rows: slice, n: int) -> tuple[int, int]:
    """Return the first row and the end of a slice of `n` rows; lazy samples are read in steps of one."""
    start, stop, step = rows.indices(n)
    if step != 1:
        raise ValueError("lazy samples are sliced in steps of one; read them, then stride")
    return start, max(start, stop)


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows `first` to `last` of other samples (T, C), read when they are sliced."""

    samples: Any
    first: int
    last: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.last - self.first, int(self.samples.shape[1]))

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.last - self.first)
        found: np.ndarray = self.samples[self.first + start : self.first + stop]
        return found


@dataclass(frozen=True, eq=False)
class Columns:
    """Some channels of other samples (T, C), in the order of `places`, read when rows are sliced."""

    samples: Any
    places: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (int(self.samples.shape[0]), len(self.places))

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        return np.ascontiguousarray(self.samples[start:stop][:, list(self.places)])
