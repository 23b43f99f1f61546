"""A recording's samples, read once in blocks, in; values that no amplifier gives, and oddities, out.

A problem is surely wrong. A note gives a figure and leaves the judgement: a dead electrode, a rail, an odd unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from emgasr.display.wording import counted, listed
from emgasr.frontend.measured import LARGEST
from emgasr.recording import Recording

CONSTANT = "every channel is constant: nothing was recorded"
BLOCK_VALUES = 1 << 22  # samples times channels read at once: 16 MiB of float32
FLAT_S, LOST_S = 1.0, 0.25  # one value for that long: in a channel, in all of them at once
CLIPPED, CLIPPED_SURELY = (
    1e-3,
    1e-2,
)  # share of samples at a rail for three in a row: if it is far out, and if it is not
FAR_OUT = 3.0  # standard deviations from the mean to a rail
STEPS_TO_TELL = 16  # from one rail to the other: a weak signal stands at the ends of its few steps by itself
JUMP = 1000.0  # mean steps that a single step exceeds
TYPICAL_UV = (0.1, 5e4)  # standard deviations of surface EMG, drift of electrodes included: noise floor, far beyond


def check_samples(recording: Recording) -> tuple[list[str], list[str]]:
    """Return (problems, notes) of a recording's samples: not finite, too large or constant throughout; equal, flat,
    clipped or jumping channels, and a scale unlike that of muscles.

    Time that goes back, where the samples have a clock of their own, is a problem too.
    """
    seen = _Seen(recording)
    for first, block in _blocks(recording):
        seen.add(first, block)
    return seen.problems(), seen.notes()


def _blocks(recording: Recording) -> Iterator[tuple[int, np.ndarray]]:
    rows = max(1, BLOCK_VALUES // max(1, recording.n_channels))
    for start in range(0, recording.n_samples, rows):
        yield start, np.asarray(recording.samples[start : min(start + rows, recording.n_samples)])


class _Seen:
    """What has been seen of each channel so far, arrays (C,); the last sample joins one block to the next."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.times = getattr(recording.samples, "times", None)
        channels = recording.n_channels
        self.names = [electrode for band in recording.bands for electrode in band.electrodes]
        self.bad = np.zeros(channels, dtype=np.int64)  # values that are not finite, and that are too large
        self.large = np.zeros(channels, dtype=np.int64)
        self.first_bad = self.first_large = (0, 0)
        self.largest = 0.0
        self.clock: str | None = None
        self.latest = -np.inf
        self.low, self.high = Rail(channels, -1), Rail(channels, 1)
        self.sum, self.squares = np.zeros(channels), np.zeros(channels)
        self.origin: np.ndarray | None = None  # of sums, so that squares of an offset do not drown the signal
        self.steps, self.step, self.step_at = np.zeros(channels), np.zeros(channels), np.zeros(channels, dtype=np.int64)
        self.finest = np.full(channels, np.inf)
        self.since = np.zeros(channels, dtype=np.int64)  # when each began to stand at its value
        self.longest, self.longest_at = np.zeros(channels, dtype=np.int64), np.zeros(channels, dtype=np.int64)
        self.all_since = 0
        self.lost: list[tuple[int, int]] = []  # start and length
        self.last = np.empty((0, channels), dtype=np.float32)  # the last sample, and whether it is as the one before
        self.still = np.empty((0, channels), dtype=bool)

    def add(self, first: int, block: np.ndarray) -> None:
        self._check_clock(first, len(block))
        finite = np.isfinite(block)
        if not finite.all():
            if not self.bad.any():
                self.first_bad = _place(first, ~finite)
            self.bad += (~finite).sum(axis=0)
            block = np.where(finite, block, np.float32(0))
        beyond = np.abs(block) > LARGEST[self.recording.unit]
        if beyond.any():
            if not self.large.any():
                self.first_large = _place(first, beyond)
            self.large += beyond.sum(axis=0)
            self.largest = max(self.largest, float(np.abs(block).max()))
        self._sum_up(block)
        joined = np.concatenate([self.last, block])
        self._follow(first - len(self.last), joined)
        self.last = joined[-1:]

    def _check_clock(self, first: int, count: int) -> None:
        if self.times is not None and self.clock is None:
            back = ~(np.diff(np.concatenate([[self.latest], self.times(first, first + count)])) >= 0)
            if back.any():
                self.clock = f"time goes back or is unknown at sample {first + int(np.argmax(back))}"
            self.latest = self.times(first + count - 1, first + count)[0]

    def _sum_up(self, block: np.ndarray) -> None:
        if self.origin is None:
            self.origin = block[0]
        with np.errstate(over="ignore"):  # of values that are told as too large
            values = block - self.origin
            self.sum += values.sum(axis=0, dtype=np.float64)
            self.squares += np.einsum("ij,ij->j", values, values)

    def _follow(self, first: int, block: np.ndarray) -> None:
        """Follow steps, rails and stretches of one value through `block`, which begins with the last sample known."""
        steps = np.abs(np.diff(block, axis=0))
        start = first + 1  # the sample that the first step leads to
        still = steps == 0
        if len(steps):
            largest = steps.max(axis=0)
            if (better := largest > self.step).any():
                self.step_at[better] = start + np.argmax(steps[:, better], axis=0)
                self.step = np.maximum(self.step, largest)
            self.steps += steps.sum(axis=0, dtype=np.float64)
            self.finest = np.minimum(self.finest, steps.min(axis=0, initial=np.inf, where=~still))
        joined = np.concatenate([self.still, still])
        stands = joined[1:] & joined[:-1]  # the third sample of three alike, none of them counted before
        self.still = joined[-1:]
        for rail in (self.low, self.high):
            rail.add(block, stands)
        for channel in np.flatnonzero(still.any(axis=0)):
            self._stretch(int(channel), start + np.flatnonzero(~still[:, channel]))
        if len(still):
            # Those that moved all the time only end what they stood at before.
            moving = ~still.any(axis=0)
            ended = np.where(moving, start - self.since, 0)
            self.longest_at = np.where(ended > self.longest, self.since, self.longest_at)
            self.longest = np.maximum(self.longest, ended)
            self.since[moving] = start + len(still) - 1
            if moving.any():
                self._lost(np.array([start]))
                self.all_since = start + len(still) - 1
            else:
                self._lost(start + np.flatnonzero(~still.all(axis=1)))

    def _stretch(self, channel: int, moved: np.ndarray) -> None:
        if len(moved):
            bounds = np.concatenate([[self.since[channel]], moved])
            longest = int(np.argmax(np.diff(bounds)))
            if (length := bounds[longest + 1] - bounds[longest]) > self.longest[channel]:
                self.longest[channel], self.longest_at[channel] = length, bounds[longest]
            self.since[channel] = moved[-1]

    def _lost(self, moved: np.ndarray) -> None:
        if len(moved):
            bounds = np.concatenate([[self.all_since], moved])
            lengths = np.diff(bounds)
            for i in np.flatnonzero(lengths >= LOST_S * self.recording.rate_hz):
                self.lost.append((int(bounds[i]), int(lengths[i])))
            self.all_since = int(moved[-1])

    def problems(self) -> list[str]:
        found = []
        if self.bad.any():
            row, channel = self.first_bad
            many = f"{counted(int(self.bad.sum()), 'value')} in {self._channels(self.bad > 0)}"
            found.append(f"is not finite from sample {row}, channel {channel} on ({self._at(row)}): {many}")
        if self.large.any():
            row, channel = self.first_large
            many = f"{counted(int(self.large.sum()), 'value')} in {self._channels(self.large > 0)}"
            most = f"no amplifier gives {self.largest:g} {self.recording.unit}"
            found.append(f"{most}: too large from sample {row}, channel {channel} on ({self._at(row)}): {many}")
        if self.clock is not None:
            found.append(self.clock)
        if not found and self._constant().all():
            found.append(CONSTANT)
        return found

    def _equal(self) -> list[list[int]]:
        """Channels that are not constant and hold the same: told by their sums, and then sample by sample."""
        sums = np.stack([self.sum, self.squares, self.steps, self.low.value, self.high.value], axis=1)
        alike: dict[bytes, list[int]] = {}
        for channel in np.flatnonzero(~self._constant()):
            alike.setdefault(sums[channel].tobytes(), []).append(int(channel))
        found = [same for same in alike.values() if len(same) > 1]
        for _, block in _blocks(self.recording) if found else ():
            found = [
                [channel for channel in same if np.array_equal(block[:, channel], block[:, same[0]], equal_nan=True)]
                for same in found
            ]
        return [same for same in found if len(same) > 1]

    def notes(self) -> list[str]:
        if self.bad.any() or self.large.any() or self._constant().all():
            return []
        equal = [f"channels {listed(map(self._named, same))} are equal throughout" for same in self._equal()]
        return [*equal, *self._still_notes(), *self._rail_notes(), *self._scale_notes()]

    def _still_notes(self) -> Iterator[str]:
        total, rate_hz = self.recording.n_samples, self.recording.rate_hz
        constant = self._constant()
        if constant.any():
            yield f"{self._channels(constant)} constant: no electrode, or none that touches"
        ends = total - self.since
        self.longest_at = np.where(ends > self.longest, self.since, self.longest_at)
        longest = np.maximum(self.longest, ends)
        lost = [*self.lost, (self.all_since, total - self.all_since)]
        lost = [(at, length) for at, length in lost if length >= LOST_S * rate_hz]
        if lost and (~constant).sum() > 1:
            seconds = sum(length for _, length in lost) / rate_hz
            yield (
                f"no channel changes for {seconds:.2f} s in {counted(len(lost), 'stretch')}, the first at "
                f"{self._at(lost[0][0])}: samples were lost or held"
            )
        flat = (longest >= FLAT_S * rate_hz) & ~constant
        if flat.any() and not (lost and (~constant).sum() > 1):
            worst = int(np.argmax(np.where(flat, longest, 0)))
            where = f"{longest[worst] / rate_hz:.2f} s from {self._at(self.longest_at[worst])} on, {self._named(worst)}"
            yield f"{self._channels(flat)} at one value for {FLAT_S:g} s or more, the longest for {where}"

    def _rail_notes(self) -> Iterator[str]:
        total, deviation = self.recording.n_samples, self._deviation()
        mean = (self.origin if self.origin is not None else 0.0) + self.sum / total
        coarse = self.high.value - self.low.value < STEPS_TO_TELL * self.finest
        shares = np.zeros(self.recording.n_channels)
        for rail in (self.low, self.high):
            share = rail.count / total
            far = np.abs(rail.value - mean) > FAR_OUT * deviation
            clipped = (share >= CLIPPED_SURELY) | (far & (share >= CLIPPED) & (rail.count >= 3))
            # A rectified signal rests at 0.
            shares += np.where(clipped & ~coarse & (rail.value != 0) & ~self._constant(), share, 0)
        if shares.any():
            worst = int(np.argmax(shares))
            most = f"{shares[worst]:.1%} of the samples of {self._named(worst)}"
            yield f"{self._channels(shares > 0)} clipped: up to {most} stand at the highest or lowest value"

    def _scale_notes(self) -> Iterator[str]:
        total = self.recording.n_samples
        mean_step = (self.steps - self.step) / max(1, total - 2)  # of the others
        jumps = (self.step > JUMP * mean_step) & (mean_step > 0)
        if jumps.any():
            worst = int(np.argmax(np.where(jumps, self.step, 0)))
            most = f"by {self.step[worst]:g} {self.recording.unit} at {self._at(int(self.step_at[worst]))}"
            times = self.step[worst] / mean_step[worst]
            yield f"{self._channels(jumps)} with jumps, {self._named(worst)} {most}, {times:,.0f} times its mean step"
        typical = float(np.median(self._deviation()[~self._constant()]))
        low, high = TYPICAL_UV
        if self.recording.unit == "uV" and not low <= typical <= high:
            other = "mV or V" if typical < low else "nV or counts"
            yield f"its channels deviate by {typical:.3g} uV, unlike muscles: is the unit {other}?"

    def _deviation(self) -> np.ndarray:
        total = self.recording.n_samples
        return np.sqrt(np.maximum(0, self.squares / total - np.square(self.sum / total)))

    def _constant(self) -> np.ndarray:
        return self.low.value == self.high.value

    def _at(self, sample: int) -> str:
        return f"{sample / self.recording.rate_hz:.3f} s"

    def _named(self, channel: int) -> str:
        return self.names[channel]

    def _channels(self, which: Sequence[bool] | np.ndarray) -> str:
        chosen = np.flatnonzero(which)
        return f"{counted(len(chosen), 'channel')} ({listed(self._named(int(channel)) for channel in chosen)})"


class Rail:
    """The lowest (sign -1) or highest (1) value of each channel, and how often it stands there for three in a row."""

    def __init__(self, channels: int, sign: int) -> None:
        self.sign = sign
        self.value = np.full(channels, -sign * np.inf)
        self.count = np.zeros(channels, dtype=np.int64)

    def add(self, block: np.ndarray, stands: np.ndarray) -> None:
        """Count a block (T, C); `stands` says which samples of its last rows equal the two before them."""
        extreme = block.max(axis=0) if self.sign > 0 else block.min(axis=0)
        self.count[self.sign * extreme > self.sign * self.value] = 0
        self.value = self.sign * np.maximum(self.sign * extreme, self.sign * self.value)
        if stands.any():
            self.count += (stands & (block[len(block) - len(stands) :] == self.value)).sum(axis=0)


def _place(first: int, wrong: np.ndarray) -> tuple[int, int]:
    row, channel = (int(i) for i in np.argwhere(wrong)[0])
    return first + row, channel
