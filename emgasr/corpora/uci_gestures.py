"""UCI's "EMG data for gestures" (Lobov et al., Sensors 18:1122): a text file of a Myo's log in, a Recording out.

The layout: a folder a subject (01 to 36) with two files; a header, then rows of time in ms, eight channels in V and the
class (0 unmarked, 1 rest, 2 fist, 3 flexion, 4 extension, 5 radial, 6 ulnar, 7 palm). Rows come about every ms, mostly
repeating the one before; the device updates at 200 Hz, so they are laid on such a grid, each point the newest row. A
short gap in the log's clock is filled with the row before it, and told; a long one is refused.

A subject's two files were recorded one minute after the other with the band left on: they are one session, called by
the date in their names, and each a take of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from emgasr.corpora.csv.clocks import is_number
from emgasr.corpora.files import find_files, tell_notes
from emgasr.corpora.kinds import REST, kind_of, rest_option
from emgasr.corpora.samples.whole import Stamp, WholeSamples, runs_of, stamp_of
from emgasr.display.wording import counted, lines
from emgasr.errors import RecordingError
from emgasr.files.plain_text import read_lines
from emgasr.files.regular_file import check_regular
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Band, Recording, Spans

RATE_HZ, ELECTRODES, COLUMNS = 200.0, 8, 10
LABELS = ("", "rest", "fist", "flexion", "extension", "radial", "ulnar", "palm")
MICROVOLTS = 1e6
GIVE = "give the UCI set's files"
DATE = re.compile(r"\d\d\.\d\d\.\d\d")  # as in 1_raw_data_13-12_22.03.16
SHORTEST_GAP_S, LONGEST_GAP_S = 0.1, 1.0  # the log stalls for some milliseconds as a rule
LOG_RATES_HZ = (200.0, 2000.0)  # of the log's rows: what they mostly are, with room


def open_recording(path: str | Path, *, rest: Sequence[str] = REST) -> Recording:
    """Open one file; marked stretches become spans of kind "gesture", or "rest" where `rest` holds their label."""
    path = Path(path)
    samples, spans, notes = _read(path, stamp_of(path))
    dated = DATE.search(path.stem)
    return Recording(
        samples=WholeSamples(path.absolute(), samples.shape, _samples),
        rate_hz=RATE_HZ,
        unit="uV",
        bands=(Band.numbered("forearm", ELECTRODES, ring=True),),
        subject=f"s{path.parent.name}",
        session=dated[0] if dated else "",
        spans=Spans.of((start, end, kind_of(label, "gesture", rest), label) for start, end, label in spans),
        notes=notes,
    )


def scan(folder: Path, findings: Findings, *, rest: Sequence[str] = REST) -> list[Entry]:
    """Every text file in a folder called by a number, in the order of their paths."""
    opened = [(path, open_recording(path, rest=rest)) for path in text_files(folder, findings)]
    tell_notes(findings, opened)
    more = rest_option(rest)
    return [Entry.of(recording, path, "uci_gestures", take=path.stem, options=more) for path, recording in opened]


def text_files(folder: Path, findings: Findings | None = None) -> list[Path]:
    """The files of all subjects; a README beside the subjects' folders is none."""
    return find_files(
        folder, findings, lambda path: path.parent.name.isdecimal(), [".txt"], "in a subject's folder (01 to 36)"
    )


def _samples(path: Path) -> np.ndarray:
    return _read(path, stamp_of(path))[0]


@lru_cache(maxsize=4)
def _read(path: Path, stamp: Stamp) -> tuple[np.ndarray, tuple[tuple[float, float, str], ...], tuple[str, ...]]:
    values, at, notes = _rows(path)
    if len(values) < 2 or not np.isfinite(values).all():
        raise RecordingError(path, "holds no rows of ten numbers", GIVE)
    time_s, classes = values[:, 0] / 1000, values[:, -1]
    steps = np.diff(time_s)
    if (steps < 0).any():
        raise RecordingError(path, f"time goes back at row {at[int(np.argmax(steps < 0)) + 1]}", "leave it out")
    if (steps > LONGEST_GAP_S).any():
        first = int(np.argmax(steps > LONGEST_GAP_S))
        wrong = f"its clock jumps by {steps[first]:.3g} s at row {at[first + 1]}"
        raise RecordingError(path, wrong, "split it there")
    rate = (len(time_s) - 1) / max(time_s[-1] - time_s[0], 1e-9)
    if not LOG_RATES_HZ[0] <= rate <= LOG_RATES_HZ[1]:
        raise RecordingError(
            path, f"its rows come at {rate:.0f} Hz", "the UCI set's come at about 1000 Hz, times in ms"
        )
    wrong_class = ~np.isin(classes, np.arange(len(LABELS)))
    if wrong_class.any():
        raise RecordingError(path, f"holds class {classes[wrong_class][0]:g}", "the UCI set has classes 0 to 7")
    if (gaps := steps > SHORTEST_GAP_S).any():
        first = int(np.argmax(gaps))
        told = f"{gaps.sum()} gaps in its clock, {steps[gaps].sum():.3f} s in all, are filled with the row before"
        notes.append(f"{told} (the first at row {at[first + 1]})")
    grid = time_s[0] + np.arange(int((time_s[-1] - time_s[0]) * RATE_HZ) + 1) / RATE_HZ
    newest = np.searchsorted(time_s, grid + 1e-9, side="right") - 1
    samples = (values[newest, 1:-1] * MICROVOLTS).astype(np.float32)
    spans = tuple(
        (a / RATE_HZ, b / RATE_HZ, LABELS[label]) for a, b, label in runs_of(classes[newest].astype(np.int64)) if label
    )
    return samples, spans, tuple(notes)


def _rows(path: Path) -> tuple[np.ndarray, list[int], list[str]]:
    """The rows of ten numbers (n, 10), the line of each, and what is to be told of the others."""
    check_regular(path, RecordingError, GIVE)
    told = read_lines(path, RecordingError, GIVE)
    rows = [(line, row.split()) for line, row in enumerate(told, start=1)]
    rows = [(line, row) for line, row in rows if row]
    if rows and not is_number(rows[0][1][0]):
        rows = rows[1:]  # the header
    whole = [(line, row) for line, row in rows if len(row) == COLUMNS]
    # The last row of some published files is cut short.
    others = [line for line, row in rows if len(row) != COLUMNS]
    notes = [f"{counted(len(others), 'row')} without ten columns passed over ({lines(others)})"] if others else []
    try:
        return np.array([row for _, row in whole], dtype=np.float64), [line for line, _ in whole], notes
    except ValueError as error:
        line = next(line for line, row in whole if not all(map(is_number, row)))
        raise RecordingError(path, f"line {line} is not ten numbers", GIVE) from error
