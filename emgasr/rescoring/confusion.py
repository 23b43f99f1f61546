"""Hypotheses with their probabilities in, a confusion network out; and the most likely paths through it."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np

from emgasr.errors import DataError

# One slot: the probability of each symbol that may stand there; "" is the probability that none does.
Slot = dict[str, float]
NOTHING = ""


def confusion_network(hypotheses: Sequence[tuple[Sequence[str], float]]) -> list[Slot]:
    """Return the slots of the hypotheses, aligned one after another, the most likely one first.

    A hypothesis is aligned with the network of those before it at the least expected edit distance: a symbol costs
    1 - its probability in a slot, a slot that it passes by 1 - the probability of "", a new slot 1. So each hypothesis
    is one path through the network, and each slot sums to one. (NIST's ROVER and the pivot of confusion networks:
    Fiscus 1997; Mangu, Brill and Stolcke 2000.)

    Args:
        hypotheses: symbols and weight of each. Weights are not negative and need not sum to one: shares of the sum
            count. Equal hypotheses are one, with the sum of their weights. Equal weights keep their order.

    Raises:
        DataError: There is no hypothesis, no weight above zero, a weight that is negative or not finite, or "" as a
            symbol.
    """
    shares = _shares(hypotheses)
    slots: list[Slot] = []
    before = 0.0  # the probability of the hypotheses that are in the network
    for symbols, share in sorted(shares.items(), key=lambda item: -item[1]):
        slots = _with(slots, before, symbols, share)
        before += share
    return [{symbol: value / before for symbol, value in slot.items()} for slot in slots]


def consensus(network: Sequence[Slot]) -> list[str]:
    """Return the most likely symbol of each slot, without those that are ""; the earlier one of equals."""
    best = (max(slot, key=slot.__getitem__) for slot in network)
    return [symbol for symbol in best if symbol != NOTHING]


def best_paths(network: Sequence[Slot], count: int) -> list[tuple[list[str], float]]:
    """Return up to `count` different symbol sequences of the network, best first, and ln p of each one's best path.

    Slots count as independent of each other, so a path may be one that no hypothesis was.
    """
    paths: list[tuple[float, tuple[str, ...]]] = [(0.0, ())]
    for slot in network:
        longer: dict[tuple[str, ...], float] = {}
        for score, symbols in paths:
            for symbol, probability in slot.items():
                if probability > 0:
                    key = (*symbols, symbol) if symbol != NOTHING else symbols
                    value = score + math.log(probability)
                    longer[key] = max(value, longer.get(key, -math.inf))
        paths = heapq.nlargest(count, ((score, key) for key, score in longer.items()), key=lambda path: path[0])
    return [(list(symbols), score) for score, symbols in paths]


def _shares(hypotheses: Sequence[tuple[Sequence[str], float]]) -> dict[tuple[str, ...], float]:
    """Each different hypothesis with its share of all weights; those without any are left out."""
    total = math.fsum(weight for _, weight in hypotheses)
    if not (math.isfinite(total) and total > 0) or any(weight < 0 for _, weight in hypotheses):
        wrong = "the weights of the hypotheses are not probabilities" if hypotheses else "there is no hypothesis"
        raise DataError("confusion network", wrong, "give at least one weight above zero and none below it")
    shares: dict[tuple[str, ...], float] = {}
    for symbols, weight in hypotheses:
        key = tuple(symbols)
        if NOTHING in key:
            raise DataError("confusion network", "a symbol is empty", "leave it out: the network adds where none is")
        if weight > 0:
            shares[key] = shares.get(key, 0.0) + weight / total
    return shares


def _with(slots: list[Slot], before: float, symbols: Sequence[str], share: float) -> list[Slot]:
    """The network with one more hypothesis, whose path takes `share`; `before` is what each old slot sums to."""
    merged: list[Slot] = []
    for slot, symbol in _alignment(slots, before, symbols):
        taken = {NOTHING: before} if slot is None and before else dict(slot or {})
        taken[symbol] = taken.get(symbol, 0.0) + share
        merged.append(taken)
    return merged


def _alignment(slots: list[Slot], before: float, symbols: Sequence[str]) -> list[tuple[Slot | None, str]]:
    """Slots and symbols side by side: None for a slot that is new, "" for a slot that the symbols pass by."""
    rows, columns = len(slots), len(symbols)
    cost = np.empty((rows, columns + 1))  # of the symbols, and of none in the last column
    for row, slot in enumerate(slots):
        cost[row] = [1 - slot.get(symbol, 0.0) / before for symbol in (*symbols, NOTHING)]
    inserted = np.arange(columns + 1, dtype=np.float64)
    best = np.empty((rows + 1, columns + 1))  # [r, c]: the least distance of the first r slots to the first c symbols
    best[0] = inserted
    for row in range(rows):
        reached = best[row] + cost[row, -1]
        reached[1:] = np.minimum(reached[1:], best[row, :-1] + cost[row, :-1])
        best[row + 1] = np.minimum.accumulate(reached - inserted) + inserted  # a new slot costs one
    steps: list[tuple[Slot | None, str]] = []
    row, column = rows, columns
    while row or column:
        both = best[row - 1, column - 1] + cost[row - 1, column - 1] if row and column else np.inf
        passed = best[row - 1, column] + cost[row - 1, -1] if row else np.inf
        new = best[row, column - 1] + 1 if column else np.inf
        if both <= min(passed, new) + 1e-9:  # of equals, symbols stay together
            row, column = row - 1, column - 1
            steps.append((slots[row], symbols[column]))
        elif passed <= new:
            row -= 1
            steps.append((slots[row], NOTHING))
        else:
            column -= 1
            steps.append((None, symbols[column]))
    return steps[::-1]
