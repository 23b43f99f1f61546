"""Continuous recordings with labelled spans: recordings.csv, labels.csv and sample files in, Recordings out.

recordings.csv: file, subject (or participant), rate_hz; optional session (or series), unit, scale_uv (µV of one stored
step) and offset_uv_ch1, offset_uv_ch2, … . labels.csv: file, start_s, end_s, label. Files lie beside
these or in recordings/.
Where a file is a table whose header leaves it open, recordings.csv tells its electrodes (columns) and which of its
clocks the labels are on (label_clock).
Rows may spell a file's name as `emgasr.corpora.tables.file_names` allows; a row of labels.csv that means no recording,
or may mean several, is left over.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from emgasr.corpora.beside import told_by_row as beside_of_row
from emgasr.corpora.files import tell_notes
from emgasr.corpora.kinds import REST, kind_of, rest_option
from emgasr.corpora.samples.arrays import open_samples, told_by_row
from emgasr.corpora.tables.clock import place_labels
from emgasr.corpora.tables.delimited import Row, number, read_table, row_scaling
from emgasr.corpora.tables.file_names import spelled
from emgasr.corpora.tables.label_table import modified, read_labels, relative
from emgasr.corpora.tables.listing import Listing, name_column, session_of
from emgasr.corpora.tables.units import check_rate, resolve_bands, resolve_unit
from emgasr.display.wording import counted
from emgasr.errors import RecordingError
from emgasr.files.regular_file import is_regular
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Recording, Spans

RECORDINGS, LABELS = "recordings.csv", "labels.csv"
OFFSET = "offset_uv_ch"


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
    montage: str = "",
    bands: Sequence[Sequence[object]] | None = None,
    columns: Sequence[str] = (),
    label_clock: str = "",
) -> Recording:
    """Open one recording; `labels` is the table's path from the recording's folder.

    Spans labelled as in `rest` are of kind "rest", the others of `kind`; each keeps its label as text.
    `columns` name the electrodes of a table of text whose header leaves them open. Labels are moved by the clock of
    such a table (`tables.clock.place_labels`); `label_clock` says which, where two readings are possible.
    """
    path = Path(path)
    name, scale = resolve_unit(path, unit, scale_uv)
    rate = check_rate(path, rate_hz)
    samples = open_samples(path, rate, scale, tuple(offset_uv), name, columns)
    table = Path(os.path.normpath(path.parent / labels))
    file = relative(path, table.parent)
    marked = read_labels(table, modified(table), _recordings(table.parent, file)).spans.get(file, ())
    bounds, told = place_labels(path, samples.clocks, [(start, end) for start, end, _ in marked], label_clock)
    spans = Spans.of(
        (start, end, kind_of(label, kind, rest), label)
        for (start, end), (*_, label) in zip(bounds, marked, strict=True)
    )
    layout = resolve_bands(samples.samples.shape[1], bands, ring, montage)
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
    montage: str = "",
    bands: Sequence[Sequence[object]] | None = None,
    columns: Sequence[str] = (),
    label_clock: str = "",
) -> list[Entry]:
    """Every recording of recordings.csv, in its order.

    Without a session in its row, a recording belongs to the one sitting of its subject: files are no sittings.
    """
    table = folder / RECORDINGS
    listing = Listing(table, findings)
    entries, opened = [], []
    for row in read_table(table, ("file", "rate_hz"), findings.notes):
        path = listing.place(row)
        options: dict[str, object] = {
            "labels": os.path.relpath(folder / LABELS, path.parent),
            "kind": kind,
            "ring": ring,
        }
        options |= _scaling(table, row, unit, scale_uv)
        if montage:
            options["montage"] = montage
        if bands:
            options["bands"] = bands
        options |= told_by_row(row, columns=columns, label_clock=label_clock)
        options |= rest_option(rest)
        rate = number(table, row, "rate_hz")
        who = {"subject": name_column(table, row, "subject", "participant"), "session": session_of(row, "series")}
        recording = open_recording(path, rate_hz=rate, **who, **options)  # type: ignore[arg-type]
        opened.append((path, recording))
        entries.append(
            Entry.of(recording, path, "spans", take=path.stem, options=options | beside_of_row(table, row, path))
        )
    listing.finish(entries)
    tell_notes(findings, opened)
    if entries:
        _account(folder, entries, findings)
    return entries


def left_over(entries: Iterable[Entry], root: Path) -> list[str]:
    """Return a line for each row of the entries' tables of labels, as they are now, that means no recording."""
    tables: dict[Path, str] = {}
    for entry in entries:
        path = root / entry.path
        table = Path(os.path.normpath(path.parent / str(entry.options.get("labels", LABELS))))
        tables.setdefault(table, relative(path, table.parent))
    found: list[str] = []
    for table, file in tables.items():
        if is_regular(table):  # else opening a recording tells
            found += read_labels(table, modified(table), _recordings(table.parent, file)).left_over
    return found


def _account(folder: Path, entries: Iterable[Entry], findings: Findings) -> None:
    """Tell which rows of the labels mean no recording, and which recordings have none."""
    files = tuple(relative(Path(entry.path), folder) for entry in entries)
    table = folder / LABELS
    labels = read_labels(table, modified(table), files)
    findings.left_over += labels.left_over
    findings.notes += labels.notes
    if bare := [file for file in files if file not in labels.spans]:
        findings.notes.append(f"{LABELS}: no row labels {counted(len(bare), 'recording')}, as {bare[0]}")


def _scaling(table: Path, row: Row, unit: str | None, scale_uv: float | None) -> dict[str, object]:
    scaling = row_scaling(table, row, unit, scale_uv)
    columns = [column for column in row if column.startswith(OFFSET) and row[column].strip()]
    if columns:
        numbered = [f"{OFFSET}{i + 1}" for i in range(len(columns))]
        if missing := [column for column in numbered if column not in columns]:
            wrong = f"line {row.line}: gives {', '.join(columns)}, but not {missing[0]}"
            raise RecordingError(table, wrong, f"give each channel's offset, from {OFFSET}1 on")
        scaling["offset_uv"] = [number(table, row, column) for column in numbered]
    return scaling


def _recordings(folder: Path, file: str) -> tuple[str, ...]:
    """The recordings that a row of labels may name: those of recordings.csv; `file` alone where there is none."""
    table = folder / RECORDINGS
    if not is_regular(table):
        return (file,)
    listed = _listed(table, modified(table))
    return listed if file in listed else (*listed, file)


@lru_cache(maxsize=8)
def _listed(table: Path, modified: int) -> tuple[str, ...]:
    """The files of recordings.csv, read once for as long as it is unchanged; those that are gone, as it spells them."""
    listing = Listing(table)
    found = [(row["file"], listing.find(row["file"])) for row in read_table(table, ("file",))]
    return tuple(relative(path, table.parent) if path else spelled(name) for name, path in found)
