"""EDF and BDF files: a header in; samples of chosen signals out, decoded only for the records asked for.

Also what their annotations tell: when each record begins, which must follow the one before, and how many remarks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from emgasr.corpora.samples.edf_header import EdfFile, EdfSignal
from emgasr.display.wording import counted
from emgasr.errors import RecordingError
from emgasr.files.rows import row_range

_ONSET = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15[\d.]*)?\x14")


@dataclass(frozen=True, eq=False)
class EdfSamples:
    """Samples (T, C) float32 of C signals of one rate: stored values times a gain each, plus an offset each."""

    file: EdfFile
    signals: tuple[EdfSignal, ...]
    gains: tuple[float, ...]
    offsets: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.file.records * self.signals[0].count, len(self.signals))

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        count = self.signals[0].count
        first, last = start // count, -(-stop // count)
        digital = _read_records(self.file, first, last)
        out = np.empty((stop - start, len(self.signals)), dtype=np.float32)
        for column, signal in enumerate(self.signals):
            stored = digital[:, signal.start : signal.start + count].reshape(-1)
            values = stored[start - first * count : stop - first * count].astype(np.float64)
            with np.errstate(over="ignore"):  # beyond float32 is not finite, which validation tells
                out[:, column] = values * self.gains[column] + self.offsets[column]
        return out


def check_clock(file: EdfFile, tolerance_s: float) -> tuple[str, ...]:
    """Check by its own times that each record begins where the one before ends; what to note of its remarks.

    A RecordingError names the first gap. A file that calls itself discontinuous (EDF+D) must tell the times.
    """
    if not file.annotations:
        if file.discontinuous:
            raise RecordingError(file.path, "is discontinuous (EDF+D) and tells no times", "split it where it has gaps")
        return ()
    first, remarks = 0.0, 0
    size = file.record_samples * file.sample_bytes
    begins = [(signal.start * file.sample_bytes, signal.count * file.sample_bytes) for signal in file.annotations]
    try:
        with file.path.open("rb") as raw:
            for record in range(file.records):
                for channel, (begin, length) in enumerate(begins):
                    raw.seek(file.header_bytes + record * size + begin)
                    lists = raw.read(length).split(b"\0")
                    remarks += sum(_remarks(each) for each in lists)
                    if channel:
                        continue
                    at = _ONSET.match(lists[0])
                    if at is None:
                        if file.discontinuous:
                            raise RecordingError(file.path, f"record {record + 1} tells no time", "restore the file")
                        continue
                    onset = float(at[1])
                    first = onset if record == 0 else first
                    expected = first + record * file.record_s
                    if abs(onset - expected) > tolerance_s:
                        wrong = f"record {record + 1} begins at {onset:g} s, those before end at {expected:g} s"
                        raise RecordingError(file.path, wrong, "split it where it has gaps")
    except OSError as error:
        raise RecordingError(file.path, f"cannot be read ({error.strerror})", "check the file") from error
    if not remarks:
        return ()
    verb = "is" if remarks == 1 else "are"
    return (f"{counted(remarks, 'annotation')} inside the file {verb} not read: labels are read from events.tsv alone",)


def _remarks(annotation: bytes) -> int:
    return sum(bool(text) for text in annotation.split(b"\x14")[1:])


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
