"""The times of a recording's samples in; its clock's rate and gaps, and the place of labels in the signal, out.

A recording's second is as many samples as its declared rate says, so it takes longer on the clock where the device lost
samples. Here labels that were made by the clock move to seconds of the signal, through every gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from emgasr.display.wording import counted, listed
from emgasr.errors import RecordingError

RATE_TOLERANCE = 0.01
LEAST_SAMPLES = (
    0.75  # what is later than this, and stays so, is a gap: a single lost sample is seen where times are even
)
SUSPICIOUS = 4.0  # times the jitter of nine steps in ten
EVEN = 0.05  # of a step: a clock is even if nine steps in ten are that close to the common one
WINDOW_S = 1.0  # times may be late, never early: the earliest within this tells where a stretch belongs
MOST_GAPS = 10_000
DRIFT_S = 0.05  # a clock that ends this far from the declared rate is told
AGREE_S = 0.01  # two readings of a label that are closer are one
WHOLE_S = 20.0  # times of a shorter recording are all read: its few seconds do not tell what is common
MOSTLY = 0.5  # of the seconds: a clock that is uneven in more has another rate
FIRST_SAMPLE = "first sample"
TOLD = 3  # gaps that a note names; the others are counted


class Gap(NamedTuple):
    """Before sample `row`, after `time_s` of the clock, lie `seconds` without samples (below 0: samples too many)."""

    row: int
    time_s: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Clock:
    """Some rows of a recording and their times in seconds, both rising; `times_s` may start anywhere."""

    name: str
    rows: np.ndarray
    times_s: np.ndarray
    rate_hz: float
    measured_hz: float  # without the gaps
    gaps: tuple[Gap, ...]

    @staticmethod
    def of(where: Path, name: str, rows: np.ndarray, times_s: np.ndarray, rate_hz: float) -> Clock:
        """The clock of samples `rows` at a declared rate; RecordingError if times go back, or tell another rate."""
        check_times(where, name, rows, times_s)
        fresh = np.concatenate([[True], np.diff(times_s) > 0])  # samples of one packet may share a time
        if 2 * np.count_nonzero(fresh) <= len(rows):
            fresh[0] = np.count_nonzero(fresh) < 3  # the first packet may be part of one
        rows, times_s = rows[fresh], times_s[fresh]
        if len(rows) < 2:
            return Clock(name, rows, times_s, rate_hz, rate_hz, ())
        period_s = step_of(rows, times_s, rate_hz)
        if abs(period_s * rate_hz - 1) > RATE_TOLERANCE:
            told = f"its times tell {_hz(1 / period_s)} Hz, {rate_hz:g} Hz are declared"
            raise RecordingError(where, told, "mend whichever is wrong")
        gaps = find_gaps(where, rows, times_s, period_s)
        return Clock(name, rows, times_s, rate_hz, 1 / period_s, gaps)

    def to_seconds(self, time_s: float) -> float:
        """Return the second of the signal at a time of the clock, through any gap."""
        rows, times = self.rows, self.times_s
        if time_s <= times[0]:
            return float(rows[0] / self.rate_hz + time_s - times[0])
        if time_s >= times[-1]:
            return float(rows[-1] / self.rate_hz + time_s - times[-1])
        return float(np.interp(time_s, times, rows / self.rate_hz))

    def from_first_sample(self) -> Clock:
        """The same clock, counting from the first sample."""
        first_s = self.start_s
        gaps = tuple(gap._replace(time_s=gap.time_s - first_s) for gap in self.gaps)
        return replace(self, times_s=self.times_s - first_s, gaps=gaps)

    @property
    def start_s(self) -> float:
        """The clock's time of the recording's first sample."""
        return float(self.times_s[0] - self.rows[0] / self.measured_hz)

    def lost(self) -> tuple[tuple[int, int], ...]:
        """Before which samples how many are lacking."""
        lacking = ((gap.row, round(gap.seconds * self.rate_hz)) for gap in self.gaps)
        return tuple((row, samples) for row, samples in lacking if samples > 0)

    @property
    def end_s(self) -> float:
        """The clock's time at the end of the last sample."""
        total = (self.rows[-1] - self.rows[0] + 1) / self.rate_hz
        return float(max(self.times_s[-1] + 1 / self.rate_hz, self.times_s[0] + total))

    def notes(self) -> tuple[str, ...]:
        """Return lines on what the clock shows: gaps with place and length, samples too many, another rate."""
        lost = [gap for gap in self.gaps if gap.seconds > 0]
        many = [gap for gap in self.gaps if gap.seconds < 0]
        told = []
        if lost:
            total = sum(gap.seconds for gap in lost)
            places = _places(lost, "{seconds:.4g} s before sample {row}, after {time_s:.4f} s")
            where = counted(len(lost), "place")
            told.append(f"its clock ({self.name}) shows {total:.4g} s without samples in {where}: {places}")
        if many:
            places = _places(many, "sample {row}, at {time_s:.4f} s")
            where = counted(len(many), "place")
            told.append(f"its clock ({self.name}) stands still in {where}, samples may have come twice: {places}")
        span_s = float(self.times_s[-1] - self.times_s[0])
        if abs(off_s := span_s * (self.measured_hz / self.rate_hz - 1)) > DRIFT_S:
            rates = f"runs at {self.measured_hz:.3f} Hz where {self.rate_hz:g} Hz are declared"
            told.append(f"its clock ({self.name}) {rates}: {abs(off_s):.3f} s off at its end")
        return tuple(told)


