"""Real key times (events.tsv of the BIDS edition of emg2qwerty, plain or gzipped) in, Events and prompt Spans out."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

from emgasr.errors import DataError
from emgasr.recording import Events, Spans
from emgasr.simulate.keyboard import place_of_key

_COLUMNS = ("onset", "duration", "value", "key", "prompt_text")


def read_key_events(path: str | Path) -> tuple[Events, Spans, int]:
    """Return the key presses and prompts of an events file, and how many keys it holds that the layout lacks.

    Those keys (function keys, control characters) are left out. DataError: unreadable, columns missing, bad numbers,
    or no key press at all.
    """
    presses, spans, left_out = [], [], 0
    for number, row in enumerate(_rows(Path(path)), start=2):
        onset, duration = (_seconds(path, number, row, column) for column in ("onset", "duration"))
        if row["value"] == "prompt":
            text = row["prompt_text"] or ""
            spans.append((onset, onset + duration, "prompt", "" if text == "n/a" else text.removesuffix("\\n")))
        elif (row["value"] or "").startswith("keystroke_"):
            key = row["key"] or ""
            if place_of_key(key) is None:
                left_out += 1
            else:
                presses.append((onset, onset + duration, key))
    if not presses:
        raise DataError(path, "holds no key press", "give an events.tsv of emg2qwerty's BIDS edition")
    return Events.of(presses), Spans.of(spans), left_out


def _rows(path: Path) -> list[dict[str, str | None]]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            rows = list(table)
            columns = table.fieldnames or ()
    except (OSError, EOFError) as error:
        raise DataError(
            path, f"cannot be read ({getattr(error, 'strerror', None) or error})", "check the file"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(path, "is not a table in UTF-8", "give an events.tsv or events.tsv.gz") from error
    if missing := [column for column in _COLUMNS if column not in columns]:
        raise DataError(path, f"lacks the column {missing[0]!r}", f"an events file has {', '.join(_COLUMNS)}")
    return rows


def _seconds(path: str | Path, line: int, row: dict[str, str | None], column: str) -> float:
    try:
        seconds = float(row[column] or "")
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise DataError(f"{path} line {line}", f"{column} is {row[column]!r}, not seconds from 0 on", "mend that line")
    return seconds
