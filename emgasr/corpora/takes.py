"""A folder of single takes: metadata.csv (file, text, subject, session, rate_hz) and sample files in, Recordings out.

One take (.npy, .wav, or a table: .csv, .tsv, .txt) is one Recording with one span over all of it: an utterance,
another `kind`, or rest where its text marks that. The unit stands in a column `unit`, or is given. A column `scale_uv`
gives the µV of one stored step, and `columns` the electrodes of a table whose header leaves them open.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emgasr.corpora.beside import told_by_row as beside_of_row
from emgasr.corpora.files import tell_notes
from emgasr.corpora.kinds import REST, kind_of, rest_option
from emgasr.corpora.samples.arrays import open_samples, told_by_row
from emgasr.corpora.tables.delimited import NAMELESS, number, read_table, row_scaling
from emgasr.corpora.tables.listing import Listing, name_column, session_of
from emgasr.corpora.tables.units import check_rate, resolve_bands, resolve_unit
from emgasr.display.wording import counted, lines
from emgasr.errors import RecordingError
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Recording, Spans

TABLE = "metadata.csv"
COLUMNS = ("file", "text", "subject", "session", "rate_hz")
KIND = "utterance"  # of a take, unless another is given


def open_recording(
    path: str | Path,
    *,
    rate_hz: float | None = None,
    unit: str | None = None,
    scale_uv: float | None = None,
    text: str = "",
    kind: str = KIND,
    rest: Sequence[str] = REST,
    subject: str = "",
    session: str = "",
    ring: bool = False,
    montage: str = "",
    bands: Sequence[Sequence[object]] | None = None,
    columns: Sequence[str] = (),
) -> Recording:
    """Open one take; `bands` are [name, electrodes] pairs (default: one band) of one `montage`; `scale_uv` or `unit`.

    A text that is among `rest` makes a span of kind "rest", another one of `kind`; no text makes none. `columns` name
    the electrodes of a table of text whose header leaves them open.
    """
    path = Path(path)
    name, scale = resolve_unit(path, unit, scale_uv)
    rate = check_rate(path, rate_hz)
    file = open_samples(path, rate, scale, unit=name, columns=columns)
    total, channels = file.samples.shape
    spans = Spans.of([(0.0, total / rate, kind_of(text, kind, rest), text)]) if text else Spans.empty()
    layout = resolve_bands(channels, bands, ring, montage)
    return Recording(file.samples, rate, name, layout, subject, session, spans=spans, notes=file.notes)


def scan(
    folder: Path,
    findings: Findings,
    *,
    unit: str | None = None,
    scale_uv: float | None = None,
    kind: str = KIND,
    rest: Sequence[str] = REST,
    ring: bool = False,
    montage: str = "",
    bands: Sequence[Sequence[object]] | None = None,
    columns: Sequence[str] = (),
) -> list[Entry]:
    """Every take of metadata.csv, in its order; the name of a take is its file's, without folder and suffix."""
    table = folder / TABLE
    listing = Listing(table, findings)
    entries, opened, trimmed = [], [], []
    for row in read_table(table, COLUMNS, findings.notes):
        text = row["text"].strip()
        if text.lower() in NAMELESS:
            shown = f"is {text!r}" if text else "is empty"
            raise RecordingError(table, f"line {row.line}: text {shown}", "say what the take shows, or drop the row")
        if text != row["text"]:
            trimmed.append(row.line)
        path = listing.place(row)
        options: dict[str, object] = {"ring": ring, **rest_option(rest)}
        if kind != KIND:
            options["kind"] = kind
        if montage:
            options["montage"] = montage
        if bands:
            options["bands"] = bands
        options |= told_by_row(row, columns=columns) | row_scaling(table, row, unit, scale_uv)
        rate = number(table, row, "rate_hz")
        who = {"subject": name_column(table, row, "subject"), "session": session_of(row)}
        recording = open_recording(path, rate_hz=rate, **who, **options)  # type: ignore[arg-type]
        opened.append((path, recording))
        entries.append(
            Entry.of(
                recording, path, "takes", take=path.stem, text=text, options=options | beside_of_row(table, row, path)
            )
        )
    listing.finish(entries)
    tell_notes(findings, opened)
    if trimmed:
        told = f"{counted(len(trimmed), 'text')} without the blanks at the ends ({lines(trimmed)})"
        findings.notes.append(f"{TABLE}: {told}")
    return entries
