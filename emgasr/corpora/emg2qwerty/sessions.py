"""emg2qwerty's HDF5 sessions (arXiv 2410.20081): typing with a ring of 16 electrodes on each wrist in, Recordings out.

The layout: group `emg2qwerty` with the compound dataset `timeseries` (emg_left, emg_right: 16 x f4 each; time: f8 unix
seconds) and attributes user, session_name, keystrokes and prompts (the last two JSON). 2,000 Hz, µV.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.corpora.files import find_files, tell_notes
from emgasr.corpora.tables.clock import read_clock
from emgasr.errors import RecordingError
from emgasr.files.hdf5 import LARGEST_TEXT, OPEN_FILES, dataset, holds, text_attribute
from emgasr.files.plain_data import json_of
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Band, Events, Recording, Spans, row_range

RATE_HZ = 2000.0  # of the corpus; its files do not say
ELECTRODES = 16  # on each wrist
ADVICE = "give an emg2qwerty session"
GROUP, TABLE = "emg2qwerty", "emg2qwerty/timeseries"
HDF5 = (".hdf5", ".h5")
FIELDS = ("emg_left", "emg_right")
LEAVE_OUT = "leave the session out"


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
        user, name = (_name(path, file[GROUP], key) for key in ("user", "session_name"))
        keystrokes, prompts = (_json(path, file[GROUP], key) for key in ("keystrokes", "prompts"))
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
    """Every session below `folder` (.hdf5, .h5), in the order of their paths; one file is one session, one donning."""
    opened = [(path, open_recording(path)) for path in session_files(folder, findings)]
    tell_notes(findings, opened)
    return [Entry.of(recording, path, "emg2qwerty") for path, recording in opened]


def session_files(folder: Path, findings: Findings | None = None) -> list[Path]:
    """The HDF5 files below `folder` that are of this layout, or that cannot be opened, which reading them tells."""
    return find_files(folder, findings, lambda path: looks(path, GROUP), HDF5, "sessions of emg2qwerty")


def looks(path: Path, name: str) -> bool:
    """Whether an HDF5 file holds something of a name; True for what cannot be opened, which reading it tells."""
    try:
        with OPEN_FILES.reading(path) as file:
            return holds(file, name)
    except RecordingError:
        return True


def _table(path: Path, file: h5py.File) -> h5py.Dataset:
    table = dataset(path, file, TABLE, ADVICE)
    if table.ndim != 1 or table.dtype.names is None:
        raise RecordingError(path, f"'{TABLE}' is not a table with named fields", ADVICE)
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
            presses.append((clock(_finite(stroke["start"])), release, _text(stroke["key"])))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordingError(path, f"keystroke {number} lacks a key or a time", LEAVE_OUT) from error
    return Events.of(presses)


def _spans(path: Path, prompts: list[Any], clock: Callable[[float], float]) -> Spans:
    spans = []
    for number, prompt in enumerate(prompts):
        try:
            text = (prompt.get("payload") or {}).get("text")
            if text is None or text == "":  # a pause or an instruction: nothing was to be typed
                continue
            start, end = clock(_finite(prompt["start"])), clock(_finite(prompt["end"]))
            if end < start:
                raise ValueError("ends before it starts")
            spans.append((start, end, "prompt", _text(text)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordingError(path, f"prompt {number} lacks a time or text", LEAVE_OUT) from error
    return Spans.of(spans)


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a text")
    return value


def _name(path: Path, group: h5py.Group, name: str) -> str:
    told = text_attribute(path, group, name, ADVICE).strip()
    if not told:
        raise RecordingError(path, f"attribute '{name}' is empty", "say whose session it is")
    return told


def _json(path: Path, group: h5py.Group, name: str) -> list[Any]:
    told = text_attribute(path, group, name, ADVICE)
    try:
        values = json_of(told, path, RecordingError, "", LARGEST_TEXT)
    except RecordingError as error:
        raise RecordingError(path, f"attribute '{name}' is broken JSON ({error.wrong})", LEAVE_OUT) from error
    if not isinstance(values, list):
        raise RecordingError(path, f"attribute '{name}' is not a JSON list", LEAVE_OUT)
    return values
