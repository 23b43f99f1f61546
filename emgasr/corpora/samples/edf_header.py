"""The header of an EDF or BDF file in; where each signal's samples stand in the file, and in what steps, out.

EDF: Kemp & Olivan, Clin. Neurophysiol. 114:1755; BDF is the same with 24 bits (BioSemi). Nothing is read or allocated
by what a header claims before the file's size agrees. A signal's range is only looked at when its samples are wanted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from emgasr.errors import RecordingError
from emgasr.files.regular_file import check_regular

BITS = {b"0": 16, b"\xff": 24}  # by the first byte of the file: EDF, BDF
KINDS = {".edf": 16, ".bdf": 24}
FIXED, PER_SIGNAL = 256, 256  # bytes of the header: of the file, of each signal
MOST_SIGNALS = 4096
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
RESTORE = "restore the file"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


@dataclass(frozen=True)
class EdfSignal:
    """One signal: what its header says; `start` is its first sample in a record, counted in samples of all signals."""

    label: str
    unit: str
    count: int  # samples in a record
    start: int
    physical: tuple[str, str]  # minimum and maximum, as they stand there
    digital: tuple[str, str]


@dataclass(frozen=True)
class EdfFile:
    """What a header tells; `signals` are those with samples, `annotations` those with times and remarks."""

    path: Path
    header_bytes: int
    sample_bytes: int
    records: int
    record_s: float
    record_samples: int  # of all signals together, annotations too
    discontinuous: bool
    signals: tuple[EdfSignal, ...]
    annotations: tuple[EdfSignal, ...]
    notes: tuple[str, ...]

    def rate_hz(self, index: int) -> float:
        """The samples a second of a signal."""
        return self.signals[index].count / self.record_s

    def scaling(self, index: int) -> tuple[float, float]:
        """What a stored value of a signal is multiplied by, and what is then added; RecordingError for no range."""
        signal = self.signals[index]
        where = f"signal {signal.label!r}"
        low, high = (_number(self.path, f"the range of {where}", text) for text in signal.physical)
        first, last = (_integer(self.path, f"the digital range of {where}", text) for text in signal.digital)
        half = 1 << (8 * self.sample_bytes - 1)
        if low == high or not -half <= first < last < half:
            found = f"{low:g} to {high:g} in {first} to {last}"
            raise RecordingError(self.path, f"{where} has an empty or impossible range ({found})", "restore the header")
        gain = (high - low) / (last - first)
        if not (math.isfinite(gain) and math.isfinite(low - first * gain)) or gain == 0:
            raise RecordingError(self.path, f"{where} has steps of {gain:g}", "restore the header")
        return gain, low - first * gain


def read_header(path: Path) -> EdfFile:
    """Read the header; RecordingError unless it is one, and the file holds all records that it promises."""
    suffix = path.suffix.lower()
    if suffix not in KINDS:
        raise RecordingError(path, f"unknown kind of file {suffix!r}", "give .bdf or .edf")
    size = check_regular(path, RecordingError).st_size
    if size == 0:
        raise RecordingError(path, "is empty (zero bytes)", RESTORE)
    try:
        with path.open("rb") as file:
            head = file.read(FIXED)
            count = _signal_count(path, head)
            if head[:1] in BITS and BITS[head[:1]] != KINDS[suffix]:
                wrong = f"holds samples of {BITS[head[:1]]} bits, unlike files of its name"
                raise RecordingError(path, wrong, "rename it to what it is")
            head += file.read(count * PER_SIGNAL)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the path") from error
    if len(head) < FIXED + count * PER_SIGNAL:
        raise RecordingError(path, "is truncated within its header, or not EDF/BDF", RESTORE)
    return _described(path, head, count, size, KINDS[suffix] // 8)


def _signal_count(path: Path, head: bytes) -> int:
    if len(head) < FIXED or not (head[:8] == b"\xffBIOSEMI" or _text(head[:8]) == "0"):
        raise RecordingError(path, "is truncated within its header, or not an EDF or BDF file", "give .bdf or .edf")
    count = _integer(path, "the number of signals", _text(head[252:256]))
    length = _integer(path, "the length of the header", _text(head[184:192]))
    if not 1 <= count <= MOST_SIGNALS or length != FIXED + count * PER_SIGNAL:
        raise RecordingError(path, f"its header tells {count} signals in {length} bytes, which cannot be", RESTORE)
    return count


def _described(path: Path, head: bytes, count: int, size: int, sample_bytes: int) -> EdfFile:
    def fields(at: int, width: int) -> list[str]:
        """A field of every signal; in the header those of one kind stand together, `at` bytes of each before them."""
        begin = FIXED + at * count
        return [_text(head[begin + width * i : begin + width * (i + 1)]) for i in range(count)]

    record_s = _number(path, "the length of a record", _text(head[244:252]))
    labels, units = fields(0, 16), fields(96, 8)
    physical = list(zip(fields(104, 8), fields(112, 8), strict=True))
    digital = list(zip(fields(120, 8), fields(128, 8), strict=True))
    samples = [_integer(path, f"the samples of {labels[i]!r}", told) for i, told in enumerate(fields(216, 8))]
    if min(samples) < 0:
        raise RecordingError(path, f"a record of {labels[samples.index(min(samples))]!r} holds no samples", RESTORE)
    signals: list[EdfSignal] = []
    annotations: list[EdfSignal] = []
    start = 0
    for label, unit, held, range_, steps in zip(labels, units, samples, physical, digital, strict=True):
        kept = annotations if label in ANNOTATIONS else signals
        kept.append(EdfSignal(label, unit, held, start, range_, steps))
        start += held
    if not any(signal.count for signal in signals):
        raise RecordingError(path, "holds no signal", "give a file with EMG channels")
    if record_s <= 0:
        raise RecordingError(path, f"its records last {record_s:g} s", RESTORE)
    records = _integer(path, "the number of records", _text(head[236:244]))
    beyond = _check_size(path, records, start * sample_bytes, size - len(head), record_s)
    return EdfFile(
        path=path.absolute(),
        header_bytes=len(head),
        sample_bytes=sample_bytes,
        records=records,
        record_s=record_s,
        record_samples=start,
        discontinuous=_text(head[192:236])[:5] in ("EDF+D", "BDF+D"),
        signals=tuple(signals),
        annotations=tuple(annotations),
        notes=(f"the {beyond:,} bytes behind the {records} records of the header are not read",) if beyond else (),
    )


def _check_size(path: Path, records: int, record_bytes: int, held: int, record_s: float) -> int:
    """The bytes behind the promised records; RecordingError if there are fewer records, or none are promised."""
    whole, rest = divmod(held, record_bytes)
    there = f"the file holds {whole}{' and a part of one' if rest else ''} ({whole * record_s:g} s)"
    if records == -1:
        raise RecordingError(path, f"was not finished: its header counts no records, {there}", "write its header anew")
    if records < 1 or records > whole:
        wrong = f"its header tells {records} records ({records * record_s:g} s), {there}"
        raise RecordingError(path, wrong, "it is truncated: restore the file")
    return held - records * record_bytes


def _text(field: bytes) -> str:
    """A field without what fills it up; EDF allows ASCII alone, writers put UTF-8 or Latin-1 into labels and units."""
    field = field.strip(b" \0")
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        return field.decode("latin-1")


def _number(path: Path, what: str, text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise RecordingError(path, f"has a damaged header ({what} is {text!r})", RESTORE)
    return value


def _integer(path: Path, what: str, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise RecordingError(path, f"has a damaged header ({what} is {text!r}), or is not an EDF or BDF file", RESTORE)
    return int(text)
