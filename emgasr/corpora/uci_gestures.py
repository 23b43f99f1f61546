"""UCI's "EMG data for gestures" (Lobov et al., Sensors 18:1122): a text file of a Myo's log in, a Recording out.

The layout: a folder a subject (01 to 36) with two files; a header, then rows of time in ms, eight channels in V and the
class (0 unmarked, 1 rest, 2 fist, 3 flexion, 4 extension, 5 radial, 6 ulnar, 7 palm). Rows come about every ms, mostly
repeating the one before; the device updates at 200 Hz, so they are laid on such a grid, each point the newest row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from emgasr.corpora.arrays import Stamp, stamp_of
from emgasr.errors import RecordingError
from emgasr.manifest import Entry, Findings
from emgasr.plain_text import read_lines
from emgasr.recording import Band, Recording, Spans, row_range

RATE_HZ, ELECTRODES, COLUMNS = 200.0, 8, 10
LABELS = ("", "rest", "fist", "flexion", "extension", "radial", "ulnar", "palm")
MICROVOLTS = 1e6
LOG_RATES_HZ = (200.0, 2000.0)  # of the log's rows: what they mostly are, with room


def open_recording(path: str | Path) -> Recording:
    """Open one file; marked stretches become spans, class 1 of kind "rest", the others of kind "gesture"."""
    path = Path(path)
    samples, spans = _read(path, stamp_of(path))
    return Recording(
        samples=_TextSamples(path.absolute(), samples.shape),
        rate_hz=RATE_HZ,
        unit="uV",
        bands=(Band.numbered("forearm", ELECTRODES, ring=True),),
        subject=f"s{path.parent.name}",
        session=path.name[:1] if path.name[:2].endswith("_") else path.stem,
        spans=Spans.of(spans),
    )


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Every text file in a folder called by a number, in the order of their paths."""
    return [Entry.of(open_recording(path), path, "uci_gestures") for path in text_files(folder)]


def text_files(folder: Path) -> list[Path]:
    """The files of all subjects; a README beside the subjects' folders is none."""
    return sorted(path for path in folder.rglob("*.txt") if path.parent.name.isdecimal())


@dataclass(frozen=True, eq=False)
class _TextSamples:
    """Samples (T, 8) float32 in µV; a text file can only be read whole."""

    path: Path
    shape: tuple[int, ...]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        return _read(self.path, stamp_of(self.path))[0][start:stop]


@lru_cache(maxsize=4)
def _read(path: Path, stamp: Stamp) -> tuple[np.ndarray, tuple[tuple[float, float, str, str], ...]]:
    try:
        rows = [line.split() for line in read_lines(path, RecordingError, "check the path")][1:]
        # The last row of some published files is cut short.
        values = np.array([row for row in rows if len(row) == COLUMNS], dtype=np.float64)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the path") from error
    except ValueError as error:
        raise RecordingError(
            path, "is no table of time, eight channels and class", "give the UCI set's files"
        ) from error
    if len(values) < 2 or not np.isfinite(values).all():
        raise RecordingError(path, "holds no rows of ten numbers", "give the UCI set's files")
    time_s, classes = values[:, 0] / 1000, values[:, -1].astype(np.int64)
    if (np.diff(time_s) < 0).any():
        raise RecordingError(path, f"time goes back at row {int(np.argmax(np.diff(time_s) < 0)) + 3}", "leave it out")
    rate = (len(time_s) - 1) / max(time_s[-1] - time_s[0], 1e-9)
    if not LOG_RATES_HZ[0] <= rate <= LOG_RATES_HZ[1]:
        raise RecordingError(
            path, f"its rows come at {rate:.0f} Hz", "the UCI set's come at about 1000 Hz, times in ms"
        )
    if classes.min() < 0 or classes.max() >= len(LABELS):
        raise RecordingError(
            path, f"holds class {max(classes.max(), -classes.min())}", "the UCI set has classes 0 to 7"
        )
    grid = time_s[0] + np.arange(int((time_s[-1] - time_s[0]) * RATE_HZ) + 1) / RATE_HZ
    newest = np.searchsorted(time_s, grid + 1e-9, side="right") - 1
    samples = (values[newest, 1:-1] * MICROVOLTS).astype(np.float32)
    held = classes[newest]
    edges = np.flatnonzero(np.diff(held)) + 1
    bounds = zip([0, *edges.tolist()], [*edges.tolist(), len(held)], strict=True)
    spans = tuple(
        (a / RATE_HZ, b / RATE_HZ, "rest" if held[a] == 1 else "gesture", LABELS[held[a]]) for a, b in bounds if held[a]
    )
    return samples, spans
