"""A table of samples (.csv, .tsv, .txt): text in; the values of its electrodes (T, C), its clocks and notes out.

Commas, semicolons, tabs or blanks part the cells, and with the last three a comma may be the decimal point. A header,
lines of remarks (# or %, as OpenBCI's), and empty lines and columns at the end are passed over and counted. Which
column is what: `emgasr.corpora.csv.columns`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from emgasr.corpora.csv.begin import (
    LOOK,
    Begin,
    Line,
    begin_of,
    delimiter_of,
    is_empty,
    told_rates,
    told_units,
    with_units,
)
from emgasr.corpora.csv.clocks import clock_of, counter_of, is_number, is_of_one_day, moment
from emgasr.corpora.csv.columns import (
    Column,
    check_rising,
    columns_of,
    counts_up,
    electrodes_of,
    names_of,
    question,
)
from emgasr.corpora.csv.lines import Lines
from emgasr.corpora.tables.clock import Clock
from emgasr.corpora.tables.units import volts
from emgasr.display.wording import counted
from emgasr.errors import RecordingError
from emgasr.files.plain_text import is_utf16

NUMBERED = {"0": 2, "1": 4}  # columns or more whose header counts from there: fewer cannot be told from samples
_LIST_OF_COLUMNS, _LIST_OF_SENSORS = (  # of OpenSignals' header, which is JSON
    re.compile(rf"""["']{name}["']\s*:\s*\[([^\]]*)\]""") for name in ("column", "sensor")
)


@dataclass(frozen=True, eq=False)
class CsvTable:
    """Values (T, C) float64 of the electrodes, their columns, the clocks and what was passed over."""

    values: np.ndarray
    electrodes: tuple[Column, ...]
    clocks: tuple[Clock, ...]
    notes: tuple[str, ...]
    units: tuple[Line, ...] = ()  # lines above the header that tell a unit of voltage

    @property
    def voltages(self) -> tuple[str, ...]:
        """The units of voltage that the header says, of its electrodes or above them, each once."""
        said = [column.unit for column in self.electrodes if volts(column.unit) is not None]
        said = said or [unit for _, unit in self.units if volts(unit) is not None]
        return tuple({volts(unit): unit for unit in reversed(said)}.values())

    def check_units(self, path: Path, unit: str, scale: float) -> None:
        """Raise a RecordingError if a header tells another unit than `unit` and `scale` (µV of one step) do."""
        told = unit if unit != "uV" else f"{scale:g} µV a step"
        for column in self.electrodes:
            if _is_other_unit(column.unit, unit, scale):
                wrong = f"its header tells {column.name!r}, {told} is declared"
                raise RecordingError(path, wrong, "mend whichever is wrong")
        if self.units and all(_is_other_unit(said, unit, scale) for _, said in self.units):
            line, said = self.units[0]
            raise RecordingError(path, f"line {line} tells {said}, {told} is declared", "mend whichever is wrong")


def _is_other_unit(said: str, unit: str, scale: float) -> bool:
    factor = volts(said)
    return factor is not None and (unit != "uV" or abs(scale / factor - 1) > 1e-6)


def read_csv(path: Path, rate_hz: float, columns: Sequence[str] = ()) -> CsvTable:
    """Read a table of samples; a RecordingError names the line, or asks which `columns` hold the electrodes."""
    try:
        with path.open("rb") as raw:
            begin = raw.read(2)
        with path.open(encoding="utf-16" if is_utf16(begin) else "utf-8-sig", errors="replace") as file:
            return _Reading(path, file, rate_hz).table(columns)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the file") from error


