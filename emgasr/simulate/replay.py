"""Real key times (events.tsv of the BIDS edition of emg2qwerty, plain or gzipped) in, Events and prompt Spans out."""

from __future__ import annotations

from pathlib import Path

from emgasr.corpora.tables.delimited import Row, number, read_table
from emgasr.errors import RecordingError
from emgasr.recording import Events, Spans
from emgasr.simulate.keyboard import place_of_key


def read_key_events(path: str | Path) -> tuple[Events, Spans, int]:
    """Return the key presses and prompts of an events file, and how many presses are of keys that the layout lacks.

    Those (function keys, control characters) are left out. RecordingError: the file cannot be read, lacks a column,
    holds a bad number, or no key press at all.
    """
    path = Path(path)
    presses, spans, left_out = [], [], 0
    for row in read_table(path, ("onset", "duration", "value", "key", "prompt_text")):
        if row["value"] == "prompt":
            text = "" if row["prompt_text"] == "n/a" else row["prompt_text"].replace("\\n", "\n")
            spans.append((*_bounds(path, row), "prompt", text))
        elif row["value"].startswith("keystroke_"):
            if place_of_key(row["key"]) is None:
                left_out += 1
            else:
                presses.append((*_bounds(path, row), row["key"]))
    if not presses:
        raise RecordingError(path, "holds no key press", "give an events.tsv of emg2qwerty's BIDS edition")
    return Events.of(presses), Spans.of(spans), left_out


def _bounds(path: Path, row: Row) -> tuple[float, float]:
    onset, duration = number(path, row, "onset"), number(path, row, "duration")
    if min(onset, duration) < 0:
        raise RecordingError(
            path, f"line {row.line}: a negative time ({onset:g} s, for {duration:g} s)", "mend the table"
        )
    return onset, onset + duration
