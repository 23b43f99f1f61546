"""Probabilities and what was right in; how far they are to be believed out: ECE, AUROC, Brier score, and the bins.

The expected calibration error is that of M. P. Naeini et al. (AAAI 2015), with bins of equal mass.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

BINS = 15
RESAMPLES = 200


@dataclass(frozen=True)
class Reliability:
    """How far probabilities are to be believed.

    Args:
        count: of decisions.
        right: share of them that is right.
        mean: of the probabilities.
        ece: expected calibration error, `bins` of equal mass; the 95 % interval resamples people (None: one person).
        auroc: the chance that a right one has a higher probability than a wrong one; None: all are alike.
        brier: mean squared error.
        bins: number of bins.
        curve: for each bin the mean probability, the share that is right, and the number of decisions.
    """

    count: int
    right: float
    mean: float
    ece: float
    ece_interval: tuple[float, float] | None
    auroc: float | None
    brier: float
    bins: int
    curve: tuple[tuple[float, float, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON, without the curve."""
        interval = None if self.ece_interval is None else list(self.ece_interval)
        return {
            "count": self.count,
            "right": self.right,
            "mean": self.mean,
            "ece": self.ece,
            "ece_interval_over_people": interval,
            "ece_bins": self.bins,
            "auroc": self.auroc,
            "brier": self.brier,
        }


def reliability(
    probabilities: np.ndarray, right: np.ndarray, people: Sequence[Hashable], bins: int = BINS, seed: int = 0
) -> Reliability:
    """Return how far probabilities (n,) of being right are to be believed; n is 1 or more.

    Args:
        probabilities: 0 to 1.
        right: (n,) bool.
        people: (n,) whose each decision is.
        bins: at most; fewer where there are fewer decisions.
        seed: of the interval.
    """
    curve = _bins(probabilities, right, bins)
    return Reliability(
        len(right),
        float(right.mean()),
        float(probabilities.mean()),
        _ece(curve),
        _interval(probabilities, right, people, bins, seed),
        auroc(probabilities, right),
        float(np.square(probabilities - right).mean()),
        len(curve),
        curve,
    )


def auroc(probabilities: np.ndarray, right: np.ndarray) -> float | None:
    """Return the area under the ROC curve, by ranks; None if all are right, or none is."""
    ones = int(right.sum())
    zeros = len(right) - ones
    if not ones or not zeros:
        return None
    ranks = rankdata(probabilities)
    return float((ranks[right].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def ece(probabilities: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error with bins of equal mass."""
    return _ece(_bins(probabilities, right, bins))


def _bins(probabilities: np.ndarray, right: np.ndarray, bins: int) -> tuple[tuple[float, float, int], ...]:
    """Return the bins: of equal mass, except that equal probabilities are never parted."""
    order = np.argsort(probabilities, kind="stable")
    ranked, truth = probabilities[order], right[order]
    ends = np.ceil(np.arange(1, bins + 1) * len(ranked) / bins).astype(int)
    ends = np.unique(np.searchsorted(ranked, ranked[ends - 1], side="right"))
    starts = np.append(0, ends[:-1])
    return tuple(
        (float(ranked[a:b].mean()), float(truth[a:b].mean()), int(b - a)) for a, b in zip(starts, ends, strict=True)
    )


def _ece(curve: Sequence[tuple[float, float, int]]) -> float:
    return sum(count * abs(mean - share) for mean, share, count in curve) / sum(count for *_, count in curve)


def _interval(
    probabilities: np.ndarray, right: np.ndarray, people: Sequence[Hashable], bins: int, seed: int
) -> tuple[float, float] | None:
    names = list(dict.fromkeys(people))
    if len(names) < 2:
        return None
    number = {name: place for place, name in enumerate(names)}
    whose = np.array([number[person] for person in people])
    places = [np.flatnonzero(whose == place) for place in range(len(names))]
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([places[i] for i in generator.integers(len(names), size=len(names))])
        found.append(ece(probabilities[drawn], right[drawn], bins))
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)
