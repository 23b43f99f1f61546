"""A table of labelled spans in; the spans of each recording, rows that mean none, and what to tell of the rest, out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from emgasr.corpora.tables.delimited import NAMELESS, number, read_table
from emgasr.corpora.tables.file_names import FileNames, spelled, which
from emgasr.display.wording import counted, lines
from emgasr.errors import RecordingError
from emgasr.files.regular_file import status_of

Label = tuple[float, float, str]  # start and end in seconds, and what it says


@dataclass(frozen=True)
class Labels:
    """The spans (start, end, label) of each recording of one table, its rows that mean none, and what to tell of it."""

    spans: dict[str, tuple[Label, ...]]
    left_over: tuple[str, ...]
    notes: tuple[str, ...]


@lru_cache(maxsize=8)
def read_labels(table: Path, version: int, recordings: tuple[str, ...]) -> Labels:
    """Return the labels of a table of file, start_s, end_s and label, whose rows name `recordings` (see `FileNames`).

    It is read once for as long as its `version` stays. RecordingError: a row without a label or with times that cannot
    be.
    """
    notes: list[str] = []
    rows = read_table(table, ("file", "start_s", "end_s", "label"), notes)
    files = FileNames(recordings).all_named(row["file"] for row in rows)
    found: dict[str, dict[Label, None]] = {}
    lost: dict[str, list[int]] = {}
    respelled, trimmed, again = [], [], []
    for row in rows:
        start, end, label = number(table, row, "start_s"), number(table, row, "end_s"), row["label"].strip()
        if end < start:
            raise RecordingError(table, f"line {row.line}: the span ends before it starts", "mend the table")
        if label.lower() in NAMELESS:
            shown = f"is {label!r}" if label else "is empty"
            raise RecordingError(
                table, f"line {row.line}: the label {shown}", "say what the span shows, or drop the row"
            )
        if len(files[row["file"]]) != 1:
            lost.setdefault(row["file"], []).append(row.line)
            continue
        (file,) = files[row["file"]]
        if spelled(row["file"]) != spelled(file):
            respelled.append(row.line)
        if label != row["label"]:
            trimmed.append(row.line)
        marked = found.setdefault(file, {})
        if (start, end, label) in marked:
            again.append(row.line)
        marked[start, end, label] = None
    for told, name, what in (
        (respelled, "row", "matched to a file of another spelling"),
        (trimmed, "label", "without the blanks at the ends"),
        (again, "row", "passed over as repeats"),
    ):
        if told:
            notes.append(f"{table.name}: {counted(len(told), name)} {what} ({lines(told)})")
    left_over = [f"{table.name} {lines(where)} {which(name, files[name], len(where))}" for name, where in lost.items()]
    return Labels({name: tuple(spans) for name, spans in found.items()}, tuple(left_over), tuple(notes))


def modified(table: Path) -> int:
    """Return the version of a table: when it was last written."""
    is_ours = table.name == "labels.csv"
    advice = "make it, with the columns file, start_s, end_s and label" if is_ours else "restore it"
    return status_of(table, RecordingError, advice).st_mtime_ns


def relative(path: Path, folder: Path) -> str:
    """A path as the tables of a folder name it."""
    return Path(os.path.relpath(path, folder)).as_posix()
