"""EDF and BDF files: headers through edfio in, samples of chosen signals out, decoded only for the records asked for.

edfio itself reads a whole BDF file into memory, which for 20 minutes of 32 electrodes at 2 kHz is about 1 GB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.errors import RecordingError
from emgasr.recording import row_range

BYTES = {".edf": 2, ".bdf": 3}  # of a sample: 16 and 24 bits
HEADER_BYTES, RECORDS_AT = 256, slice(236, 244)  # of the EDF and BDF header: its length, where it counts the records


@dataclass(frozen=True)
class EdfFile:
    """What the header of an EDF or BDF file tells, signal by signal (annotations are left out)."""

    path: Path
    header_bytes: int
    sample_bytes: int
    records: int
    record_samples: int  # of all signals together, annotations too
    labels: tuple[str, ...]
    units: tuple[str, ...]
    rates_hz: tuple[float, ...]
    counts: tuple[int, ...]  # samples of a signal in a record
    starts: tuple[int, ...]  # where they begin in the record
    gains: tuple[float, ...]
    offsets: tuple[float, ...]

    def index(self, label: str) -> int:
        """The position of a signal among `labels`."""
        return self.labels.index(label)


@dataclass(frozen=True, eq=False)
class EdfSamples:
    """Samples (T, C) float32 of C signals of one rate, each in its physical unit times its factor."""

    file: EdfFile
    signals: tuple[int, ...]
    factors: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.file.records * self.file.counts[self.signals[0]], len(self.signals))

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        count = self.file.counts[self.signals[0]]
        first, last = start // count, -(-stop // count)
        digital = _read_records(self.file, first, last)
        out = np.empty((stop - start, len(self.signals)), dtype=np.float32)
        for column, (signal, factor) in enumerate(zip(self.signals, self.factors, strict=True)):
            begin = self.file.starts[signal]
            values = digital[:, begin : begin + count].reshape(-1)[start - first * count : stop - first * count]
            out[:, column] = (values * self.file.gains[signal] + self.file.offsets[signal]) * factor
        return out


def read_header(path: Path) -> EdfFile:
    """Read the header; RecordingError if edfio is missing, or the file is truncated, not EDF/BDF, or has gaps."""
    suffix = path.suffix.lower()
    if suffix not in BYTES:
        raise RecordingError(path, f"unknown kind of file {suffix!r}", "give .bdf or .edf")
    try:
        size = path.stat().st_size
        if size == 0:
            raise RecordingError(path, "is empty (zero bytes)", "restore the file")
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
            length = _integer(path, head[184:192])
            head += file.read(max(0, length - HEADER_BYTES))
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the path") from error
    if len(head) < max(length, HEADER_BYTES) or length < HEADER_BYTES:
        raise RecordingError(path, "is truncated within its header, or not EDF/BDF", "restore the file")
    if head[196:197] == b"D":  # the reserved field reads "EDF+D" or "BDF+D"
        raise RecordingError(path, "is discontinuous (EDF+D)", "split it where it has gaps")
    return _describe(path, _parse(path, head), head, size)


def _parse(path: Path, head: bytes) -> Any:
    """edfio's reading of the header, over a single empty record so that it loads no data."""
    try:
        import edfio
    except ImportError as error:
        raise RecordingError(path, "reading BDF and EDF needs edfio", "pip install 'emgasr[io]'") from error
    signals = _integer(path, head[252:256])
    counts = [_integer(path, head[256 + signals * 216 + 8 * i :][:8]) for i in range(signals)]
    record = bytes(sum(counts) * BYTES[path.suffix.lower()])
    patched = bytearray(head)
    patched[RECORDS_AT] = b"1       "
    try:
        read = edfio.read_bdf if path.suffix.lower() == ".bdf" else edfio.read_edf
        return read(bytes(patched) + record, header_encoding="latin-1")
    except Exception as error:  # edfio documents no exceptions of its own for bad headers
        raise RecordingError(path, f"has a damaged header ({error})", "restore the file") from error


def _describe(path: Path, parsed: Any, head: bytes, size: int) -> EdfFile:
    sample_bytes = BYTES[path.suffix.lower()]
    all_signals = parsed._signals  # annotation signals too: they take their place in a record
    counts = [signal.samples_per_data_record for signal in all_signals]
    starts = np.concatenate([[0], np.cumsum(counts)])
    records, record_bytes = _integer(path, head[RECORDS_AT]), sum(counts) * sample_bytes
    held = (size - len(head)) / record_bytes if record_bytes else 0.0
    if records <= 0 or held != records:
        raise RecordingError(
            path, f"its header tells {records} records, the file holds {held:g}", "it is truncated: restore the file"
        )
    kept = [i for i, signal in enumerate(all_signals) if not signal.label.endswith(" Annotations")]
    if not kept:
        raise RecordingError(path, "holds no signal", "give a file with EMG channels")
    gains, offsets = zip(*(_calibration(path, all_signals[i]) for i in kept), strict=True)
    return EdfFile(
        path=path.absolute(),
        header_bytes=len(head),
        sample_bytes=sample_bytes,
        records=records,
        record_samples=sum(counts),
        labels=tuple(all_signals[i].label for i in kept),
        units=tuple(all_signals[i].physical_dimension for i in kept),
        rates_hz=tuple(float(all_signals[i].sampling_frequency) for i in kept),
        counts=tuple(counts[i] for i in kept),
        starts=tuple(int(starts[i]) for i in kept),
        gains=gains,
        offsets=offsets,
    )


def _calibration(path: Path, signal: Any) -> tuple[float, float]:
    span = signal.digital_max - signal.digital_min
    if span <= 0 or signal.physical_max == signal.physical_min:
        raise RecordingError(path, f"signal {signal.label} has an empty range in the header", "restore the header")
    gain = (signal.physical_max - signal.physical_min) / span
    return gain, signal.physical_min - signal.digital_min * gain


def _read_records(file: EdfFile, first: int, last: int) -> np.ndarray:
    """Records first to last as integers (records, record_samples)."""
    total = (last - first) * file.record_samples
    begin = file.header_bytes + first * file.record_samples * file.sample_bytes
    try:
        raw = np.fromfile(file.path, dtype=np.uint8, count=total * file.sample_bytes, offset=begin)
    except OSError as error:
        raise RecordingError(file.path, f"cannot be read ({error.strerror})", "check the file") from error
    if raw.size != total * file.sample_bytes:
        raise RecordingError(file.path, "is shorter than its header tells", "restore the file")
    if file.sample_bytes == 2:
        return raw.view("<i2").reshape(last - first, file.record_samples)
    wide = np.zeros((total, 4), dtype=np.uint8)
    wide[:, 1:] = raw.reshape(-1, 3)
    return (wide.view("<i4") >> 8).reshape(last - first, file.record_samples)  # the shift keeps the sign


def _integer(path: Path, field: bytes) -> int:
    try:
        return int(field)
    except ValueError as error:
        raise RecordingError(path, "is not an EDF or BDF file", "give .bdf or .edf") from error
