"""emg2qwerty's HDF5 sessions (arXiv 2410.20081): typing with a ring of 16 electrodes on each wrist in, Recordings out.

The layout: group `emg2qwerty` with the compound dataset `timeseries` (emg_left, emg_right: 16 x f4 each; time: f8 unix
seconds) and attributes user, session_name, keystrokes and prompts (the last two JSON). 2,000 Hz, µV.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.corpora.clock import read_clock
from emgasr.errors import RecordingError
from emgasr.hdf5 import OPEN_FILES
from emgasr.manifest import Entry, Findings
from emgasr.recording import Band, Events, Recording, Spans, row_range

RATE_HZ = 2000.0  # of the corpus; its files do not say
ELECTRODES = 16  # on each wrist
GROUP, TABLE = "emg2qwerty", "emg2qwerty/timeseries"
FIELDS = ("emg_left", "emg_right")


@dataclass(frozen=True, eq=False)
class TableSamples:
    """Fields of an HDF5 table side by side, (T, C) float32; `times` are the unix times of the same rows.

    `lost` tells before which rows how many samples are lacking, by those times.
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
        clock = read_clock(path, "time", table.fields("time"), total, RATE_HZ)
    return Recording(
        samples=TableSamples(path.absolute(), TABLE, FIELDS, (total, 2 * ELECTRODES), clock.lost()),
        rate_hz=RATE_HZ,
        unit="uV",
        bands=(Band.numbered("left", ELECTRODES, ring=True), Band.numbered("right", ELECTRODES, ring=True)),
        subject=user,
        session=name,
        events=_events(path, keystrokes, clock.to_seconds),
        spans=_spans(path, prompts, clock.to_seconds),
        start_unix_s=float(clock.times_s[0]),
        notes=clock.notes(),
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
