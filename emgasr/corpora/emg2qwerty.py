"""emg2qwerty's HDF5 sessions (arXiv 2410.20081): typing with a ring of 16 electrodes on each wrist in, Recordings out.

The layout: group `emg2qwerty` with the compound dataset `timeseries` (emg_left, emg_right: 16 x f4 each; time: f8 unix
seconds) and attributes user, session_name, keystrokes and prompts (the last two JSON). 2,000 Hz, µV.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.errors import RecordingError
from emgasr.hdf5 import OPEN_FILES
from emgasr.manifest import Entry, Findings
from emgasr.recording import Band, Events, Recording, Spans, row_range

RATE_HZ = 2000.0  # of the corpus; its files do not say
ELECTRODES = 16  # on each wrist
GROUP, TABLE = "emg2qwerty", "emg2qwerty/timeseries"
FIELDS = ("emg_left", "emg_right")
RATE_TOLERANCE = 0.01


@dataclass(frozen=True, eq=False)
class TableSamples:
    """Fields of an HDF5 table side by side, (T, C) float32; `times` are the unix times of the same rows."""

    path: Path
    table: str
    fields: tuple[str, ...]
    shape: tuple[int, ...]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        with OPEN_FILES.reading(self.path) as file:
            table = file[self.table].fields(list(self.fields))[start:stop]
        return np.concatenate([table[name] for name in self.fields], axis=1)

    def times(self, start: int, stop: int) -> np.ndarray:
        """Unix seconds of rows start to stop."""
        with OPEN_FILES.reading(self.path) as file:
            return file[self.table].fields("time")[start:stop]


def open_recording(path: str | Path) -> Recording:
    """Open a session; labels are moved from unix time to seconds from the first sample, by the samples' own clock."""
    path = Path(path)
    with OPEN_FILES.reading(path) as file:
        table = _table(path, file)
        attributes = file[GROUP].attrs
        user, name = (_text(path, attributes, key) for key in ("user", "session_name"))
        keystrokes, prompts = (_json(path, attributes, key) for key in ("keystrokes", "prompts"))
        total = table.shape[0]
        if total == 0:
            raise RecordingError(path, "holds no samples", "leave it out")
        rows, times = clock_anchors(path, table)
    clock = partial(to_seconds, rows=rows, times=times)
    return Recording(
        samples=TableSamples(path.absolute(), TABLE, FIELDS, (total, 2 * ELECTRODES)),
        rate_hz=RATE_HZ,
        unit="uV",
        bands=(Band.numbered("left", ELECTRODES, ring=True), Band.numbered("right", ELECTRODES, ring=True)),
        subject=user,
        session=name,
        events=_events(path, keystrokes, clock),
        spans=_spans(path, prompts, clock),
        start_unix_s=float(times[0]),
    )


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Every session below `folder`, in the order of their paths."""
    return [_entry(path) for path in sorted(folder.rglob("*.hdf5")) if not path.name.startswith(".")]


def _entry(path: Path) -> Entry:
    recording = open_recording(path)
    return Entry.of(recording, path, "emg2qwerty")


def _table(path: Path, file: h5py.File) -> h5py.Dataset:
    table = file.get(TABLE)
    if not isinstance(table, h5py.Dataset):
        raise RecordingError(path, f"holds no dataset '{TABLE}'", "give an emg2qwerty session")
    if table.ndim != 1 or table.dtype.names is None:
        raise RecordingError(path, f"'{TABLE}' is not a table with named fields", "give an emg2qwerty session")
    wanted = {**{name: ((ELECTRODES,), np.float32) for name in FIELDS}, "time": ((), np.float64)}
    for name, (shape, dtype) in wanted.items():
        if name not in table.dtype.names:
            raise RecordingError(path, f"'{TABLE}' lacks the field '{name}'", f"it has {', '.join(table.dtype.names)}")
        found = table.dtype[name]
        if found.shape != shape or found.base != dtype:
            raise RecordingError(path, f"field '{name}' is {found}", f"it must be {shape or 'one'} {np.dtype(dtype)}")
    return table


def clock_anchors(path: Path, table: h5py.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a table at 2 kHz with a field `time`, and their unix times: one a second, all where samples were lost.

    RecordingError for times that go back, are not finite or tell another rate.
    """
    time, total = table.fields("time"), table.shape[0]
    step = round(RATE_HZ)
    rows = np.append(np.arange(0, total - 1, step), total - 1)
    times = np.append(time[::step][: len(rows) - 1], time[total - 1 :])
    if not np.isfinite(times).all():
        raise RecordingError(path, "'time' is not finite", "leave the session out")
    steps = np.diff(times)
    if (steps < 0).any():
        raise RecordingError(path, f"'time' goes back near row {rows[int(np.argmax(steps < 0))]}", "leave it out")
    rates = np.diff(rows) / np.maximum(steps, 1e-9)
    uneven = abs(rates / RATE_HZ - 1) > RATE_TOLERANCE
    if len(rates) > 1 and uneven[:-1].mean() > 0.5:
        found = np.median(rates[:-1])
        raise RecordingError(path, f"its times tell {found:.1f} Hz, the corpus has {RATE_HZ:.0f}", "check the file")
    for i in np.flatnonzero(uneven):
        rows = np.append(rows, np.arange(rows[i], rows[i + 1]))
        times = np.append(times, time[rows[i] : rows[i + 1]])
    order = np.argsort(rows, kind="stable")
    return rows[order], times[order]


def to_seconds(unix_s: float, rows: np.ndarray, times: np.ndarray) -> float:
    """From unix time to seconds of signal, which follow the samples' own times (`clock_anchors`) through any gap."""
    if unix_s <= times[0]:
        return unix_s - float(times[0])
    if unix_s >= times[-1]:
        return float(rows[-1] / RATE_HZ + unix_s - times[-1])
    return float(np.interp(unix_s, times, rows / RATE_HZ))


def _events(path: Path, keystrokes: list[Any], clock: Callable[[float], float]) -> Events:
    presses = []
    for number, stroke in enumerate(keystrokes):
        try:
            end = stroke.get("end")
            release = math.nan if end is None else clock(_finite(end))
            presses.append((clock(_finite(stroke["start"])), release, str(stroke["key"])))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordingError(path, f"keystroke {number} lacks a key or a time", "leave the session out") from error
    return Events.of(presses)


def _spans(path: Path, prompts: list[Any], clock: Callable[[float], float]) -> Spans:
    spans = []
    for number, prompt in enumerate(prompts):
        try:
            text = (prompt.get("payload") or {}).get("text")
            if text is None:  # a pause or an instruction: nothing was to be typed
                continue
            spans.append((clock(_finite(prompt["start"])), clock(_finite(prompt["end"])), "prompt", str(text)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordingError(path, f"prompt {number} lacks a time or text", "leave the session out") from error
    return Spans.of(spans)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def _text(path: Path, attributes: h5py.AttributeManager, name: str) -> str:
    if name not in attributes:
        raise RecordingError(path, f"lacks the attribute '{name}'", "give an emg2qwerty session")
    value = attributes[name]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _json(path: Path, attributes: h5py.AttributeManager, name: str) -> list[Any]:
    try:
        values = json.loads(_text(path, attributes, name))
    except ValueError as error:
        raise RecordingError(path, f"attribute '{name}' is broken JSON ({error})", "leave the session out") from error
    if not isinstance(values, list):
        raise RecordingError(path, f"attribute '{name}' is not a JSON list", "leave the session out")
    return values
