"""The first lines of a table of samples in; their delimiter, the header and the lines above it out.

The samples begin where the columns of numbers do; the line above them names the columns. A line of units between the
two ("s", "uV", "1000 Hz") belongs to the names. Words that devices write above the header (name, date, rate) are passed
over with a note, after their rate and unit were compared with the declared ones.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from emgasr.corpora.csv.clocks import is_number, moment
from emgasr.corpora.csv.columns import TIME_UNITS
from emgasr.corpora.tables.units import volts

LOOK = 128  # lines in which the samples must begin
MARKS = ";\t,"
EMPTY = ("nan", "na", "n/a", "#n/a", "null", "none")  # what programs write for a value that is not there
_OF_RATE = r"(?:sampl\w*[ _-]*(?:rate|freq\w*)|(?<![a-z][ _-])frequency|abtastrate|abtastfrequenz)"
_TOLD_RATE = re.compile(
    _OF_RATE + r"(?:\s*[\[(]?\s*(k?hz)\s*[\])]?)?[\s\"':;=,]*([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+[.,]?[0-9]*)\s*(khz)?",
    re.I,
)
_TOLD_UNIT = re.compile(r"(?<!domain )\bunits?\b[\s\"':;=,]+([a-zµμ]+)", re.IGNORECASE)
_RATE = re.compile(r"^([0-9]+(?:[.,][0-9]+)?)\s*(k?)hz$", re.IGNORECASE)

Line = tuple[int, str]
T = TypeVar("T")


@dataclass(frozen=True)
class Begin:
    """The lines above the header, the header (a sample, if there is none), its units, and the samples below it."""

    above: list[Line]
    header: Line
    units: tuple[str, ...]
    data: list[Line]


def delimiter_of(lines: Sequence[Line]) -> str:
    """Return the delimiter of most lines: semicolon, tab or comma; a blank where there is none of these."""
    found = [next((mark for mark in MARKS if mark in text), " ") for _, text in _last(lines)]
    return Counter(reversed(found)).most_common(1)[0][0]  # of as many the later: above the samples stand words


def split_cells(text: str, delimiter: str) -> list[str]:
    """The cells of a line without blanks at their ends; csv.Error for quotation marks that do not fit."""
    if delimiter == " ":
        return text.split()
    if '"' not in text:
        return [cell.strip() for cell in text.split(delimiter)]
    rows = csv.reader([text], delimiter=delimiter, strict=True, skipinitialspace=True)
    return [cell.strip() for cell in next(rows, [])]


def begin_of(lines: list[Line], delimiter: str) -> Begin:
    """Part the first lines; where the samples do not begin clearly, the first line is taken for the header.

    ValueError if two lines could be the header.
    """
    cells = [_cells(text, delimiter) for _, text in lines]
    first = _first_of_samples(cells)
    at = first - 1
    units: tuple[str, ...] = ()
    if at > 0 and len(cells[at - 1]) == len(cells[at]) and all(map(_is_unit, cells[at])) and any(cells[at]):
        at, units = at - 1, tuple(cells[at])
    if at < 1:
        return Begin([], lines[0], units, lines[1 + bool(units) :])
    width = len(cells[at])
    if width > 2 and (headers := [lines[i][0] for i in range(at) if len(cells[i]) == width and all(cells[i])]):
        raise ValueError(f"lines {headers[-1]} and {lines[at][0]} could both name its columns")
    return Begin(lines[:at], lines[at], units, lines[first:])


def told_rates(text: str) -> list[float]:
    """The rates in Hz that a line of words tells."""
    found = [(number, unit or before) for before, number, unit in _TOLD_RATE.findall(text)]
    found += [(match[1], match[2] + "hz") for cell in re.split("[,;\t]", text) if (match := _RATE.match(cell.strip()))]
    return [_number(number) * (1000 if unit.lower() == "khz" else 1) for number, unit in found]


def told_units(text: str) -> list[str]:
    """The units of voltage that a line of words tells."""
    return [unit for unit in _TOLD_UNIT.findall(text) if volts(unit) is not None]


def with_units(names: list[str], units: Sequence[str]) -> list[str]:
    """Names of columns with the units that stand below them, but rates, in brackets."""
    told = [
        name if not unit or _RATE.match(unit) else f"{name} [{unit.strip('[]() ')}]"
        for name, unit in zip(names, units, strict=False)
    ]
    return told + names[len(told) :]


def is_empty(cell: str) -> bool:
    """Whether a cell tells that a value is not there."""
    return not cell or cell.lower() in EMPTY


def _number(text: str) -> float:
    """A rate with a decimal comma, or with commas that part thousands: no device samples a thousandth as often."""
    return float(text.replace(",", "") if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", text) else text.replace(",", "."))


def _first_of_samples(cells: list[list[str]]) -> int:
    """The first line from which on columns hold numbers; 1 if there is none, or lines above look like samples too."""
    width = Counter(len(row) for row in _last(cells)).most_common(1)[0][0]
    rows = [row for row in _last(cells) if len(row) == width]
    numeric = [at for at in range(width) if 2 * sum(_is_value(row[at]) for row in rows) > len(rows)]
    alike = [
        len(row) == width
        and all(_is_value(row[at]) or is_empty(row[at]) for at in numeric)
        and any(row[at] for at in numeric)
        for row in cells
    ]
    if not numeric or not alike[-1] or len(cells) < 3:
        return 1
    first = len(alike) - next((i for i, same in enumerate(reversed(alike)) if not same), len(alike))
    return 1 if any(alike[:first]) else first


def _last(lines: Sequence[T]) -> Sequence[T]:
    """The last of the first lines, which are samples if anything is."""
    return lines[-max(8, len(lines) // 4) :]


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return split_cells(text, delimiter)
    except csv.Error:  # told once it is known whether the line matters
        return [text]


def _is_value(cell: str) -> bool:
    return moment(cell) is not None or is_number(cell.replace(",", ".", 1))


def _is_unit(cell: str) -> bool:
    bare = cell.strip("[]() ").lower()
    return (
        not bare or bare in TIME_UNITS or volts(bare) is not None or bool(_RATE.match(bare)) or bare in ("hz", "-", "g")
    )
