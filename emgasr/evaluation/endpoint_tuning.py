"""Validation emissions with the true times of their keys in; the rules by which a live reading settles keys out.

A live reading has to settle keys before it has heard what follows: the sooner, the more of them are wrong. What is soon
enough differs: a typist's keys are 0.2 s apart, a signed letter lasts 2 s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product, starmap

import numpy as np

from emgasr.decoding import BeamSearch
from emgasr.errors import DataError
from emgasr.evaluation.items import Item
from emgasr.score import Counts, count_edits, matched, total
from emgasr.streaming.decoder import BeamReader
from emgasr.streaming.rules import NO_RULES, LiveRules

SLACK = 0.05  # part of the errors of a reading without rules: that many more are no reason to settle later
LATER = 1.1  # times the soonest: not later enough to count


GRID = (NO_RULES, *starmap(LiveRules, product((0.8, 0.9, 0.99), (0.8, 1.0, 1.5, 2.5, 4.0, None), (2.0, None))))


@dataclass(frozen=True)
class Settled:
    """What rules did: edits, and the median seconds from a key's press until it was stable (None: no time is known)."""

    rules: LiveRules
    counts: Counts
    stable_s: float | None


def settle_rules(
    items: Sequence[Item],
    search: BeamSearch,
    frame_rate_hz: float,
    unit: int,
    slack: float = SLACK,
    report: Callable[[Settled], None] = lambda settled: None,
) -> tuple[Settled, tuple[Settled, ...]]:
    """The rules that settle soonest of those with hardly more errors than a reading without any, and all tried (GRID).

    "Hardly more" is a part `slack` of that reading's errors; if no rules are that good, those with the fewest errors
    are taken. Of rules that settle hardly later than the soonest, those with the fewest errors, and then the strictest
    ones: on another day a search is less sure of the same keys. A DataError if no item has times of keys.
    """
    if not any(item.times_s is not None and np.isfinite(item.times_s).any() for item in items):
        raise DataError("live rules", "no recording tells when its keys were pressed", "use recordings with key events")
    tried = []
    for rules in GRID:
        tried.append(_read_by(rules, items, search, frame_rate_hz, unit))
        report(tried[-1])
    enough = (1 + slack) * tried[0].counts.errors
    good = [settled for settled in tried[1:] if settled.counts.errors <= enough and settled.stable_s is not None]
    soon = LATER * min((settled.stable_s for settled in good if settled.stable_s is not None), default=0.0)
    good = [settled for settled in good if settled.stable_s is not None and settled.stable_s <= soon] or tried[1:]
    return min(good, key=lambda settled: (settled.counts.errors, *_laxness(settled.rules))), tuple(tried)


def _laxness(rules: LiveRules) -> tuple[float, float, float]:
    within, pause = (math.inf if seconds is None else seconds for seconds in (rules.settle_within_s, rules.pause_s))
    return -rules.agreement, -within, -pause


def _read_by(rules: LiveRules, items: Sequence[Item], search: BeamSearch, frame_rate_hz: float, unit: int) -> Settled:
    counts: list[Counts] = []
    delays_s: list[float] = []
    for item in items:
        reader = rules.reader(search, frame_rate_hz, unit)
        ids: list[int] = []
        settled_at: list[int] = []  # the frame that had been read when each of them settled
        for first in range(0, len(item.emissions), unit):
            reader.read(item.emissions[first : first + unit].astype(np.float64))
            _take(reader, ids, settled_at)
        reader.end()
        _take(reader, ids, settled_at)
        symbols = search.tokens.symbols_of(ids)
        counts.append(count_edits(list(item.reference), symbols))
        delays_s += _delays(item, symbols, settled_at)
    return Settled(rules, total(counts), float(np.median(delays_s)) if delays_s else None)


def _take(reader: BeamReader, ids: list[int], settled_at: list[int]) -> None:
    taken = reader.taken()
    ids += [token.id for token in taken]
    settled_at += [reader.frames] * len(taken)


def _delays(item: Item, symbols: Sequence[str], settled_at: Sequence[int]) -> list[float]:
    """Seconds from the press of each key that was read right until it settled."""
    if item.times_s is None or item.frame_times_s is None:
        return []
    return [
        float(item.frame_times_s[settled_at[read] - 1] - item.times_s[true])
        for true, read in matched(item.reference, symbols)
        if np.isfinite(item.times_s[true])
    ]
