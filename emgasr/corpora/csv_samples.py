"""A table of samples (.csv, .tsv, .txt): text in; the values of its electrodes (T, C), its clocks and notes out.

Commas, semicolons, tabs or blanks part the cells, and with the last three a comma may be the decimal point. A header,
lines of remarks (# or %, as OpenBCI's), and empty lines and columns at the end are passed over and counted. Which
column is what: `emgasr.corpora.csv_columns`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from emgasr.corpora.clock import RATE_TOLERANCE, Clock
from emgasr.corpora.csv_clocks import clock_of, counter_of, is_number, moment
from emgasr.corpora.csv_columns import (
    Column,
    check_rising,
    columns_of,
    counts_up,
    electrodes_of,
    listed,
    question,
)
from emgasr.corpora.tables import MICROVOLTS
from emgasr.errors import RecordingError

REMARKS, DIGITS = ("#", "%"), tuple("0123456789")
LONGEST_LINE = 1 << 20
NUMBERED = {"0": 2, "1": 4}  # columns or more whose header counts from there: fewer cannot be told from samples
_TOLD_RATE = re.compile(r"sampl\w*\s*(?:rate|frequency)\W*?[=:]\s*([0-9.]+)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class CsvTable:
    """Values (T, C) float64 of the electrodes, their columns, the clocks and what was passed over."""

    values: np.ndarray
    electrodes: tuple[Column, ...]
    clocks: tuple[Clock, ...]
    notes: tuple[str, ...]

    def check_units(self, path: Path, unit: str, scale: float) -> None:
        """Raise a RecordingError if a header tells another unit than `unit` and `scale` (µV of one step) do."""
        for column in self.electrodes:
            factor = MICROVOLTS.get(column.unit.lower().replace("volts", "v").replace("volt", "v"))
            if factor is not None and (unit != "uV" or abs(scale / factor - 1) > 1e-6):
                told = unit if unit != "uV" else f"{scale:g} µV a step"
                raise RecordingError(
                    path, f"its header tells {column.name!r}, the table {told}", "mend whichever is wrong"
                )


def read_csv(path: Path, rate_hz: float, columns: Sequence[str] = ()) -> CsvTable:
    """Read a table of samples; a RecordingError names the line, or asks which `columns` hold the electrodes."""
    try:
        with path.open("rb") as raw:
            begin = raw.read(4096)
        if begin.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise RecordingError(path, "is text in UTF-16", "save it in UTF-8")
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return _Reading(path, file, rate_hz).table(columns)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the file") from error


@dataclass
class _Reading:
    """One pass through a file: `line` is where it stands, the tallies are what it passed over."""

    path: Path
    file: TextIO
    rate_hz: float
    line: int = 0
    delimiter: str = ","
    cells: int = 0
    empty_end: int = 0  # columns at the end without name and content
    numeric: tuple[int, ...] = ()
    texts: bool = False  # whether there are columns that are no numbers
    dots: bool = False
    commas: bool = False
    remarks: int = 0
    remark: str = ""  # the last one before the samples
    blanks: int = 0  # empty lines before others
    holes: int = 0  # empty cells
    notes: list[str] = field(default_factory=list)

    def table(self, asked: Sequence[str]) -> CsvTable:
        """What the file holds."""
        begin: list[tuple[int, str]] = []
        while len(begin) < 2 and (text := self._next_line()) is not None:
            begin.append((self.line, text))
        if not begin:
            raise RecordingError(self.path, "holds no samples", "leave it out")
        self.delimiter = next((mark for mark in ";\t," if mark in begin[-1][1]), " ")
        names = self._header(*begin[0])
        data = begin if names is None else begin[1:]
        if names is None:
            names = self._header_in_remark(len(self._split(begin[0][1])))
        if not data:
            raise RecordingError(self.path, "holds no samples", "leave it out")
        row = self._split(data[0][1], data[0][0])
        unnamed = names is None
        names = self._trimmed(names or [""] * len(row), row, data[0][0], unnamed)
        table = [Column(i, name, "electrode") for i, name in enumerate(names)] if unnamed else columns_of(names)
        row = self._with_points(row)
        electrodes = electrodes_of(self.path, table, asked)
        clocks = [c for c in table if c.kind == "clock" and c not in electrodes and moment(row[c.at]) is not None]
        indexes = [c for c in table if c.kind == "index" and c not in electrodes and is_number(row[c.at])]
        read = [*electrodes, *clocks, *indexes]
        self.texts = not all(is_number(cell) or not cell for cell in row)
        self.numeric = tuple(column.at for column in read if is_number(row[column.at]) or column in electrodes)
        moments = [c for c in clocks if not is_number(row[c.at])]
        values = self._load(data, read, moments)
        signal = values[:, : len(electrodes)]
        if not asked:
            self.notes += check_rising(self.path, table, electrodes, signal)
        unread = [c for c in table if c.kind == "clock" and c not in electrodes and c not in clocks]
        self.notes += [f"the clock {c.name!r} is not used: {row[c.at]!r} is not understood" for c in unread]
        others = [c for c in table if c not in electrodes and c not in clocks and c not in unread]
        if others:
            self.notes.append(f"columns that hold no electrode are passed over: {listed(others)}")
        found = self._clocks(clocks, values[:, len(electrodes) : len(electrodes) + len(clocks)])
        counters = self._counters(table, indexes, values[:, len(electrodes) + len(clocks) :], bool(asked))
        self._tell(found or counters, counters)
        return CsvTable(signal, tuple(electrodes), tuple(found or counters[:1]), tuple(self.notes))

    def _header(self, line: int, first: str) -> list[str] | None:
        """The names of the columns, or None if the first line holds samples; a RecordingError if it could be both."""
        cells = self._split(first, line)
        plain = self._with_points(cells)
        numbers = [cell for cell in plain[: len(plain) - _empty_end(plain)] if is_number(cell)]
        counted = numbers == [str(i + int(numbers[0] == "1")) for i in range(len(numbers))] if numbers else False
        if len(numbers) == len(plain) - _empty_end(plain):
            if not counted or len(numbers) < NUMBERED[numbers[0]]:
                return None
            self.notes.append(f"line {line} ({', '.join(numbers[:2])}, …) is taken as the header, not as a sample")
            return cells
        if any(moment(cell) is not None and not is_number(cell) for cell in plain):
            return None
        if numbers and not counted:
            wrong = f"line {line} holds numbers and words ({first[:40]}): is it a header, or a sample?"
            raise RecordingError(self.path, wrong, "name every column in the first line")
        return cells

    def _with_points(self, cells: list[str]) -> list[str]:
        """Cells with a point for the decimal comma, where a comma does not part them."""
        return cells if self.delimiter == "," else [cell.replace(",", ".") for cell in cells]

    def _header_in_remark(self, count: int) -> list[str] | None:
        """Names in the last remark before the samples, where numpy.savetxt writes them."""
        cells = self._split(self.remark.lstrip("#% "))
        if count < 2 or len(cells) != count or any(is_number(cell) for cell in cells):
            return None
        self.notes.append(f"the remark {self.remark[:60]!r} is taken as the header")
        return cells

    def _trimmed(self, names: list[str], row: list[str], line: int, unnamed: bool) -> list[str]:
        """The names (numbers from 1 if there are none) without columns at the end that are empty."""
        if len(row) == len(names) + 1 and not row[-1]:
            names = [*names, ""]
        if len(row) != len(names):
            wrong = f"its header names {len(names)} columns, line {line} has {len(row)}"
            raise RecordingError(self.path, wrong, "mend the header")
        self.cells = len(row)
        self.empty_end = min(_empty_end(names), _empty_end(row), len(row) - 1)
        if self.empty_end:
            self.notes.append(f"{_counted(self.empty_end, 'empty column')} at the end passed over")
        kept = names[: len(names) - self.empty_end]
        return [str(i + 1) for i in range(len(kept))] if unnamed else kept

    def _load(self, data: list[tuple[int, str]], read: list[Column], moments: list[Column]) -> np.ndarray:
        try:
            return np.loadtxt(
                self._lines(data),
                delimiter=None if self.delimiter == " " else self.delimiter,
                usecols=[column.at for column in read],
                converters={column.at: self._seconds for column in moments} or None,
                comments=None,
                quotechar='"',
                ndmin=2,
                encoding=None,
            )
        except (ValueError, csv.Error) as error:
            wrong = f"is not a table of numbers (line {self.line}: {str(error).partition(' at row')[0]})"
            raise RecordingError(self.path, wrong, "mend the row") from error

    def _lines(self, data: list[tuple[int, str]]) -> Iterator[str]:
        """The lines of samples, checked, with a point for the decimal comma and nan for an empty cell."""
        now = self.line
        for self.line, text in data:
            yield self._checked(text)
        self.line = now
        while (text_ := self._next_line()) is not None:
            yield self._checked(text_)

    def _checked(self, text: str) -> str:
        mark = self.delimiter
        cells = self._split(text) if self.texts or mark == " " or '"' in text else None
        count = text.count(mark) + 1 if cells is None else len(cells)
        if count != self.cells:
            wrong = f"line {self.line} has {count} columns, the others {self.cells}"
            raise RecordingError(self.path, wrong, "mend the row, or restore the file if it was cut off")
        if self.empty_end and any((cells or self._split(text))[-self.empty_end :]):
            wrong = f"line {self.line} holds values in a column without a name"
            raise RecordingError(self.path, wrong, "name the columns in the header")
        hole = mark + mark in text or mark + " " + mark in text or text[0] == mark or text[-1] == mark
        comma = mark != "," and "," in text
        if hole or comma or (self.commas and "." in text) or (self.texts and mark != "," and not self.dots):
            return self._mended(cells or self._split(text))
        self.dots |= mark != "," and "." in text
        return text

    def _mended(self, cells: list[str]) -> str:
        for at in self.numeric:
            if not cells[at]:
                cells[at] = "nan"
                self.holes += 1
            self.dots |= "." in cells[at]
            if self.delimiter != "," and "," in cells[at]:
                self.commas = True
                cells[at] = cells[at].replace(",", ".")
        if self.dots and self.commas:
            wrong = f"line {self.line}: both commas and points stand in its numbers"
            raise RecordingError(self.path, wrong, "write one decimal sign")
        mark = self.delimiter
        return mark.join(f'"{cell}"' if mark in cell else cell for cell in cells)

    def _next_line(self) -> str | None:
        """The next line that is neither empty nor a remark."""
        blanks = 0
        while text := self.file.readline(LONGEST_LINE):
            self.line += 1
            if "\0" in text or len(text) >= LONGEST_LINE:
                raise RecordingError(self.path, f"line {self.line} is not text", "give a table of numbers as text")
            text = text.strip(" \n\r")
            if text.startswith(REMARKS):
                self._remark(text)
            elif text[:1] not in DIGITS and not text.strip(', ;\t"'):
                blanks += 1
            else:
                self.blanks += blanks
                return text
        return None

    def _remark(self, text: str) -> None:
        self.remarks += 1
        if self.cells == 0:
            self.remark = text
        found = _TOLD_RATE.search(text)
        if found and is_number(found[1]) and abs(float(found[1]) / self.rate_hz - 1) > RATE_TOLERANCE:
            wrong = f"line {self.line} tells {float(found[1]):g} Hz, the table {self.rate_hz:g} Hz"
            raise RecordingError(self.path, wrong, "mend whichever is wrong")

    def _split(self, text: str, line: int = 0) -> list[str]:
        if self.delimiter == " ":
            return text.split()
        if '"' not in text:
            return [cell.strip() for cell in text.split(self.delimiter)]
        try:
            rows = csv.reader([text], delimiter=self.delimiter, strict=True, skipinitialspace=True)
            return [cell.strip() for cell in next(rows, [])]
        except csv.Error as error:
            raise RecordingError(self.path, f"line {line or self.line}: {error}", "mend the quotation marks") from error

    def _seconds(self, cell: str) -> float:
        found = moment(cell.strip().strip('"'))
        if found is None:
            raise ValueError(f"{cell!r} is no time")
        return found

    def _clocks(self, columns: list[Column], values: np.ndarray) -> list[Clock]:
        """The clocks, the first of which must agree with the rate; another that does not is told."""
        found: list[Clock] = []
        for i, column in enumerate(columns):
            if len(values) > 1 and np.ptp(values[:, i]) == 0:
                self.notes.append(f"the clock {column.name!r} is not used: it stands still")
                continue
            try:
                found.append(clock_of(self.path, column, values[:, i], self.rate_hz))
            except RecordingError as error:
                if not found:
                    raise
                self.notes.append(f"{error.wrong}: the clock {column.name!r} is not used")
        return found

    def _counters(self, table: list[Column], columns: list[Column], values: np.ndarray, asked: bool) -> list[Clock]:
        """Clocks of the columns that count the samples; one that does not count is asked about."""
        found = []
        for i, column in enumerate(columns):
            if counts_up(values[:, i]):
                clock, note = counter_of(self.path, column, values[:, i], self.rate_hz)
                found += [clock] if clock else []
                self.notes += [note] if note else []
            elif not asked:
                raise question(self.path, table, f"{listed([column])} is called an index, but does not count")
        return found

    def _tell(self, clocks: list[Clock], counters: list[Clock]) -> None:
        for clock in dict.fromkeys([*clocks, *counters]):
            self.notes += clock.notes()
        passed = {"remark": self.remarks, "empty line": self.blanks}
        self.notes += [f"{_counted(count, what)} passed over" for what, count in passed.items() if count]
        if self.holes:
            self.notes.append(f"{_counted(self.holes, 'empty cell')} read as unknown (NaN)")
        if self.commas:
            self.notes.append("commas in its numbers are read as decimal points")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")


def _empty_end(cells: Sequence[str]) -> int:
    """How many cells at the end are empty."""
    return next((i for i, cell in enumerate(reversed(cells)) if cell), len(cells))
