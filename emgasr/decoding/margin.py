"""Emissions and tokens with their frames in, how far each leads over the best other reading of its place out.

What else could stand at the place of a token: another symbol, or nothing. In a stretch of frames the best reading as
one symbol, against none, gains the largest sum over consecutive frames of ln p(symbol) - ln p(blank).
"""

from __future__ import annotations

import numpy as np

from emgasr.runtime.compiled import compiled

REACH = 8  # frames before a token's first that count to its place, where no other token holds them
LEAST = -30.0  # natural log-probability that any lower one counts as


@compiled(nogil=True)
def margins(emissions: np.ndarray, ids: np.ndarray, frames: np.ndarray, lasts: np.ndarray) -> np.ndarray:
    """Return the margin (n,) in nats of each token over the best other symbol, or none, at its place.

    Args:
        emissions: (F, V) natural logs, blank 0.
        ids: (n,) of the tokens.
        frames: (n,) of each the first frame.
        lasts: (n,) of each the last frame; frames behind it do not count, so that a stream knows the margin then.
    """
    leads = np.zeros(len(ids))
    going, best = np.zeros(emissions.shape[1]), np.zeros(emissions.shape[1])
    free = 0  # first frame that no token before holds
    for place in range(len(ids)):
        going[:], best[:] = 0.0, -np.inf
        for frame in range(max(free, frames[place] - REACH), lasts[place] + 1):
            blank = max(emissions[frame, 0], LEAST)
            for label in range(1, emissions.shape[1]):
                going[label] = max(going[label], 0.0) + (max(emissions[frame, label], LEAST) - blank)
                best[label] = max(best[label], going[label])
        other = 0.0  # nothing
        for label in range(1, emissions.shape[1]):
            if label != ids[place]:
                other = max(other, best[label])
        leads[place] = best[ids[place]] - other
        free = lasts[place] + 1
    return leads


class RunningMargin:
    """The margin of a token whose run of frames goes on: `margins`, frame by frame."""

    def __init__(self, vocabulary: int) -> None:
        self._before: list[np.ndarray] = []  # (V,) of the latest frames that no token holds
        self._going, self._best = np.zeros(vocabulary), np.full(vocabulary, -np.inf)

    def blank(self, row: np.ndarray) -> None:
        """Add a frame (V,) that no token holds."""
        self._before = [*self._before[1 - REACH :], row.copy()]

    def begin(self) -> None:
        """Begin a token with the next frame."""
        self._going[:], self._best[:] = 0.0, -np.inf
        for row in self._before:
            self.add(row)
        self._before = []

    def add(self, row: np.ndarray) -> None:
        """Add a frame (V,) of the token."""
        gains = np.maximum(row, LEAST) - max(row[0], LEAST)
        np.maximum(self._going, 0.0, out=self._going)
        self._going += gains
        np.maximum(self._best, self._going, out=self._best)

    def of(self, label: int) -> float:
        """Return the margin of the token `label` so far."""
        own = self._best[label]
        self._best[label], others = 0.0, self._best[0]
        self._best[0] = 0.0
        other = self._best.max()
        self._best[label], self._best[0] = own, others
        return float(own - other)