class Times(Protocol):
    """Times of samples that are read when sliced, as an HDF5 dataset's."""

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...


def read_clock(where: Path, name: str, times: Times, total: int, rate_hz: float) -> Clock:
    """The clock of `total` samples, read once a second, and wholly in the seconds where samples were lost."""
    step = max(1, round(rate_hz)) if total > WHOLE_S * rate_hz else 1
    rows = np.append(np.arange(0, total - 1, step), total - 1)
    known = np.append(times[::step][: len(rows) - 1], times[total - 1 : total])
    check_times(where, name, rows, known)
    steps, counts = np.diff(known), np.diff(rows)
    off_s = abs(steps - counts * (np.median(steps / counts) if len(steps) else 0.0))
    jitter_s = float(np.median(off_s)) if len(off_s) else 0.0
    uneven = off_s > max(LEAST_SAMPLES / rate_hz, SUSPICIOUS * jitter_s)
    uneven |= abs(steps * rate_hz / counts - 1) > RATE_TOLERANCE
    if len(uneven) > 1 and uneven.mean() > MOSTLY:  # another rate altogether, which is refused
        uneven[:] = False
    for i in np.flatnonzero(uneven):
        rows = np.append(rows, np.arange(rows[i] + 1, rows[i + 1]))
        known = np.append(known, times[rows[i] + 1 : rows[i + 1]])
    order = np.argsort(rows, kind="stable")
    return Clock.of(where, name, rows[order], known[order], rate_hz)


def _hz(rate_hz: float) -> str:
    return f"{rate_hz:.1f}" if rate_hz >= 1 else f"{rate_hz:.2g}"


def check_times(where: Path, name: str, rows: np.ndarray, times: np.ndarray) -> None:
    """Raise a RecordingError with the place where times are unknown or go back."""
    if not (known := np.isfinite(times)).all():
        at = int(rows[int(np.argmin(known))])
        raise RecordingError(where, f"its clock {name!r} is not finite at sample {at}", "mend or leave it out")
    if (back := np.diff(times) < 0).any():
        at = int(rows[int(np.argmax(back)) + 1])
        raise RecordingError(where, f"its clock {name!r} goes back at sample {at}", "split it there, or leave it out")


def step_of(rows: np.ndarray, times: np.ndarray, rate_hz: float) -> float:
    """The time of one sample where nothing was lost, in the unit of `times`; rows and times rise strictly.

    Even clocks tell it in every step. Where steps jitter, as with times of arrival, each second does.
    """
    steps = np.diff(times) / np.diff(rows)
    common = float(np.median(steps))
    even = abs(steps / common - 1) < 0.5
    if np.quantile(abs(steps / common - 1), 0.9) < EVEN:
        return float(np.diff(times)[even].sum() / np.diff(rows)[even].sum())
    picks = np.unique(np.searchsorted(rows, np.arange(rows[0], rows[-1] + 1, max(1.0, rate_hz * WINDOW_S))))
    if len(picks) < 3:
        return float((times[-1] - times[0]) / (rows[-1] - rows[0]))
    return float(np.median(np.diff(times[picks]) / np.diff(rows[picks])))


