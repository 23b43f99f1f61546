"""A table of recordings beside their files in: where each row's file lies, and what does not fit together, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from emgasr.corpora.samples.arrays import SUFFIXES
from emgasr.corpora.tables.delimited import NAMELESS, Row
from emgasr.corpora.tables.file_names import FOLDER, FileNames, spelled, tidy, which
from emgasr.display.wording import counted, lines
from emgasr.errors import RecordingError
from emgasr.files.pointers import check_fetched
from emgasr.files.regular_file import is_regular
from emgasr.manifests.identity import same_name
from emgasr.manifests.manifest import Entry, Findings


class Listing:
    """Finds the files that the rows of a table name, beside it or in recordings/, each once."""

    def __init__(self, table: Path, findings: Findings | None = None) -> None:
        self.table, self.folder = table, table.parent
        self._findings = findings or Findings()
        self._lines: dict[Path, int] = {}
        self._respelled: list[int] = []
        self._names: FileNames | None = None

    def find(self, name: str) -> Path | None:
        """The file that is named as `name` spells it or, if that is not there, the only one it can mean."""
        for spelling in dict.fromkeys((name, tidy(name), spelled(name))):
            for path in (self.folder / spelling, self.folder / FOLDER / spelling):
                if spelling and is_regular(path):
                    return path
        found = self._others().named(name)
        return self.folder / found[0] if len(found) == 1 else None

    def place(self, row: Row) -> Path:
        """The file of a row; a RecordingError if there is none, or an earlier row has named it."""
        name = row["file"]
        path = self.find(name)
        if path is None:
            for place in (self.folder, self.folder / FOLDER):
                if "\0" not in name:
                    check_fetched(place / spelled(name), RecordingError)
            found = self._others().named(name)
            wrong = which(name, found) if found else f"names {name}, which is not there"
            advice = "name one of them" if found else "restore the file or drop its row"
            raise RecordingError(self.table, f"line {row.line}: {wrong}", advice)
        if (line := self._lines.setdefault(path.resolve(), row.line)) != row.line:
            wrong = f"line {row.line}: names {name}, as line {line} does"
            raise RecordingError(self.table, wrong, "list each recording once")
        if spelled(path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else name) != spelled(
            name
        ):
            self._respelled.append(row.line)
        return path

    def finish(self, entries: Sequence[Entry]) -> None:
        """Tell what the rows leave open: files that none names, and sessions without a name."""
        notes, where = self._findings.notes, self.table.name
        if self._respelled:
            told = f"{counted(len(self._respelled), 'row')} matched to a file of another spelling"
            told += f" ({lines(self._respelled)})"
            notes.append(f"{where}: {told}")
        if unnamed := self._unnamed([Path(entry.path) for entry in entries]):
            notes.append(
                f"{where}: no row names {counted(len(unnamed), 'file')} beside the others, as {unnamed[0].name}"
            )
        blank = Counter(same_name(entry.subject) for entry in entries if not entry.session)
        if several := sum(count for count in blank.values() if count > 1):
            notes.append(f"{where}: {several} recordings of no session: those of one subject count as one sitting")

    def _others(self) -> FileNames:
        """Every file of samples below the folder, looked for when a name is not there as it stands."""
        if self._names is None:
            files = sorted(self.folder.rglob("*"))
            self._names = FileNames(path.relative_to(self.folder).as_posix() for path in files if _holds_samples(path))
        return self._names

    def _unnamed(self, named: Sequence[Path]) -> list[Path]:
        """Files in the folders of those that are named, of their kinds."""
        kinds = {path.suffix.lower() for path in named}
        known = {path.resolve() for path in named}
        tables = {self.table.resolve(), (self.folder / "labels.csv").resolve()}
        found = [path for folder in dict.fromkeys(path.parent for path in named) for path in sorted(folder.iterdir())]
        alike = [path for path in found if path.suffix.lower() in kinds and _holds_samples(path)]
        return [path for path in alike if path.resolve() not in known | tables]


def name_column(table: Path, row: Row, *columns: str) -> str:
    """The first of the columns that is filled, without blanks at its ends; a RecordingError if none is."""
    for column in columns:
        if (name := row.get(column, "").strip()).lower() not in NAMELESS:
            return name
    advice = f"fill the column {columns[0]}" + (f" (or {columns[1]})" if len(columns) > 1 else "")
    raise RecordingError(table, f"line {row.line}: no {columns[0]}", advice)


def session_of(row: Row, *more: str) -> str:
    """The session of a row, by its column or the first filled one of `more`; "" where none tells it."""
    names = (row.get(column, "").strip() for column in ("session", *more))
    return next((name for name in names if name.lower() not in NAMELESS), "")


def _holds_samples(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and is_regular(path)
