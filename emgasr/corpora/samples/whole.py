"""Files that can only be read whole: a path in; samples that are read when sliced, and runs of equal labels, out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.errors import RecordingError
from emgasr.files.regular_file import changed, status_of
from emgasr.files.rows import row_range

Stamp = tuple[int, int]


def stamp_of(path: Path) -> Stamp:
    """Return size and time of a file: what a cache keeps of its content holds for these alone."""
    status = status_of(path, RecordingError)
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True, eq=False)
class WholeSamples:
    """Samples (T, C) float32 of a file that `read` returns whole, perhaps from its cache; times `scale`.

    `read` is a function of a module, so that the samples can be sent to another process.
    """

    path: Path
    shape: tuple[int, ...]
    read: Callable[[Path], np.ndarray]
    scale: float = 1.0

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        samples = self.read(self.path)
        if samples.shape != self.shape:
            raise changed(self.path)
        return samples[start:stop] * np.float32(self.scale)


def runs_of(labels: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield each run of one label in (T,) whole numbers: its first sample, the end, and the label."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    for start, stop in zip([0, *edges.tolist()], [*edges.tolist(), len(labels)], strict=True):
        yield start, stop, int(labels[start])
