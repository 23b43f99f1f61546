"""Raw samples in, samples that an amplifier can have given out: one bad value does not spoil a recording.

A value that no amplifier gives (NaN, infinite, beyond LARGEST) is replaced by the electrode's last good one, whatever
the chunks. A block of samples in which half of the electrodes have such a value was not measured, and is not read.
Streams, transcripts, evaluations and training all follow this rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from emgasr.errors import DataError
from emgasr.files.rows import row_range
from emgasr.recording import Recording, Samples

# No amplifier goes beyond these: 10 V at the skin, and the range of a converter of 32 bits.
LARGEST = {"uV": 1e7, "counts": 2.0**32}
LOST_SHARE = 0.5  # of the electrodes: where at least as many were not measured, a block is passed over


def unmeasured(samples: np.ndarray, unit: str) -> np.ndarray | None:
    """Return which of the samples (T, C) no amplifier gives, bool (T, C); None: all are good."""
    largest = LARGEST[unit]
    if not samples.size or (samples.min() >= -largest and samples.max() <= largest):  # false where there is a NaN
        return None
    return ~(np.abs(samples) <= largest)


def samples_of(given: Any, channels: int, unit: str, where: str) -> np.ndarray:
    """Return numbers of any kind as samples (T, `channels`) float32; masked ones are NaN, as not measured.

    Raises:
        DataError: They have another shape, or are no real numbers; it names `where`.
    """
    advice = f"this model takes (T, {channels} channels) in {unit}"
    try:
        found = np.ma.asarray(given) if isinstance(given, np.ma.MaskedArray) else np.asarray(given)
    except ValueError as error:  # rows of different lengths
        raise DataError(where, "samples have no one shape", advice) from error
    except (RuntimeError, TypeError) as error:  # a tensor that needs gradients, or lies on a GPU
        raise DataError(where, f"samples are no array ({error})", advice) from error
    if found.ndim != 2 or found.shape[1] != channels:
        raise DataError(where, f"samples have shape {found.shape}", advice)
    if found.dtype.kind not in "fiu":
        raise DataError(where, f"samples are of type {found.dtype}", advice)
    with np.errstate(over="ignore"):  # what is beyond float32 is beyond any amplifier
        found = found.astype(np.float32, copy=False)
    return found.filled(np.nan) if isinstance(found, np.ma.MaskedArray) else found


class Mended(NamedTuple):
    """Mended samples.

    Args:
        samples: (T, C), all of them good.
        bad: (T, C) bool, the samples that were filled in; None: none.
        lost: (blocks, C) bool, for each block that ends here, the electrodes with a value filled in.
    """

    samples: np.ndarray
    bad: np.ndarray | None
    lost: np.ndarray


class Measured:
    """Mends the samples of one stream in blocks of `block` samples, and counts the values that it fills in."""

    def __init__(self, channels: int, unit: str, block: int = 1) -> None:
        self.unit, self.block = unit, block
        self.count = self.rows = self.passed_over = 0  # values, samples seen, blocks that were not measured
        self.first = -1  # the first row with a bad value
        self.electrodes = np.zeros(channels, bool)
        self._last = np.zeros(channels, np.float32)
        self._begun = 0  # samples of a block that has not ended
        self._lost = np.zeros(channels, bool)  # in that block

    def feed(self, samples: np.ndarray) -> Mended:
        """Return the next samples (T, C) float32, mended, as PyTorch takes them; the given ones are not changed."""
        samples = np.require(samples, requirements=["C", "W"])  # copies what is reversed, strided or read-only
        bad = unmeasured(samples, self.unit)
        if bad is not None:
            self.count += int(bad.sum())
            self.first = self.rows + int(bad.any(1).argmax()) if self.first < 0 else self.first
            self.electrodes |= bad.any(0)
            source = np.where(bad, 0, np.arange(1, len(samples) + 1)[:, None])
            source = np.maximum.accumulate(source, axis=0)  # the row of the last good value, 0: before this chunk
            samples = np.take_along_axis(np.concatenate([self._last[None], samples]), source, axis=0)
        if len(samples):
            self._last = samples[-1].copy()
        self.rows += len(samples)
        lost = self._blocks(bad, len(samples))
        self.passed_over += int(not_measured(lost).sum())
        return Mended(samples, bad, lost)

    def restart(self) -> None:
        """Begin a block with the next sample."""
        self._begun, self._lost = 0, np.zeros_like(self._lost)

    def _blocks(self, bad: np.ndarray | None, rows: int) -> np.ndarray:
        count = (self._begun + rows) // self.block
        lost = np.zeros((count + 1, len(self._lost)), bool)
        if bad is not None:
            number = (self._begun + np.arange(rows)) // self.block
            np.logical_or.at(lost, number[bad.any(1)], bad[bad.any(1)])
        lost[0] |= self._lost
        self._begun = (self._begun + rows) % self.block
        self._lost = lost[count].copy()
        return lost[:count]

    def line(self, names: Sequence[str], rate_hz: float) -> str:
        """Return one line for people about the values that were filled in; empty if there were none."""
        if not self.count:
            return ""
        values = "1 value" if self.count == 1 else f"{self.count} values"
        line = f"{values} that no amplifier gives ({named(names, self.electrodes)}; not finite, or beyond"
        line += f" ±{LARGEST[self.unit]:g} {self.unit}), the first at {self.first / rate_hz:.3f} s: filled in"
        seconds = self.passed_over * self.block / rate_hz
        return line + (f"; {seconds:.3f} s that lack half of the electrodes are passed over" if seconds else "")


def not_measured(lost: np.ndarray) -> np.ndarray:
    """Return (blocks,) bool: the blocks that are passed over, given their lost electrodes (blocks, C)."""
    return lost.mean(1) >= LOST_SHARE if lost.size else np.zeros(len(lost), bool)


def named(names: Sequence[str], which: np.ndarray) -> str:
    """Return the names of some electrodes, at most four, and how many more there are."""
    chosen = [name for name, wanted in zip(names, which, strict=True) if wanted]
    if len(chosen) == len(names):
        return "every electrode"
    return ", ".join(chosen[:4]) + (f" and {len(chosen) - 4} more" if len(chosen) > 4 else "")


def electrode_names(recording: Recording) -> list[str]:
    """Return the names of a recording's electrodes, in the order of its channels."""
    return [name for band in recording.bands for name in band.electrodes]


def mended(recording: Recording, told: Callable[[str], None] = lambda line: None) -> Recording:
    """Return the recording whose samples are mended as they are read; `told` receives a line at the first bad value.

    A part that is read on its own begins with zeros where its first values are bad.
    """
    where = f"recording {recording.subject}/{recording.session}"
    samples = _Mending(recording.samples, recording.unit, electrode_names(recording), recording.rate_hz, where, told)
    return replace(recording, samples=samples)


@dataclass(frozen=True, eq=False)
class _Mending:
    """Samples that are mended when sliced."""

    samples: np.ndarray | Samples
    unit: str
    names: list[str]
    rate_hz: float
    where: str
    told: Callable[[str], None]
    seen: list[bool] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        return (int(self.samples.shape[0]), int(self.samples.shape[1]))

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        measured = Measured(self.shape[1], self.unit)
        measured.rows = start
        samples = measured.feed(np.asarray(self.samples[start:stop], np.float32)).samples
        if measured.count and not self.seen:
            self.seen.append(True)
            at = f"{measured.first / self.rate_hz:.3f} s ({named(self.names, measured.electrodes)})"
            self.told(f"{self.where}: holds values that no amplifier gives, as at {at}; they are filled in")
        return samples
