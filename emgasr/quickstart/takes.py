"""Files and their fields in; the rows of metadata.csv, the table itself, and lines on what is odd about them out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emgasr.corpora.kinds import REST
from emgasr.corpora.tables.delimited import number, read_table
from emgasr.corpora.tables.listing import Listing, name_column, session_of
from emgasr.corpora.takes import COLUMNS, TABLE
from emgasr.display.wording import counted, listed
from emgasr.errors import OutputError
from emgasr.files.output import replacing
from emgasr.manifests.oddities import FEWEST
from emgasr.quickstart.patterns import LABEL, SESSION, SUBJECT


@dataclass(frozen=True)
class Take:
    """One take: a row of metadata.csv; `more` are further columns."""

    file: str
    label: str
    subject: str
    session: str
    rate_hz: float
    unit: str = ""
    more: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(file: str, fields: dict[str, str], subject: str, session: str, rate_hz: float, unit: str) -> Take:
        """The take of a file: what its name's fields say goes before `subject` and `session`."""
        more = {name: value for name, value in fields.items() if name not in (LABEL, SUBJECT, SESSION)}
        who = fields.get(SUBJECT, subject), fields.get(SESSION, session)
        return Take(file, fields[LABEL], *who, rate_hz, unit, more)


def write_table(takes: Sequence[Take], folder: Path, overwrite: bool) -> Path:
    """Write metadata.csv; an OutputError if there is one that may not be replaced."""
    path = folder / TABLE
    if path.exists() and not overwrite:
        raise OutputError(path, "exists", "leave it out of the way, or pass --overwrite")
    more = list(dict.fromkeys(name for take in takes for name in take.more))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "unit", *more])
    for take in takes:
        row = [take.file, take.label, take.subject, take.session, f"{take.rate_hz:.10g}", take.unit]
        writer.writerow([*row, *(take.more.get(name, "") for name in more)])
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    return path


def read_takes(folder: Path) -> list[Take]:
    """Read the takes of the metadata.csv of a folder; unit is "" where it tells none (or tells a scale)."""
    table = folder / TABLE
    listing = Listing(table)
    takes = []
    for row in read_table(table, COLUMNS):
        path = listing.place(row)
        file = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else row["file"]
        unit = row.get("unit", "").strip() or ("uV" if row.get("scale_uv", "").strip() else "")
        who = name_column(table, row, "subject"), session_of(row)
        takes.append(Take(file, row["text"].strip(), *who, number(table, row, "rate_hz"), unit))
    return takes


def contradiction(takes: Sequence[Take], given: dict[str, str | float | None], named: dict[str, dict[str, str]]) -> str:
    """Return where takes of a table differ from what was given of all of them or `named` by file; "" if nowhere."""
    for take in takes:
        told: dict[str, str | float] = {
            LABEL: take.label, SUBJECT: take.subject, SESSION: take.session, "rate": take.rate_hz, "unit": take.unit
        }  # fmt: skip
        wanted: dict[str, str | float | None] = {**given, **named.get(take.file, {})}
        for name, value in wanted.items():
            if value is not None and name in told and told[name] not in ("", value):
                return f"says {name} {told[name]} of {take.file}, the options {value}"
    return ""


def meant(takes: Sequence[Take], rest: Sequence[str] | None = None) -> list[str]:
    """The labels that are read, in order: all but those that mark rest (the usual ones, unless `rest` says others)."""
    nothing = {label.casefold() for label in (REST if rest is None else rest)}
    return sorted({take.label for take in takes if take.label.casefold() not in nothing})


def oddities(takes: Sequence[Take], rest: Sequence[str] | None = None) -> list[str]:
    """Lines on labels of few takes, on labels that mark rest, and on sessions that lack a label."""
    found = []
    read = meant(takes, rest)
    if nothing := sorted({take.label for take in takes} - set(read)):
        found.append(f"rest, in which nothing is meant: {listed(nothing)} (else --rest)")
    counts = Counter(take.label for take in takes if take.label in read)
    if few := sorted((count, label) for label, count in counts.items() if count < FEWEST):
        shown = listed((f"{label!r} ({count})" for count, label in few), 8)
        found.append(
            f"{counted(len(few), 'label')} with fewer than {FEWEST} takes: {shown}; trained, but hardly measured"
        )
    sessions: dict[tuple[str, str], set[str]] = {}
    for take in takes:
        sessions.setdefault((take.subject, take.session), set()).add(take.label)
    if lacking := sorted(session for (_, session), labels in sessions.items() if not labels >= set(read)):
        found.append(f"{counted(len(lacking), 'session')} without takes of some labels: {listed(lacking)}")
    return found


def overview(takes: Sequence[Take]) -> str:
    """How many takes, labels, people and sessions, in a line."""
    counts = Counter(take.label for take in takes)
    people, sessions = {take.subject for take in takes}, {(take.subject, take.session) for take in takes}
    least, most = min(counts.values()), max(counts.values())
    each = f"{least}" if least == most else f"{least} to {most}"
    told = f"{counted(len(takes), 'take')}: {counted(len(counts), 'label')} of {each} takes"
    return f"{told}; people: {listed(sorted(people))}; {counted(len(sessions), 'session')}: " + listed(
        sorted(name or "(no name)" for _, name in sessions)
    )
