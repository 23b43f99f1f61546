"""The lines of a table of samples in, checked one by one; its numbers, and counts of what was passed over, out.

Empty lines and remarks (# or %) are passed over, empty cells are NaN, a decimal comma becomes a point.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from emgasr.corpora.csv.begin import LOOK, Line, is_empty, split_cells, told_rates
from emgasr.corpora.csv.clocks import moment
from emgasr.corpora.csv.columns import Column
from emgasr.corpora.tables.clock import RATE_TOLERANCE
from emgasr.errors import RecordingError

REMARKS, DIGITS = ("#", "%"), tuple("0123456789")
LONGEST_LINE = 1 << 20
_NO_NUMBER = re.compile("could not convert string '(.*)' to float64", re.DOTALL)
_COMMA = re.compile(r"[-+]?\d+,\d+$", re.ASCII)


@dataclass
class Lines:
    """One pass through a file: `line` is where it stands, the tallies are what it passed over."""

    path: Path
    file: TextIO
    rate_hz: float
    line: int = 0
    delimiter: str = ","
    cells: int = 0
    empty_end: int = 0  # columns at the end without name and content
    numeric: tuple[int, ...] = ()
    electrodes: frozenset[int] = frozenset()
    texts: bool = False  # whether there are columns that are no numbers
    dots: bool = False
    commas: bool = False
    remarks: int = 0
    words: list[Line] = field(default_factory=list)  # the first remarks
    rates: list[tuple[int, float]] = field(default_factory=list)  # lines that tell a rate, and a unit
    blanks: int = 0  # empty lines before others
    holes: int = 0  # empty cells
    unended: bool = False  # whether the last line has no end
    notes: list[str] = field(default_factory=list)

    def load(self, data: list[tuple[int, str]], read: list[Column], moments: list[Column]) -> np.ndarray:
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
            raise self._no_number(str(error)) from error

    def _no_number(self, reason: str) -> RecordingError:
        """The error for a cell that is no number, with what to do."""
        found = _NO_NUMBER.search(reason)
        if not found:
            return RecordingError(self.path, f"is not a table of numbers (line {self.line}: {reason})", "mend the row")
        cell, advice = found[1].strip(), "mend the cell, or leave its column out (columns)"
        if _COMMA.match(cell):
            advice = "write a decimal point, or part the columns by semicolons"
        return RecordingError(self.path, f"line {self.line}: {cell[:40]!r} is not a number", advice)

    def _lines(self, data: list[tuple[int, str]]) -> Iterator[str]:
        """The lines of samples, checked, with a point for the decimal comma and nan for an empty cell."""
        now, before, last = self.line, "", ""
        for self.line, text in data:
            before, last = last, text
            yield self._checked(text)
        self.line = now
        while (text_ := self.next_line()) is not None:
            before, last = last, text_
            yield self._checked(text_)
        if self.unended and _decimals(last) < _decimals(before):
            self.notes.append("its last line has no end and its last number fewer decimals: was the file cut off?")

    def _checked(self, text: str) -> str:
        mark = self.delimiter
        cells = self.split(text) if self.texts or mark == " " or '"' in text else None
        count = text.count(mark) + 1 if cells is None else len(cells)
        if count != self.cells:
            wrong = f"line {self.line} has {count} columns, the others {self.cells}"
            raise RecordingError(self.path, wrong, "mend the row, or restore the file if it was cut off")
        if self.empty_end and any((cells or self.split(text))[-self.empty_end :]):
            wrong = f"line {self.line} holds values in a column without a name"
            raise RecordingError(self.path, wrong, "name the columns in the header")
        text = text.replace("−", "-")
        hole = mark + mark in text or mark + " " + mark in text or text[0] == mark or text[-1] == mark
        comma = mark != "," and "," in text
        empty = "n" in text or "N" in text  # nan, NA, null, #N/A
        if hole or empty or comma or (self.commas and "." in text) or (self.texts and mark != "," and not self.dots):
            return self._mended(cells or self.split(text))
        self.dots |= mark != "," and "." in text
        return text

    def _mended(self, cells: list[str]) -> str:
        for at in self.numeric:
            if is_empty(cells[at]):
                cells[at] = "nan"
                self.holes += at in self.electrodes
            self.dots |= "." in cells[at]
            if self.delimiter != "," and "," in cells[at]:
                self.commas = True
                cells[at] = cells[at].replace(",", ".")
        if self.dots and self.commas:
            wrong = f"line {self.line}: both commas and points stand in its numbers"
            raise RecordingError(self.path, wrong, "write one decimal sign")
        mark = self.delimiter
        return mark.join(f'"{cell}"' if mark in cell else cell for cell in cells)

    def next_line(self) -> str | None:
        """The next line that is neither empty nor a remark."""
        blanks = 0
        while text := self.file.readline(LONGEST_LINE):
            self.line += 1
            self.unended = not text.endswith("\n")
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
        if len(self.words) < LOOK:
            self.words.append((self.line, text))
            self.rates += [(self.line, rate) for rate in told_rates(text)]

    def check_rates(self) -> None:
        """Raise a RecordingError if words of the file tell rates, and none of them is the declared one."""
        told = [(line, rate) for line, rate in self.rates if rate > 0]
        if told and all(abs(rate / self.rate_hz - 1) > RATE_TOLERANCE for _, rate in told):
            line, rate = told[0]
            wrong = f"line {line} tells {rate:g} Hz, {self.rate_hz:g} Hz are declared"
            raise RecordingError(self.path, wrong, "mend whichever is wrong")

    def split(self, text: str, line: int = 0) -> list[str]:
        try:
            return split_cells(text, self.delimiter)
        except csv.Error as error:
            raise RecordingError(self.path, f"line {line or self.line}: {error}", "mend the quotation marks") from error

    def _seconds(self, cell: str) -> float:
        found = moment(cell.strip().strip('"'))
        if found is None:
            raise ValueError(f"{cell!r} is no time")
        return found


def _decimals(text: str) -> int:
    """How many digits stand behind the last point of a line."""
    return len(text.rpartition(".")[2].rstrip('"')) if "." in text[-20:] else 0
