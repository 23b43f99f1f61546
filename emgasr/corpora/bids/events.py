"""The events.tsv of a recording in; its keys, its spans, and a line for each thing that was passed over, out.

BIDS writes n/a for what is not known. A row without an onset lies nowhere, a label of unknown duration ends nowhere:
both are passed over and told. A row's label is its trial_type, or its value where that is n/a.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from emgasr.corpora.bids.sidecars import known
from emgasr.corpora.kinds import REST, kind_of
from emgasr.corpora.tables.delimited import Row, number, read_table
from emgasr.display.wording import counted, lines, listed
from emgasr.errors import RecordingError
from emgasr.recording import Events, Spans

COLUMNS = ("onset", "duration", "trial_type", "value", "key", "prompt_text", "sample")
KEYSTROKE, PROMPT = "keystroke_", "prompt"


def read_events(table: Path, rest: Sequence[str] = REST) -> tuple[Events, Spans, list[str]]:
    """Read the rows: value `keystroke_X` with `key`, value `prompt` with `prompt_text`, or a label (see `kind_of`)."""
    notes: list[str] = []
    passed: dict[str, list[int]] = {}
    presses, spans = [], []
    marked: set[tuple[float, float, str, str]] = set()
    rows = read_table(table, ("onset", "duration"), notes)
    unread = [name for name in (rows[0] if rows else ()) if name not in COLUMNS]
    others = f", other columns are not read: {listed(unread)}" if unread else ""
    for row in rows:
        value, label = row.get("value", ""), known(row.get("trial_type"))
        key = _key(row) if value.startswith(KEYSTROKE) else None
        if known(row["onset"]) is None:
            passed.setdefault("without an onset passed over", []).append(row.line)
            continue
        onset, end = number(table, row, "onset"), _end(table, row)
        unknown = math.isnan(end)
        if value.startswith(KEYSTROKE):
            if key is None:
                passed.setdefault("of a key without its name passed over", []).append(row.line)
            else:
                presses.append((onset, end, key))
        elif value.strip().lower() == PROMPT:
            text = known(row.get("prompt_text")) or ""
            if unknown:
                passed.setdefault("of a prompt of unknown duration: it is taken as a point", []).append(row.line)
            spans.append((onset, onset if unknown else end, "prompt", text.replace("\\n", "\n")))
        else:
            other = known(value)
            if label is None:
                label, other = other, None
            if label is None:
                passed.setdefault(f"without a label (trial_type or value) passed over{others}", []).append(row.line)
            elif unknown:
                passed.setdefault("with a label of unknown duration passed over", []).append(row.line)
            else:
                span = (onset, end, kind_of(label, "gesture", rest), label)
                if span in marked:
                    passed.setdefault("passed over as repeats", []).append(row.line)
                    continue
                marked.add(span)
                spans.append(span)
                if end == onset:
                    passed.setdefault("with a label of no duration: it is a point", []).append(row.line)
            if label and other and other.casefold() != label.casefold() and not _is_number(other):
                what = "with another label as value: trial_type is read"
                passed.setdefault(what, []).append(row.line)
    notes += [f"{table.name}: {counted(len(at), 'row')} {what} ({lines(at)})" for what, at in passed.items()]
    return Events.of(presses), Spans.of(spans), notes


def _end(table: Path, row: Row) -> float:
    """When a row ends; NaN where its duration is not known."""
    if known(row["duration"]) is None:
        return math.nan
    duration = number(table, row, "duration")
    if duration < 0:
        raise RecordingError(table, f"line {row.line}: duration is {row['duration']}", "write n/a if it is not known")
    return number(table, row, "onset") + duration


def _key(row: Row) -> str | None:
    """The key of a keystroke; a blank is one."""
    for told in (row.get("key", ""), row["value"].removeprefix(KEYSTROKE)):
        if told and told.lower() != "n/a":
            return told
    return None


def _is_number(text: str) -> bool:
    """Whether a value is the number of a trigger, which says of a labelled row nothing more."""
    return text.lstrip("+-").replace(".", "", 1).isdecimal()
