"""Continuous recordings with labelled spans: recordings.csv, labels.csv and sample files in, Recordings out.

recordings.csv: file, subject (or participant), rate_hz; optional session, unit, scale_uv (µV of one stored step) and
offset_uv_ch1, offset_uv_ch2, … . labels.csv: file, start_s, end_s, label. Files lie beside these or in recordings/.
Where a file is a table whose header leaves it open, recordings.csv tells its electrodes (columns) and which of its
clocks the labels are on (label_clock).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from emgasr.corpora.arrays import open_samples, told_by_row
from emgasr.corpora.clock import place_labels
from emgasr.corpora.tables import Row, check_rate, number, read_table, resolve_bands, resolve_unit
from emgasr.errors import RecordingError
from emgasr.manifest import Entry, Findings
from emgasr.recording import Recording, Spans

RECORDINGS, LABELS = "recordings.csv", "labels.csv"
REST = ("rest", "silence", "pause")  # labels of spans in which nothing is meant


def open_recording(
    path: str | Path,
    *,
    rate_hz: float | None = None,
    unit: str | None = None,
    scale_uv: float | None = None,
    offset_uv: Sequence[float] = (0.0,),
    labels: str = LABELS,
    kind: str = "gesture",
    rest: Sequence[str] = REST,
    subject: str = "",
    session: str = "",
    ring: bool = False,
    bands: Sequence[Sequence[object]] | None = None,
    columns: Sequence[str] = (),
    label_clock: str = "",
) -> Recording:
    """Open one recording; `labels` is the table's path from the recording's folder.

    Spans labelled as in `rest` are of kind "rest", the others of `kind`; all keep their label as text.
    `columns` name the electrodes of a table of text whose header leaves them open. Labels are moved by the clock of
    such a table (`emgasr.corpora.clock.place_labels`); `label_clock` says which, where that could be read two ways.
    """
    path = Path(path)
    name, scale = resolve_unit(path, unit, scale_uv)
    rate = check_rate(path, rate_hz)
    samples = open_samples(path, rate, scale, tuple(offset_uv), name, columns)
    table = Path(os.path.normpath(path.parent / labels))
    by_file = _labels_by_file(table, _modified(table))
    file = Path(os.path.relpath(path, table.parent)).as_posix()
    marked = by_file.get(file) or by_file.get(file.removeprefix("recordings/"), ())
    bounds, told = place_labels(path, samples.clocks, [(start, end) for start, end, _ in marked], label_clock)
    spans = Spans.of(
        (start, end, "rest" if label in rest else kind, label)
        for (start, end), (*_, label) in zip(bounds, marked, strict=True)
    )
    layout = resolve_bands(samples.samples.shape[1], bands, ring)
    notes = samples.notes + told
    return Recording(samples.samples, rate, name, layout, subject, session, spans=spans, notes=notes)


def scan(
    folder: Path,
    findings: Findings,
    *,
    unit: str | None = None,
    scale_uv: float | None = None,
    kind: str = "gesture",
    rest: Sequence[str] = REST,
    ring: bool = False,
    bands: Sequence[Sequence[object]] | None = None,
    columns: Sequence[str] = (),
    label_clock: str = "",
) -> list[Entry]:
    """Every recording of recordings.csv, in its order; its session is the column's, or the name of its file."""
    table = folder / RECORDINGS
    entries = []
    for line, row in enumerate(read_table(table, ("file", "rate_hz")), start=2):
        path = _find(table, folder, row["file"])
        options: dict[str, object] = {
            "labels": os.path.relpath(folder / LABELS, path.parent),
            "kind": kind,
            "ring": ring,
        }
        options |= _scaling(table, row, line, unit, scale_uv)
        if bands:
            options["bands"] = bands
        options |= told_by_row(row, columns=columns, label_clock=label_clock)
        if tuple(rest) != REST:
            options["rest"] = list(rest)
        rate = number(table, row, "rate_hz", line)
        who = {"subject": _subject(table, row, line), "session": row.get("session") or path.stem}
        recording = open_recording(path, rate_hz=rate, **who, **options)  # type: ignore[arg-type]
        entries.append(Entry.of(recording, path, "spans", take=path.stem, options=options))
    return entries


def _scaling(table: Path, row: Row, line: int, unit: str | None, scale_uv: float | None) -> dict[str, object]:
    offsets = sorted(
        (c for c in row if c.startswith("offset_uv_ch")), key=lambda c: int(c.removeprefix("offset_uv_ch"))
    )
    if row.get("scale_uv"):
        scale_uv = number(table, row, "scale_uv", line)
    if scale_uv is None:
        return {"unit": row.get("unit") or unit}
    scaling: dict[str, object] = {"scale_uv": scale_uv}
    if offsets:
        scaling["offset_uv"] = [number(table, row, column, line) for column in offsets]
    return scaling


def _subject(table: Path, row: Row, line: int) -> str:
    subject = row.get("subject") or row.get("participant")
    if not subject:
        raise RecordingError(table, f"line {line}: no subject", "fill the column subject (or participant)")
    return subject


def _find(table: Path, folder: Path, name: str) -> Path:
    for path in (folder / name, folder / "recordings" / name):
        if path.is_file():
            return path
    raise RecordingError(table, f"names {name}, which is not there", "restore the file or drop its row")


def _modified(table: Path) -> int:
    try:
        return table.stat().st_mtime_ns
    except OSError as error:
        raise RecordingError(table, f"cannot be read ({error.strerror})", "restore the labels") from error


@lru_cache(maxsize=8)
def _labels_by_file(table: Path, modified: int) -> dict[str, tuple[tuple[float, float, str], ...]]:
    """The spans of each file of one labels table, read once for as long as it is unchanged."""
    found: dict[str, list[tuple[float, float, str]]] = {}
    for line, row in enumerate(read_table(table, ("file", "start_s", "end_s", "label")), start=2):
        start, end = number(table, row, "start_s", line), number(table, row, "end_s", line)
        if end < start:
            raise RecordingError(table, f"line {line}: the span ends before it starts", "mend the table")
        found.setdefault(row["file"], []).append((start, end, row["label"]))
    return {name: tuple(spans) for name, spans in found.items()}
