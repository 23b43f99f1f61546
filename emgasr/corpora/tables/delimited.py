"""The tables that describe a corpus: CSV or TSV text in; rows by column name, and their numbers, out."""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from emgasr.corpora.tables.units import volts
from emgasr.display.wording import counted, lines
from emgasr.errors import RecordingError
from emgasr.files.plain_text import is_utf16, normalized
from emgasr.files.regular_file import check_regular

_COMMA, _POINT = (re.compile(rf"\s*[-+]?\d+{mark}\d+\s*", re.ASCII) for mark in (",", r"\."))
NAMELESS = ("", "n/a", "nan", "#n/a")  # what programs write for a name or a label that is not there
LARGEST = 2**26  # bytes of a table, unpacked
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)


class Row(dict[str, str]):
    """A row by column name; `line` is where it begins in its file, `commas` whether its numbers have decimal commas."""

    def __init__(self, cells: dict[str, str], line: int, commas: bool = False) -> None:
        super().__init__(cells)
        self.line, self.commas = line, commas


def read_table(path: Path, required: Sequence[str] = (), notes: list[str] | None = None) -> list[Row]:
    """Return the rows of a .csv, .tsv or .tsv.gz file by column name, in the order of the file.

    Lines may end in LF, CR LF or CR, a .csv may be divided by semicolons or tabs (then its numbers may have decimal
    commas, as in Excel in much of Europe), and case and blanks of column names do not matter. Rows without content are
    passed over, told in `notes` if given, as are empty cells beyond the last column. Cells are in NFC. RecordingError:
    unreadable, damaged, a column lacks or stands twice, a row is too long or too short.
    """
    text = _text(path)
    delimiter = "\t" if ".tsv" in path.suffixes else _delimiter(text)
    parsed = _tsv(text) if ".tsv" in path.suffixes else _csv(path, text, delimiter)
    _, header = next(parsed, (1, []))
    if header and header[0].strip().lower().startswith("sep="):  # Excel's word for the delimiter
        _, header = next(parsed, (2, []))
    columns = _columns(path, header, required)
    rows, empty = [], []
    for line, cells in parsed:
        if not any(cell.strip() for cell in cells):
            if cells:  # a line of blanks or commas; one of nothing is how files end
                empty.append(line)
            continue
        rows.append(_row(path, line, cells, columns))
    if delimiter != ",":
        commas = any(_COMMA.fullmatch(cell) for row in rows for cell in row.values())
        points = any(_POINT.fullmatch(cell) for row in rows for cell in row.values())
        for row in rows:
            row.commas = commas and not points  # with both, a point may part thousands
    if empty and notes is not None:
        notes.append(f"{path.name}: {counted(len(empty), 'row')} without content passed over ({lines(empty)})")
    return rows


def number(where: Path, row: Row, column: str, line: int | None = None) -> float:
    """A finite number of a row; a RecordingError names the line (by default the row's own)."""
    text = row[column]
    if row.commas and _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        advice = "mend the table"
        if _COMMA.fullmatch(text):
            advice = "write a decimal point, not a comma"
        elif ":" in text:
            advice = "write seconds" if column.endswith("_s") else advice
        raise RecordingError(where, f"line {line or row.line}: {column} is {text!r}, not a number", advice)
    return value


def row_scale(table: Path, row: Row) -> float | None:
    """The µV of one stored step that a row tells; a RecordingError if its unit tells another, None if it tells none."""
    if not row.get("scale_uv", "").strip():
        return None
    scale_uv, unit = number(table, row, "scale_uv"), row.get("unit", "").strip()
    if volts(unit) not in (None, 1.0, scale_uv):
        wrong = f"line {row.line}: the unit is {unit}, and scale_uv (µV of one step) {scale_uv:g}"
        raise RecordingError(table, wrong, "which is it? leave the other empty")
    return scale_uv


def row_scaling(table: Path, row: Row, unit: str | None, scale_uv: float | None) -> dict[str, object]:
    """Return a reader's option `scale_uv`, else `unit`: from a table's row where it has them, else as given.

    A row that says counts says nothing of their size: a given scale holds for it.
    """
    told, own = row_scale(table, row), row.get("unit", "").strip()
    if told is None and (scale_uv is None or volts(own) is not None):
        return {"unit": own or unit}
    return {"scale_uv": scale_uv if told is None else told}


def _text(path: Path) -> str:
    """The table's text with LF at the end of each line."""
    check_regular(path, RecordingError, "restore the table")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or f"damaged: {error}"
        raise RecordingError(path, f"cannot be read ({reason})", "restore the table") from error
    if len(raw) > LARGEST:
        raise RecordingError(path, f"is larger than {LARGEST:,} bytes", "give a table")
    wide = is_utf16(raw)
    try:
        text = raw.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = len(raw[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
        name = "UTF-16" if wide else "UTF-8"
        wrong = f"line {line} is not text in {name} (byte {raw[error.start]:#04x})"
        raise RecordingError(path, wrong, "save it as text in UTF-8 (Excel: CSV UTF-8)") from error
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise RecordingError(path, f"line {line} holds a NUL, so it is not a table of text", "restore the table")
    return text


def _tsv(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line with its cells. BIDS: no quoting, a field may be a lone quotation mark."""
    for line, content in enumerate(text.split("\n"), start=1):
        yield line, content.split("\t") if content else []


def _csv(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it begins in; strict, so that a lone quotation mark does not swallow rows."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            wrong = f"the row that begins in line {line} is damaged ({error})"
            raise RecordingError(path, wrong, "close its quotation marks, and double those within") from error
        yield line, cells
        line = reader.line_num + 1


def _delimiter(text: str) -> str:
    """What divides the columns: a comma, unless the first line has none but semicolons or tabs."""
    first = text.partition("\n")[0]
    if first.strip().lower().startswith("sep="):
        return first.strip()[4:5] or ","
    return "," if "," in first else next((sign for sign in ";\t" if sign in first), ",")


def _columns(path: Path, header: Sequence[str], required: Sequence[str]) -> list[str]:
    """The column names without blanks around, in lower case; those that lack or stand twice are refused."""
    columns = [normalized(name).strip().lower() for name in header]
    while columns and not columns[-1]:
        columns.pop()
    if missing := [name for name in required if name not in columns]:
        advice = f"it has: {', '.join(columns) or 'nothing'}"
        if len(columns) == 1 and re.search('[,;|"]|  ', columns[0]):
            advice += f" (part the cells by {'tabs' if '.tsv' in path.suffixes else 'commas'})"
        raise RecordingError(path, f"lacks the column {missing[0]!r}", advice)
    if len(set(columns)) < len(columns):
        twice = next(name for name, count in Counter(columns).items() if count > 1)
        raise RecordingError(path, f"has the column {twice!r} twice", "keep one")
    return columns


def _row(path: Path, line: int, cells: list[str], columns: Sequence[str]) -> Row:
    beyond = cells[len(columns) :]
    if any(cell.strip() for cell in beyond) or len(cells) < len(columns):
        wrong = f"line {line} has another number of columns than the first ({len(cells)}, not {len(columns)})"
        raise RecordingError(path, wrong, "mend the row; in CSV, a text that holds a comma stands in quotation marks")
    named = zip(columns, cells, strict=False)
    return Row({name: normalized(cell) for name, cell in named}, line)
