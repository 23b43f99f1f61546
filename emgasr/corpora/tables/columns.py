"""The tables that describe recordings: nothing in; what each column holds out, for help texts and the documentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, what it holds, and whether the table must have it."""

    name: str
    holds: str
    required: bool = False


_UNIT = Column("unit", "uV, mV, V, nV or counts; where it is empty, --unit")
_SCALE = Column("scale_uv", "µV of one stored step, in place of a unit")
_RATE = Column("rate_hz", "samples a second", required=True)
_COLUMNS = Column("columns", "of a table of samples: the electrodes' columns, as 1;2;3 or by name, as --columns")
_SESSION = "the sitting, electrodes put on once; empty: the subject's only one"

TABLES: dict[str, tuple[Column, ...]] = {
    "metadata.csv (takes): a row a file": (
        Column("file", "the take, from the table's folder or from recordings/ in it", required=True),
        Column("text", "what it shows: a word, a letter, a sentence, a gesture, or rest", required=True),
        Column("subject", "the person", required=True),
        Column("session", _SESSION, required=True),
        _RATE,
        _UNIT,
        _SCALE,
        _COLUMNS,
    ),
    "recordings.csv (spans): a row a file": (
        Column("file", "the recording, from the table's folder or from recordings/ in it", required=True),
        Column("subject", "the person; participant is read too", required=True),
        _RATE,
        Column("session", f"{_SESSION}; series is read too"),
        _UNIT,
        _SCALE,
        Column("offset_uv_ch1", "µV to add to channel 1, then offset_uv_ch2, …: all channels or none"),
        _COLUMNS,
        Column("label_clock", "the clock that the labels count by, as --label-clock"),
    ),
    "labels.csv (spans): a row a span": (
        Column("file", "the recording, as in recordings.csv", required=True),
        Column("start_s", "where the span starts, in seconds", required=True),
        Column("end_s", "where it ends, in seconds", required=True),
        Column("label", "what it shows: a gesture, a word, or rest", required=True),
    ),
    "*_events.tsv (bids): a row an event": (
        Column("onset", "in seconds", required=True),
        Column("duration", "in seconds, or n/a", required=True),
        Column("trial_type", "the label of a span"),
        Column("value", "prompt, keystroke_X, or a label where trial_type is n/a"),
        Column("key", "of a keystroke: the key's name"),
        Column("prompt_text", "of a prompt: what was to be typed"),
    ),
    "*_channels.tsv (bids): a row a channel": (
        Column("name", "the channel, as in the file's header", required=True),
        Column("type", "EMG; others are passed over", required=True),
        Column("units", "where they are n/a: those of the header, else --unit"),
        Column("reference", "bipolar, average, or the electrode that all share: the montage; else --montage"),
        Column("group", "the band that the electrode belongs to"),
        Column("signal_electrode", "the electrode's name, if it is not the channel's"),
        Column("status", "good or bad: a bad channel is read, and named in a note"),
    ),
}


def described() -> str:
    """Return the tables and their columns in lines for a help text; a star marks those that must be there."""
    found = ["columns of tables (CSV or TSV; * must be there, further columns are not read):"]
    for table, columns in TABLES.items():
        found.append(f"  {table}")
        found += [f"    {column.name + '*' * column.required:<18}{column.holds}" for column in columns]
    return "\n".join(found)
