"""emg2qwerty's HDF5 sessions (arXiv 2410.20081): typing with a ring of 16 electrodes on each wrist in, Recordings out.

The layout: group `emg2qwerty` with the compound dataset `timeseries` (emg_left, emg_right: 16 x f4 each; time: f8 unix
seconds) and attributes user, session_name, keystrokes and prompts (the last two JSON). 2,000 Hz, µV.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.config.fields import fields_of
from emgasr.corpora.files import find_files, tell_notes
from emgasr.corpora.samples.hdf5_table import HDF5, TableSamples, may_hold, table_of
from emgasr.corpora.tables.clock import read_clock
from emgasr.errors import RecordingError
from emgasr.files.hdf5 import LARGEST_LABELS, OPEN_FILES, text_attribute
from emgasr.files.plain_data import json_of
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Band, Events, Recording, Spans

RATE_HZ = 2000.0  # of the corpus; its files do not say
ELECTRODES = 16  # on each wrist
# bipolar: channels.tsv and emg.json of the BIDS edition (NEMAR nm000104) say so of every channel.
BANDS = tuple(Band.numbered(hand, ELECTRODES, ring=True, montage="bipolar") for hand in ("left", "right"))
ADVICE = "give an emg2qwerty session"
GROUP, TABLE = "emg2qwerty", "emg2qwerty/timeseries"
FIELDS = ("emg_left", "emg_right")
COLUMNS = {**dict.fromkeys(FIELDS, (np.float32, ELECTRODES)), "time": np.float64}
KEYSTROKE = {"key": str, "start": float, "end": float | None}
PROMPT = {"start": float, "end": float}
LEAVE_OUT = "leave the session out"


def open_recording(path: str | Path) -> Recording:
    """Open a session; the samples' own clock moves labels from unix time to seconds from the first sample."""
    path = Path(path)
    with OPEN_FILES.reading(path) as file:
        table = table_of(path, file, TABLE, COLUMNS, ADVICE)
        user, name = (_name(path, file[GROUP], key) for key in ("user", "session_name"))
        keystrokes, prompts = (_json(path, file[GROUP], key) for key in ("keystrokes", "prompts"))
        total = table.shape[0]
        clock = read_clock(path, "time", table.fields("time"), total, RATE_HZ)
    return Recording(
        samples=TableSamples(path.absolute(), TABLE, FIELDS, (total, 2 * ELECTRODES), clock.lost()),
        rate_hz=RATE_HZ,
        unit="uV",
        bands=BANDS,
        subject=user,
        session=name,
        events=_events(path, keystrokes, clock.to_seconds),
        spans=_spans(path, prompts, clock.to_seconds),
        start_unix_s=float(clock.times_s[0]),
        notes=clock.notes(),
    )


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Return every session below `folder` (.hdf5, .h5), sorted by path; a file is a session, with one donning."""
    opened = [(path, open_recording(path)) for path in session_files(folder, findings)]
    tell_notes(findings, opened)
    return [Entry.of(recording, path, "emg2qwerty") for path, recording in opened]


def session_files(folder: Path, findings: Findings | None = None) -> list[Path]:
    """Return the HDF5 files below `folder` that are of this layout, or that cannot be opened: reading them says why."""
    return find_files(folder, findings, lambda path: may_hold(path, GROUP), HDF5, "sessions of emg2qwerty")


def _events(path: Path, keystrokes: list[Any], clock: Callable[[float], float]) -> Events:
    presses = []
    for number, stroke in enumerate(keystrokes):
        facts = fields_of(stroke, KEYSTROKE, path, RecordingError, LEAVE_OUT, f"keystroke {number}")
        if not facts["key"]:
            raise RecordingError(path, f"keystroke {number} names no key", LEAVE_OUT)
        release = math.nan if facts["end"] is None else clock(facts["end"])
        presses.append((clock(facts["start"]), release, facts["key"]))
    return Events.of(presses)


def _spans(path: Path, prompts: list[Any], clock: Callable[[float], float]) -> Spans:
    """Return the prompts that have a text; others are pauses or instructions, in which nothing is typed."""
    spans = []
    for number, prompt in enumerate(prompts):
        read = partial(fields_of, where=path, error=RecordingError, advice=LEAVE_OUT, what=f"prompt {number}")
        payload = read(prompt, {"payload": dict[str, Any] | None})["payload"]
        if not (text := read(payload or {}, {"text": str | None})["text"]):
            continue
        facts = read(prompt, PROMPT)
        start, end = clock(facts["start"]), clock(facts["end"])
        if end < start:
            raise RecordingError(path, f"prompt {number} ends before it starts", LEAVE_OUT)
        spans.append((start, end, "prompt", text))
    return Spans.of(spans)


def _name(path: Path, group: h5py.Group, name: str) -> str:
    told = text_attribute(path, group, name, ADVICE).strip()
    if not told:
        raise RecordingError(path, f"attribute '{name}' is empty", "say whose session it is")
    return told


def _json(path: Path, group: h5py.Group, name: str) -> list[Any]:
    told = text_attribute(path, group, name, ADVICE)
    try:
        values = json_of(told, path, RecordingError, "", LARGEST_LABELS)
    except RecordingError as error:
        raise RecordingError(path, f"attribute '{name}' is broken JSON ({error.wrong})", LEAVE_OUT) from error
    if not isinstance(values, list):
        raise RecordingError(path, f"attribute '{name}' is not a JSON list", LEAVE_OUT)
    return values