def find_gaps(where: Path, rows: np.ndarray, times_s: np.ndarray, period_s: float) -> tuple[Gap, ...]:
    """Return where the clock runs ahead of the samples for good, or stands still: not jitter, not late packets."""
    counts = np.diff(rows)
    excess = np.diff(times_s) - counts * period_s
    jitter = float(np.quantile(abs(excess), 0.9))
    least = np.maximum(max(LEAST_SAMPLES * period_s, SUSPICIOUS * jitter), RATE_TOLERANCE * counts * period_s)
    late = times_s - rows * period_s
    width = max(1, int(len(rows) * WINDOW_S / max(WINDOW_S, times_s[-1] - times_s[0])))
    if not (abs(excess) > least).any():
        return ()
    before, after = _earliest(late, width)
    found: list[Gap] = []
    last = 0
    for i in np.flatnonzero((abs(excess) > least) & (abs(after[1:] - before[:-1]) > least)):
        begin = max(last, int(i) - width + 1)
        seconds = float(after[i + 1] - late[begin : i + 1].min())
        if abs(seconds) > least[i] and (seconds > 0) == (excess[i] > 0):
            found.append(Gap(int(rows[i + 1]), float(times_s[i]), seconds))
            last = int(i) + 1
            if len(found) > MOST_GAPS:
                raise RecordingError(
                    where, f"its times have more than {MOST_GAPS} gaps", "check the clock of the device"
                )
    return tuple(found)


def _earliest(late: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The least of the `width` values up to each one, and of the `width` values from it on."""
    from scipy.ndimage import minimum_filter1d  # a verb's help does without scipy

    shift = width // 2
    before = minimum_filter1d(late, width, mode="nearest", origin=width - 1 - shift)
    after = minimum_filter1d(late, width, mode="nearest", origin=-shift)
    return before, after


def _places(gaps: Sequence[Gap], form: str) -> str:
    shown = "; ".join(form.format(**gap._asdict()) for gap in gaps[:TOLD])
    return shown + (f"; and {len(gaps) - TOLD} more" if len(gaps) > TOLD else "")


def place_labels(
    where: Path, clocks: Sequence[Clock], bounds: Sequence[tuple[float, float]], label_clock: str = ""
) -> tuple[list[tuple[float, float]], tuple[str, ...]]:
    """Return labels (start, end) of a table's seconds in seconds of the signal, with notes on those in a gap.

    Labels may stand on a clock of the file, or count from its first sample. The reading that puts all of them inside
    the recording is chosen.

    Raises:
        RecordingError: Two readings fit and differ; it asks for `label_clock` (a clock's name, or FIRST_SAMPLE).
    """
    if not clocks and label_clock not in ("", FIRST_SAMPLE):
        wrong = f"has no clock {label_clock!r}: its labels count from the first sample"
        raise RecordingError(where, wrong, "leave out label_clock (--label-clock), or give its row none")
    if not clocks or not bounds:
        return list(bounds), ()
    readings = [(clock.name, clock) for clock in clocks]
    readings += [(FIRST_SAMPLE, clock.from_first_sample()) for clock in clocks]
    names = ", ".join(repr(name) for name in dict.fromkeys(name for name, _ in readings))
    if label_clock:
        chosen = [clock for name, clock in readings if name == label_clock][:1]
        if not chosen:
            raise RecordingError(where, f"has no clock {label_clock!r}", f"label_clock is one of {names}")
    else:
        fitting = [clock for _, clock in readings if all(_inside(clock, *pair) for pair in bounds)]
        some = [clock for _, clock in readings if any(_inside(clock, *pair) for pair in bounds)]
        chosen = fitting or some or [clocks[0]]
    placed = [[(clock.to_seconds(start), clock.to_seconds(end)) for start, end in bounds] for clock in chosen]
    apart_s = max((float(np.abs(np.subtract(other, placed[0])).max()) for other in placed[1:]), default=0.0)
    if apart_s > max(AGREE_S, 1.5 / clocks[0].rate_hz):
        starts = f"its clock starts at {clocks[0].start_s:.6g} s"
        wrong = f"its labels can be read by more than one clock, {apart_s:.3g} s apart ({starts})"
        if not label_clock and not fitting:
            wrong = f"some of its labels lie on one clock, some on another ({starts})"
        raise RecordingError(where, wrong, f"say which they are on: label_clock is one of {names}")
    return placed[0], _in_gaps(chosen[0], bounds)


def _inside(clock: Clock, start: float, end: float) -> bool:
    return bool(clock.start_s - AGREE_S <= start and end <= clock.end_s + AGREE_S)


def _in_gaps(clock: Clock, bounds: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    """A line on the labels that begin or end where there are no samples."""
    lost = [(gap.time_s + 1 / clock.rate_hz, gap.time_s + gap.seconds) for gap in clock.gaps if gap.seconds > 0]
    hit = [
        f"{start:g} to {end:g} s" for start, end in bounds if any(first < end and start < last for first, last in lost)
    ]
    if not hit:
        return ()
    verb = "lies" if len(hit) == 1 else "lie"
    return (f"{counted(len(hit), 'label')} {verb} where its clock shows no samples: {listed(hit, TOLD)}",)
