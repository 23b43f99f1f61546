"""Frame rates and delays of several models in; which frames of each make a frame of all of them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.errors import ConfigError
from emgasr.models.recognizer import Recognizer

ROUNDING = 1e-6  # of a ratio of rates


@dataclass(frozen=True)
class Grid:
    """The frames of all models: those of the slowest one, `reference`, of whose frames each is one.

    Frame k is made of the frames [ratio * k + first, ratio * (k + 1) + first) of a model.

    Args:
        reference: which model.
        ratios: frames of each model in one of the grid.
        firsts: the first of them in frame 0, below 0 where a model began later.
        offset_s: seconds from the recording's start to that of the reference's sensor.
    """

    reference: int
    ratios: tuple[int, ...]
    firsts: tuple[int, ...]
    offset_s: float

    def frames(self, counts: Sequence[int]) -> int:
        """Return the frames of the grid that models with so many frames fill, each as a whole."""
        return max([0, *((count - first) // ratio for count, first, ratio in self._each(counts))])

    def rows_of(self, member: int, frame: int, frames: int) -> tuple[int, int]:
        """Return the first of a model's frames in the grid's frames [frame, frame + frames), and their end."""
        ratio, first = self.ratios[member], self.firsts[member]
        return ratio * frame + first, ratio * (frame + frames) + first

    def whole(self, member: int, frame: int, frames: int, count: int) -> np.ndarray:
        """Return (frames,) bool: those that a model with `count` frames fills, from a frame on."""
        starts = self.ratios[member] * np.arange(frame, frame + frames) + self.firsts[member]
        return (starts >= 0) & (starts + self.ratios[member] <= count)

    def _each(self, counts: Sequence[int]) -> list[tuple[int, int, int]]:
        return list(zip(counts, self.firsts, self.ratios, strict=True))


def grid_of(
    recognizers: Sequence[Recognizer], names: Sequence[str], offsets_s: Sequence[float], shifts: Sequence[int]
) -> Grid:
    """Return the common grid of models, whose frames are aligned by the middles of what they cover.

    Args:
        recognizers: the models.
        names: what errors call them.
        offsets_s: when the sensor of each began, in seconds from the recording's start.
        shifts: by how many frames of the grid each model's own come later than that, beside the others'.

    Raises:
        ConfigError: A frame rate is no whole multiple of the slowest.
    """
    rates = [recognizer.frame_rate_hz for recognizer in recognizers]
    reference = int(np.argmin(rates))
    ratios = []
    for rate, name in zip(rates, names, strict=True):
        ratio = round(rate / rates[reference])
        if abs(rate / rates[reference] / ratio - 1) > ROUNDING:
            wrong = f"{name} gives {rate:g} frames a second, {names[reference]} {rates[reference]:g}"
            raise ConfigError("fusion", wrong, "give models whose frame rates are whole multiples of the slowest")
        ratios.append(ratio)
    middle = offsets_s[reference] + _middle_s(recognizers[reference])
    firsts = []
    for place, recognizer in enumerate(recognizers):
        # Where the middles of the fine frames of a coarse one lie round its own.
        spread = (ratios[place] - 1) / 2
        later = (middle - offsets_s[place] - _middle_s(recognizer)) * rates[place] - spread
        firsts.append(int(np.floor(later + 0.5)) + ratios[place] * (shifts[place] - shifts[reference]))
    return Grid(reference, tuple(ratios), tuple(firsts), offsets_s[reference])


def _middle_s(recognizer: Recognizer) -> float:
    """Return the middle of the samples that the first frame covers, in seconds."""
    covered = (recognizer.encoder.stride - 1) * recognizer.features.hop + recognizer.features.window
    return covered / 2 / recognizer.signal.rate_hz
