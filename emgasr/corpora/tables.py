"""The tables and units that describe a corpus: CSV or TSV text in; rows, numbers, bands and factors to µV out."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Sequence
from pathlib import Path

from emgasr.errors import RecordingError
from emgasr.recording import Band

MICROVOLTS = {"v": 1e6, "mv": 1e3, "uv": 1.0, "µv": 1.0, "μv": 1.0, "nv": 1e-3}  # both signs for micro, in any case
UNKNOWN = ("", "n/a")
ASK_UNIT = "say uV, mV, V or nV, or counts for a device with no factor to volts"

Row = dict[str, str]


def read_table(path: Path, required: Sequence[str] = ()) -> list[Row]:
    """The rows of a .csv, .tsv or .tsv.gz file by column name; RecordingError if unreadable or a column lacks."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "damaged, or not text in UTF-8"
        raise RecordingError(path, f"cannot be read ({reason})", "restore the table") from error
    if ".tsv" in path.suffixes:  # BIDS: no quoting, a field may be a lone quotation mark
        reader = csv.DictReader(text.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.DictReader(io.StringIO(text))
    columns = reader.fieldnames or []
    if missing := [name for name in required if name not in columns]:
        raise RecordingError(path, f"lacks the column {missing[0]!r}", f"it has: {', '.join(columns) or 'nothing'}")
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise RecordingError(path, f"line {reader.line_num} has another number of columns than the first")
        rows.append(row)
    return rows


def number(where: Path, row: Row, column: str, line: int) -> float:
    """A finite number of a row; a RecordingError names the line (2 is the first below the header)."""
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RecordingError(where, f"line {line}: {column} is {row[column]!r}, not a number", "mend the table")
    return value


def resolve_unit(where: str | Path, unit: str | None, scale_uv: float | None = None) -> tuple[str, float]:
    """The recording's unit ("uV" or "counts") and what a stored value is multiplied by; RecordingError if unknown."""
    if scale_uv is not None:
        if not (math.isfinite(scale_uv) and scale_uv != 0):
            raise RecordingError(where, f"scale_uv is {scale_uv}", "give the µV of one step")
        return "uV", float(scale_uv)
    if unit is None or unit.strip().lower() in UNKNOWN:
        raise RecordingError(where, "has no unit", ASK_UNIT)
    if unit == "counts":
        return "counts", 1.0
    if unit.strip().lower() not in MICROVOLTS:
        raise RecordingError(where, f"unknown unit {unit!r}", ASK_UNIT)
    return "uV", MICROVOLTS[unit.strip().lower()]


def resolve_bands(channels: int, bands: Sequence[Sequence[object]] | None, ring: bool) -> tuple[Band, ...]:
    """Bands from [name, electrodes] pairs in the order of the channels; by default one band of all channels."""
    pairs = bands or [["band", channels]]
    return tuple(Band.numbered(str(name), int(str(count)), ring) for name, count in pairs)


def check_rate(where: str | Path, rate_hz: float | None) -> float:
    """The rate, or a RecordingError that asks for it."""
    if rate_hz is None or not (math.isfinite(rate_hz) and rate_hz > 0):
        found = "has no rate" if rate_hz is None else f"has the rate {rate_hz}"
        raise RecordingError(where, found, "give rate_hz, the sampling rate of the device in Hz")
    return float(rate_hz)
