"""References and hypotheses in; how many symbols are deleted or inserted beside an equal neighbor and elsewhere out.

Between two equal symbols CTC needs a blank. A model that leaves it out deletes one of them; one that puts it where
it should not inserts a double.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emgasr.runtime.compiled import compiled
from emgasr.score import align

LONGEST = 2000  # pairs of an alignment; longer ones are cut, and what is best is found within each piece


@dataclass(frozen=True)
class Repeats:
    """Deletions and insertions, those beside an equal neighbor apart from those elsewhere.

    A symbol of a reference has an equal neighbor if the one before or behind it in the same reference is equal. An
    inserted symbol has one if its neighbor in the hypothesis is equal: it doubles. Only alignments with the fewest
    edits count, and of these the ones with the most hits; where several are left, each counts alike. So counts may be
    fractions, and their sum may differ from the edits of an error rate, which come from one alignment of any hits.
    """

    beside: int = 0  # symbols of the references with an equal neighbor
    elsewhere: int = 0  # all others
    deleted_beside: float = 0.0
    deleted_elsewhere: float = 0.0
    inserted_beside: float = 0.0
    inserted_elsewhere: float = 0.0

    def __add__(self, other: Repeats) -> Repeats:
        return Repeats(
            self.beside + other.beside,
            self.elsewhere + other.elsewhere,
            self.deleted_beside + other.deleted_beside,
            self.deleted_elsewhere + other.deleted_elsewhere,
            self.inserted_beside + other.inserted_beside,
            self.inserted_elsewhere + other.inserted_elsewhere,
        )

    @property
    def rates(self) -> tuple[float | None, float | None]:
        """Deleted share of the symbols with an equal neighbor, and of the others; None where there are none."""
        beside = self.deleted_beside / self.beside if self.beside else None
        return beside, self.deleted_elsewhere / self.elsewhere if self.elsewhere else None

    @property
    def ratio(self) -> float | None:
        """The first of `rates` over the second; None where one is lacking or nothing is deleted elsewhere."""
        beside, elsewhere = self.rates
        return beside / elsewhere if beside is not None and elsewhere else None

    def as_dict(self, plural: str) -> dict[str, Any]:
        """Return it for a row of JSON; `plural` names the symbols."""
        beside, elsewhere = self.rates
        found: dict[str, Any] = {
            "beside_equal": _part(plural, self.beside, self.deleted_beside, self.inserted_beside),
            "elsewhere": _part(plural, self.elsewhere, self.deleted_elsewhere, self.inserted_elsewhere),
        }
        for name, rate in (("beside_equal", beside), ("elsewhere", elsewhere)):
            if rate is not None:
                found[name]["deleted_share"] = rate
        return found if self.ratio is None else found | {"ratio": self.ratio}


def _part(plural: str, symbols: int, deleted: float, inserted: float) -> dict[str, float]:
    return {plural: symbols, "deleted": round(deleted, 6), "inserted": round(inserted, 6)}


def repeats_of(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Repeats:
    """Count the deletions and insertions of one hypothesis, beside equal neighbors and elsewhere."""
    numbers: dict[Hashable | None, int] = {None: -1}
    pairs = np.array(
        [[numbers.setdefault(symbol, len(numbers)) for symbol in pair] for pair in align(reference, hypothesis)],
        dtype=np.int64,
    ).reshape(-1, 2)
    true, read = (pairs[pairs[:, side] >= 0, side] for side in (0, 1))
    # Work and memory grow with the square of a piece.
    pieces = [pairs[first : first + LONGEST] for first in range(0, len(pairs), LONGEST)]
    found = [_unmatched(*(piece[piece[:, side] >= 0, side] for side in (0, 1))) for piece in pieces]
    deleted, inserted = (np.concatenate([np.zeros(0), *(one[side] for one in found)]) for side in (0, 1))
    in_true, in_read = _with_equal_neighbor(true), _with_equal_neighbor(read)
    return Repeats(
        int(in_true.sum()),
        int((~in_true).sum()),
        float(deleted[in_true].sum()),
        float(deleted[~in_true].sum()),
        float(inserted[in_read].sum()),
        float(inserted[~in_read].sum()),
    )


def _with_equal_neighbor(symbols: np.ndarray) -> np.ndarray:
    equal = symbols[1:] == symbols[:-1]
    return np.concatenate([equal, [False]])[: len(symbols)] | np.concatenate([[False], equal])[: len(symbols)]


@compiled()
def _unmatched(true: np.ndarray, read: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the best alignments in which each symbol is deleted (n,), and is inserted (m,).

    `cost` is of the best way to a cell; an edit weighs more than all hits together, and a hit takes one off. `ways`
    is the logarithm of how many best ways lead there.
    """
    n, m = len(true), len(read)
    edit = n + m + 1
    cost = np.zeros((n + 1, m + 1), dtype=np.int64)
    ways = np.zeros((n + 1, m + 1))
    for i in range(n + 1):
        for j in range(m + 1):
            if i == 0 or j == 0:
                cost[i, j] = edit * (i + j)
                continue
            across = cost[i - 1, j - 1] + (-1 if true[i - 1] == read[j - 1] else edit)
            best = min(across, cost[i - 1, j] + edit, cost[i, j - 1] + edit)
            found = -np.inf
            if across == best:
                found = np.logaddexp(found, ways[i - 1, j - 1])
            if cost[i - 1, j] + edit == best:
                found = np.logaddexp(found, ways[i - 1, j])
            if cost[i, j - 1] + edit == best:
                found = np.logaddexp(found, ways[i, j - 1])
            cost[i, j], ways[i, j] = best, found
    deleted, inserted = np.zeros(n), np.zeros(m)
    share = np.zeros((n + 1, m + 1))  # of the best alignments that go through a cell
    share[n, m] = 1.0
    for i in range(n, -1, -1):
        for j in range(m, -1, -1):
            if share[i, j] == 0.0:
                continue
            if i > 0 and j > 0:
                across = cost[i - 1, j - 1] + (-1 if true[i - 1] == read[j - 1] else edit)
                if across == cost[i, j]:
                    share[i - 1, j - 1] += share[i, j] * np.exp(ways[i - 1, j - 1] - ways[i, j])
            if i > 0 and cost[i - 1, j] + edit == cost[i, j]:
                part = share[i, j] * np.exp(ways[i - 1, j] - ways[i, j])
                share[i - 1, j] += part
                deleted[i - 1] += part
            if j > 0 and cost[i, j - 1] + edit == cost[i, j]:
                part = share[i, j] * np.exp(ways[i, j - 1] - ways[i, j])
                share[i, j - 1] += part
                inserted[j - 1] += part
    return deleted, inserted
