"""Likeness of queries to a gallery in; how often the right entries stand among the first, and by chance, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.errors import DataError

KS = (1, 5, 10)


@dataclass(frozen=True)
class Recall:
    """Recall at K of some queries, never shown without the gallery that it is of.

    Args:
        queries: their number.
        gallery: number of entries that compete.
        at: for each K up to the gallery's size, the share of queries with a right entry among the first K, classes of
            queries counting alike.
        chance: for each K, what a random order comes to.
    """

    queries: int
    gallery: int
    at: dict[int, float]
    chance: dict[int, float]


def recall(likeness: np.ndarray, queries: Sequence[str], gallery: Sequence[str], ks: Sequence[int] = KS) -> Recall:
    """Return the recall of queries (n, m) by likeness to a gallery, given the class of each query and of each entry.

    An entry is right if it is of the query's class; of entries that are alike to the last bit, none is preferred: the
    query counts as the share of their orders that put a right one in time.

    Args:
        likeness: (n, m), higher is nearer.
        queries: n classes.
        gallery: m classes.
        ks: numbers of first entries; those above the gallery's size are left out.

    Raises:
        DataError: no query, a query whose class the gallery lacks, or NaN.
    """
    right = np.array([[one == other for other in gallery] for one in queries], dtype=bool).reshape(likeness.shape)
    if not len(queries):
        raise DataError("recall", "there is no query", "give recordings with labels")
    if not right.any(1).all():
        missing = queries[int(right.any(1).argmin())]
        raise DataError("recall", f"the gallery holds nothing of {missing!r}", "add it, or leave its takes out")
    if np.isnan(likeness).any():
        raise DataError("recall", "likeness is NaN", "the model's weights are damaged")
    best = np.where(right, likeness, -np.inf).max(1)
    above = (~right & (likeness > best[:, None])).sum(1)
    ties = likeness == best[:, None]
    wrong_ties, right_ties = (ties & ~right).sum(1), (ties & right).sum(1)
    classes = np.array(queries)
    at, chance = {}, {}
    for k in (k for k in ks if k <= len(gallery)):
        places = np.maximum(k - above, 0)  # among the ties
        found = np.array([1 - _none(*row) for row in zip(right_ties, wrong_ties, places, strict=True)])
        lucky = np.array([1 - _none(int(row.sum()), int((~row).sum()), k) for row in right])
        at[k] = float(np.mean([found[classes == one].mean() for one in np.unique(classes)]))
        chance[k] = float(np.mean([lucky[classes == one].mean() for one in np.unique(classes)]))
    return Recall(len(queries), len(gallery), at, chance)


def _none(right: int, wrong: int, places: int) -> float:
    """Return the probability that none of `right` entries is in the first `places` of a random order with others."""
    if places > wrong:
        return 0.0
    return float(np.prod([(wrong - i) / (right + wrong - i) for i in range(places)]))