@dataclass
class _Reading(Lines):
    """One pass through a file, and what its columns are."""

    hours: frozenset[int] = frozenset()  # clocks that begin again at midnight
    units: list[tuple[int, str]] = field(default_factory=list)
    paired: frozenset[int] = frozenset()  # clocks that are those of the next column alone

    def table(self, asked: Sequence[str]) -> CsvTable:
        """What the file holds."""
        first: list[Line] = []
        while len(first) < LOOK and (text := self.next_line()) is not None:
            first.append((self.line, text))
        if not first:
            raise RecordingError(self.path, "holds no samples", "leave it out")
        self.delimiter = delimiter_of(first)
        try:
            begin = begin_of(first, self.delimiter)
        except ValueError as error:
            raise RecordingError(self.path, str(error), "leave one line of names above the samples") from error
        names = self._header(begin)
        data = [begin.header, *begin.data] if names is None else begin.data
        if names is None:
            names = self._header_in_remark(data[0][0], self.split(data[0][1]))
        else:
            names = with_units(names, begin.units)
            self._tell_above(begin)
        if not data:
            raise RecordingError(self.path, "holds no samples", "leave it out")
        row = self.split(data[0][1], data[0][0])
        unnamed = names is None
        names = self._trimmed(names or [""] * len(row), row, data[0][0], unnamed)
        table = [Column(i, "", "electrode") for i in range(len(names))] if unnamed else columns_of(names)
        row = self._with_points(row)
        electrodes = electrodes_of(self.path, table, asked)
        clocks = [c for c in self._own_clocks(table, electrodes) if moment(row[c.at]) is not None]
        indexes = [c for c in table if c.kind == "index" and c not in electrodes and is_number(row[c.at])]
        if unnamed and (words := [c for c in electrodes if not is_number(row[c.at]) and not is_empty(row[c.at])]):
            raise question(
                self.path, table, f"has no header, and {row[words[0].at]!r} in {names_of(words[:1])} is no number"
            )
        read = [*electrodes, *clocks, *indexes]
        self.texts = not all(is_number(cell) or not cell for cell in row)
        self.numeric = tuple(column.at for column in read if is_number(row[column.at]) or column in electrodes)
        self.electrodes = frozenset(column.at for column in electrodes)
        moments = [c for c in clocks if not is_number(row[c.at])]
        self.hours = frozenset(c.at for c in moments if is_of_one_day(row[c.at]))
        self.check_rates()
        values = self.load(data, read, moments)
        signal = values[:, : len(electrodes)]
        if not asked:
            self.notes += check_rising(self.path, table, electrodes, signal)
        unread = [c for c in self._own_clocks(table, electrodes) if c not in clocks]
        if untimed := [c for c in unread if is_empty(row[c.at])]:
            wrong = f"line {data[0][0]} has no time ({names_of(untimed)}): is it a sample?"
            raise RecordingError(self.path, wrong, "leave the line out if it is none, else fill the time")
        self.notes += [
            f"the clock {c.name!r} is not used: {row[c.at]!r} is not understood, so its gaps are not seen"
            for c in unread
        ]
        others = [c for c in table if c not in electrodes and c not in clocks and c not in unread]
        if others:
            self.notes.append(f"columns that hold no electrode are passed over: {names_of(others)}")
        found = self._clocks(clocks, values[:, len(electrodes) : len(electrodes) + len(clocks)])
        counters = self._counters(table, indexes, values[:, len(electrodes) + len(clocks) :], bool(asked))
        self._tell(found or counters, counters)
        return CsvTable(signal, tuple(electrodes), tuple(found or counters[:1]), tuple(self.notes), tuple(self.units))

    def _own_clocks(self, table: list[Column], electrodes: list[Column]) -> list[Column]:
        """The clocks of the electrodes. Where each sensor stands behind a clock (Delsys), others have theirs."""
        clocks = [column for column in table if column.kind == "clock" and column not in electrodes]
        names = [column.name for column in clocks]
        self.paired = frozenset(c.at for c in clocks if names.count(c.name) > 1 and c.at + 1 < len(table))
        return [c for c in clocks if c.at not in self.paired or table[c.at + 1] in electrodes]

    def _tell_above(self, begin: Begin) -> None:
        """Tell of the lines above the header; a RecordingError if the rates in them are others than the declared."""
        told = [*begin.above, *([(begin.data[0][0] - 1, ",".join(begin.units))] if begin.units and begin.data else [])]
        for line, text in told:
            self.rates += [(line, rate) for rate in told_rates(text)]
            self.units += [(line, unit) for unit in told_units(text)]
        above = [text for _, text in begin.above if not text.lower().startswith("sep=")]
        if above:
            shown = f"{above[0][:40]!r}" + (" …" if len(above) > 1 else "")
            self.notes.append(f"{counted(len(above), 'line')} above the header passed over ({shown})")

    def _header(self, begin: Begin) -> list[str] | None:
        """The names of the columns, or None if the first line holds samples; a RecordingError if it could be both."""
        (line, first), alone = begin.header, not begin.above
        below = begin.data[0][1] if begin.data else ""
        cells = self.split(first, line)
        plain = self._with_points(cells)
        numbers = [cell for cell in plain[: len(plain) - _empty_end(plain)] if is_number(cell)]
        counts = numbers == [str(i + int(numbers[0] == "1")) for i in range(len(numbers))] if numbers else False
        if len(numbers) == len(plain) - _empty_end(plain):
            sure = counts and (len(numbers) >= NUMBERED[numbers[0]] or (len(numbers) == 1 and "." in below))
            if not alone or not sure:
                return None
            shown = ", ".join(numbers[:2]) + (", …" if len(numbers) > 2 else "")
            self.notes.append(f"line {line} ({shown}) is taken as the header, not as a sample")
            return cells
        if any(moment(cell) is not None and not is_number(cell) for cell in plain):
            return None
        if numbers and not counts and alone:
            wrong = f"line {line} holds numbers and words ({first[:40]}): is it a header, or a sample?"
            raise RecordingError(self.path, wrong, "name every column in the first line")
        return cells

    def _with_points(self, cells: list[str]) -> list[str]:
        """Cells with a point for the decimal comma, where a comma does not part them."""
        return cells if self.delimiter == "," else [cell.replace(",", ".") for cell in cells]

    def _header_in_remark(self, first: int, row: list[str]) -> list[str] | None:
        """Names in the last remark before the samples, where numpy.savetxt writes them, or OpenSignals' list."""
        count = len(row) - _empty_end(row)
        before = [text for line, text in self.words if line < first]
        for text in before:
            listed_ = _LIST_OF_COLUMNS.search(text)
            if listed_ and len(names := [name.strip(" '\"") for name in listed_[1].split(",")]) == count:
                kinds = _LIST_OF_SENSORS.search(text)
                sensors = [name.strip(" '\"") for name in kinds[1].split(",")] if kinds else []
                called = names[: count - len(sensors)]
                called += [" ".join(pair) for pair in zip(sensors, names[len(called) :], strict=False)]
                self.notes.append(f"the columns are called as a remark lists them: {', '.join(called[:8])}")
                return called
        remark = before[-1] if before else ""
        cells = self.split(remark.lstrip("#% "))
        if count < 2 or len(cells) != count or any(is_number(cell) for cell in cells):
            return None
        self.notes.append(f"the remark {remark[:60]!r} is taken as the header")
        return cells

    def _trimmed(self, names: list[str], row: list[str], line: int, unnamed: bool) -> list[str]:
        """The names (numbers from 1 if there are none) without columns at the end that are empty."""
        if len(row) > len(names) and not any(row[len(names) :]):
            names = names + [""] * (len(row) - len(names))
        if len(row) != len(names):
            wrong = f"its header names {len(names)} columns, line {line} has {len(row)}"
            raise RecordingError(self.path, wrong, "mend the header")
        self.cells = len(row)
        self.empty_end = min(_empty_end(names), _empty_end(row), len(row) - 1)
        if self.empty_end:
            self.notes.append(f"{counted(self.empty_end, 'empty column')} at the end passed over")
        kept = names[: len(names) - self.empty_end]
        return [str(i + 1) for i in range(len(kept))] if unnamed else kept

    def _clocks(self, columns: list[Column], values: np.ndarray) -> list[Clock]:
        """The clocks, the first of which must agree with the rate; another that does not is told."""
        found: list[Clock] = []
        for i, column in enumerate(columns):
            if len(values) > 1 and np.ptp(values[:, i]) == 0:
                self.notes.append(f"the clock {column.name!r} is not used: it stands still")
                continue
            try:
                found.append(clock_of(self.path, column, values[:, i], self.rate_hz, column.at in self.hours))
            except RecordingError as error:
                if not found or column.at in self.paired:
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
                raise question(self.path, table, f"{names_of([column])} is called an index, but does not count")
        return found

    def _tell(self, clocks: list[Clock], counters: list[Clock]) -> None:
        self.check_rates()
        for clock in dict.fromkeys([*clocks, *counters]):
            self.notes += clock.notes()
        passed = {"remark": self.remarks, "empty line": self.blanks}
        self.notes += [f"{counted(count, what)} passed over" for what, count in passed.items() if count]
        if self.holes:
            self.notes.append(f"{counted(self.holes, 'empty cell')} read as unknown (NaN)")
        if self.commas:
            self.notes.append("commas in its numbers are read as decimal points")


def _empty_end(cells: Sequence[str]) -> int:
    """How many cells at the end are empty."""
    return next((i for i, cell in enumerate(reversed(cells)) if cell), len(cells))
