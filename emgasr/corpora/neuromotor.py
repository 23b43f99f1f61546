"""Handwriting with one wristband (generic-neuromotor-interface): an HDF5 session with its prompts in, a Recording out.

The layout: dataset `data` with the fields emg (16 x f4, µV) and time (f8, unix seconds), at 2 kHz; prompts beside it in
<session>_prompts.csv with the columns start, end (unix seconds) and prompt. The release keeps them inside the file as a
pandas frame, which is a pickle: it is not loaded here. One line of Python, outside emgasr, writes the table:

    pandas.read_hdf("S.hdf5", "prompts").to_csv("S_prompts.csv", index=False)
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from emgasr.corpora.files import find_files, tell_notes
from emgasr.corpora.samples.hdf5_table import HDF5, TableSamples, may_hold, table_of
from emgasr.corpora.tables.clock import Clock, read_clock
from emgasr.corpora.tables.delimited import number, read_table
from emgasr.display.wording import counted, lines
from emgasr.errors import RecordingError
from emgasr.files.hdf5 import OPEN_FILES
from emgasr.files.regular_file import is_regular
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Band, Recording, Spans

PROMPTS = "_prompts.csv"
RATE_HZ, ELECTRODES, TABLE = 2000.0, 16, "data"
COLUMNS = {"emg": (np.float32, ELECTRODES), "time": np.float64}
TEXT_COLUMNS, START_COLUMNS, END_COLUMNS = ("prompt", "text"), ("start", "start_time", "time"), ("end", "end_time")


def open_recording(path: str | Path) -> Recording:
    """Open a session; prompts become utterances, which the samples' own clock moves from unix time to seconds."""
    path = Path(path)
    with OPEN_FILES.reading(path) as file:
        table = table_of(path, file, TABLE, COLUMNS, "give a neuromotor session")
        total = table.shape[0]
        clock = read_clock(path, "time", table.fields("time"), total, RATE_HZ)
    spans, notes = _prompts(path, clock)
    return Recording(
        samples=TableSamples(path.absolute(), TABLE, ("emg",), (total, ELECTRODES), clock.lost()),
        rate_hz=RATE_HZ,
        unit="uV",
        bands=(Band.numbered("wrist", ELECTRODES, ring=True, montage="bipolar"),),  # the device of emg2qwerty, sEMG-RD
        subject=_user(path),
        session=path.stem,
        spans=spans,
        start_unix_s=float(clock.times_s[0]),
        notes=(*clock.notes(), *notes),
    )


def scan(folder: Path, findings: Findings) -> list[Entry]:
    """Every handwriting session below `folder`, in the order of their paths; one file is one session.

    A table of prompts without its session is told as left over.
    """
    opened = [(path, open_recording(path)) for path in session_files(folder, findings)]
    tell_notes(findings, opened)
    tables = find_files(folder, None, lambda path: True, [PROMPTS], "prompts")
    known = {prompts_file(path) for path, _ in opened}
    findings.left_over += [f"{path}: no session of this name lies beside it" for path in tables if path not in known]
    return [Entry.of(recording, path, "neuromotor") for path, recording in opened]


def session_files(folder: Path, findings: Findings | None = None) -> list[Path]:
    """Return the HDF5 files below `folder` that hold a table of samples, or cannot be opened: reading them says why."""
    return find_files(folder, findings, lambda path: may_hold(path, TABLE), HDF5, "sessions of this layout")


def prompts_file(path: Path) -> Path:
    """Where the prompts of a session stand."""
    return path.with_name(f"{path.stem}{PROMPTS}")


def _prompts(path: Path, clock: Clock) -> tuple[Spans, tuple[str, ...]]:
    """The prompts as utterances, and what is to be told of them."""
    table = prompts_file(path)
    if not is_regular(table):
        advice = f"pandas.read_hdf('{path.name}', 'prompts').to_csv('{table.name}', index=False) writes it"
        raise RecordingError(path, f"has no prompts beside it ({table.name})", advice)
    content = read_table(table)
    names = content[0].keys() if content else ()
    columns = [
        next((name for name in known if name in names), "") for known in (START_COLUMNS, END_COLUMNS, TEXT_COLUMNS)
    ]
    if not all(columns):
        raise RecordingError(
            table, "lacks the columns start, end and prompt", f"it has: {', '.join(names) or 'no rows'}"
        )
    start, end, text = columns
    spans = []
    empty: list[int] = []
    for row in content:
        line = row.line
        bounds = [clock.to_seconds(number(table, row, column)) for column in (start, end)]
        if bounds[1] < bounds[0]:
            raise RecordingError(table, f"line {line}: the prompt ends before it starts", "mend the table")
        if row[text].strip():
            spans.append((bounds[0], bounds[1], "utterance", row[text].strip()))
        else:
            empty.append(line)
    notes = (f"{table.name}: {counted(len(empty), 'row')} without a text passed over ({lines(empty)})",)
    return Spans.of(spans), notes if empty else ()


def _user(path: Path) -> str:
    found = re.search(r"user_?(\d+)", path.name)
    if found is None:
        raise RecordingError(path, "its name tells no user", "keep the release's names (…_user_000_dataset_000.hdf5)")
    return found[1]
