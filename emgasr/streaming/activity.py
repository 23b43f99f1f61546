"""Raw samples of a stream in; finite samples, what is wrong with them, and where there is activity, out.

Samples are looked at in blocks, one an emission, counted from the stream's start, so that chunks of any size give the
same answers. What no amplifier gives is mended (`emgasr.frontend.measured`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emgasr.frontend.measured import LOST_SHARE, Measured, named
from emgasr.recording import Band, Recording

LEVEL_S = 0.128  # over which a band's level is taken; its mean is not part of it, so that drift below 8 Hz is not
DEAD_S = 0.5  # without any change: the electrode is dead
CUT_S = 0.1  # without any change of any electrode: the sensor is cut off
CLIPPED_SHARE, CLIPPED_LEAST = 0.25, 4  # of a block's samples at the electrode's largest value: it is saturated
CLIPPED_OVER_TYPICAL = 4.0  # that value over the electrode's typical RMS: low levels in counts repeat values too
FORGET_S = 10.0  # time constant of the typical RMS
REST_QUANTILE, REST_MARGIN = 0.995, 1.25  # of the levels at rest, and above it: less is no activity


@dataclass(frozen=True)
class RestLevel:
    """The level (RMS in the signal's unit) of each band that rest stays below."""

    levels: tuple[float, ...]

    @staticmethod
    def of(levels: np.ndarray) -> RestLevel:
        """From the levels (blocks, bands) of a stretch of rest."""
        return RestLevel(tuple((REST_MARGIN * np.quantile(levels, REST_QUANTILE, axis=0)).tolist()))

    @staticmethod
    def of_samples(
        samples: np.ndarray, bands: Sequence[Band], rate_hz: float, block: int, unit: str = "counts"
    ) -> RestLevel | None:
        """From the samples (T, C) of a stretch of rest, in blocks of `block`; None if there is no whole block."""
        levels = SignalWatch(bands, rate_hz, block, unit).feed(samples)[1].levels
        return RestLevel.of(levels) if len(levels) else None

    @staticmethod
    def of_recording(recording: Recording, block: int) -> RestLevel | None:
        """From the rests of a recording, in blocks of `block` samples; None if it has none."""
        levels = []
        rests = recording.spans.of_kind("rest")
        for start_s, end_s in zip(rests.start_s, rests.end_s, strict=True):
            watch = SignalWatch(recording.bands, recording.rate_hz, block, recording.unit)
            samples = recording.read(float(start_s), min(float(end_s), recording.duration_s))
            levels.append(watch.feed(samples)[1].levels)
        found = np.concatenate(levels) if levels else np.zeros((0, 0))
        return RestLevel.of(found) if len(found) else None


@dataclass(frozen=True)
class Notice:
    """What happened to a stream, and when (seconds from its start): a kind, and a line for people.

    Kinds: replaced (values that no amplifier gives), dead, saturated, alive (an electrode is well again), turned (rings
    are read as the training people wear them), rest (its level was taken), gap (samples are missing), pause (keys that
    were partial are final), out (a sensor of several is not read), back (it is read again), second_pass (it failed, and
    the first pass stands).
    """

    kind: str
    time_s: float
    text: str


class Blocks(NamedTuple):
    """What blocks of samples hold."""

    levels: np.ndarray  # (blocks, bands) RMS
    sound: np.ndarray  # (blocks,) bool: at least half of the electrodes are measured, not filled in or saturated
    working: np.ndarray  # (blocks,) bool: so many are sound and not dead, have changed before, and are not cut off


class SignalWatch:
    """Watches the samples of one stream of `bands` at `rate_hz` in `unit`, in blocks of `block` samples."""

    def __init__(self, bands: Sequence[Band], rate_hz: float, block: int, unit: str = "counts") -> None:
        self.names = [name for band in bands for name in band.electrodes]
        self.edges = np.cumsum([0, *(len(band.electrodes) for band in bands)])[:-1]
        self.sizes = np.array([len(band.electrodes) for band in bands])
        self.block, self.rate_hz = block, rate_hz
        channels = len(self.names)
        self.measured = Measured(channels, unit, block)
        self._held = np.zeros((0, channels), np.float32)  # of a block that is not complete
        self._blocks = 0  # seen
        self._recent = np.zeros((max(1, round(LEVEL_S * rate_hz / block)), 2, channels))  # sums, sums of squares
        self._flat = np.zeros(channels, np.int64)  # blocks without a change
        self._flat_limit = max(1, round(DEAD_S * rate_hz / block))
        self._cut_limit = max(1, round(CUT_S * rate_hz / block))
        self._moved = np.zeros(channels, bool)  # at any time
        self._largest = np.zeros(channels, np.float32)
        self._typical = np.zeros(channels)
        self._forget = min(1.0, block / rate_hz / FORGET_S)
        self._state = np.zeros(channels, np.int64)  # 0 well, 1 dead, 2 saturated
        self._replacing = False
        self._start_s = 0.0
        self.levels = (0.0,) * len(self.sizes)  # of the latest block

    def feed(self, samples: np.ndarray) -> tuple[np.ndarray, Blocks, list[Notice]]:
        """Return the next samples (T, C) made finite, the blocks that they complete, and notices."""
        notices: list[Notice] = []
        samples, lost = self._mended(samples, notices)
        samples_held = np.concatenate([self._held, samples])
        count = len(samples_held) // self.block
        used = count * self.block
        blocks = samples_held[:used].reshape(count, self.block, len(self.names))
        exact = blocks.astype(np.float64)
        sums, squares = exact.sum(1), np.einsum("nbc,nbc->nc", exact, exact)
        high, low = blocks.max(1), blocks.min(1)
        levels, sound, working = np.zeros((count, len(self.sizes))), np.ones(count, bool), np.ones(count, bool)
        for number in range(count):
            power = self._power(sums[number], squares[number])
            levels[number] = np.sqrt(np.add.reduceat(power, self.edges) / self.sizes)
            saturated = self._judge(blocks[number], high[number], low[number], power, notices)
            unsound = lost[number] | saturated
            sound[number] = unsound.mean() < LOST_SHARE
            gone = unsound | (self._flat >= self._flat_limit) | np.logical_not(self._moved)
            working[number] = gone.mean() < LOST_SHARE and bool(self._flat.min() < self._cut_limit)
        self._held = samples_held[used:].copy()
        self.levels = tuple(levels[-1].tolist()) if count else self.levels
        return samples, Blocks(levels, sound, working), notices

    @property
    def time_s(self) -> float:
        """The end of what was fed."""
        return self._start_s + (self._blocks * self.block + len(self._held)) / self.rate_hz

    def restart(self, time_s: float) -> None:
        """Go on with samples that begin at another time."""
        self._blocks, self._start_s = 0, time_s
        self._recent[:] = 0
        self._held = self._held[:0]
        self.measured.restart()

    def _mended(self, samples: np.ndarray, notices: list[Notice]) -> tuple[np.ndarray, np.ndarray]:
        time_s = self.time_s
        samples, bad, lost = self.measured.feed(samples)
        if bad is not None and not self._replacing:
            first = time_s + int(bad.any(1).argmax()) / self.rate_hz
            where = named(self.names, np.asarray(bad.any(0)))
            text = f"values that no amplifier gives are replaced by the last good ones ({where})"
            notices.append(Notice("replaced", first, text))
        if len(samples):
            self._replacing = bad is not None and bool(bad[-1].any())
        return samples, lost

    def _power(self, total: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """(C,) variance over the latest LEVEL_S, given the sums of the block that ends now."""
        self._recent[self._blocks % len(self._recent)] = total, squares
        self._blocks += 1
        counted = self.block * min(self._blocks, len(self._recent))
        total, squares = self._recent.sum(0) / counted
        return np.maximum(squares - total * total, 0)

    def _judge(
        self, samples: np.ndarray, high: np.ndarray, low: np.ndarray, power: np.ndarray, notices: list[Notice]
    ) -> np.ndarray:
        """Return the electrodes (C,) that are saturated in a block; a change becomes a notice."""
        moves = high != low
        self._flat = np.where(moves, 0, self._flat + 1)
        self._moved |= moves
        size = np.maximum(high, -low)
        self._largest = np.maximum(self._largest, size)
        saturated = (size == self._largest) & (size > CLIPPED_OVER_TYPICAL * self._typical) & (self._typical > 0)
        if saturated.any():
            at_most = (np.abs(samples) == self._largest).sum(0)
            saturated &= at_most >= max(CLIPPED_LEAST, CLIPPED_SHARE * self.block)
        share = np.where(self._typical > 0, self._forget, 1.0) * (moves & ~saturated)
        self._typical += share * (np.sqrt(power) - self._typical)
        state = np.where(saturated, 2, self._flat >= self._flat_limit)
        if (state != self._state).any():
            self._note(state, notices)
            self._state = state
        return saturated

    def _note(self, state: np.ndarray, notices: list[Notice]) -> None:
        time_s = self._start_s + self._blocks * self.block / self.rate_hz
        for kind, value, line in (
            ("dead", 1, "does not change any more"),
            ("saturated", 2, "stands at its limit"),
            ("alive", 0, "is well again"),
        ):
            changed = (state == value) & (self._state != value)
            if changed.any():
                notices.append(Notice(kind, time_s, f"{named(self.names, changed)} {line}"))
