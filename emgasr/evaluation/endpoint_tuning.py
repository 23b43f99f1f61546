"""Validation emissions with the true times of their keys in; the rules by which a live reading finalizes keys out.

A live reading has to finalize keys before it has heard what follows: the sooner, the more of them are wrong. What is
soon enough differs: a typist's keys are 0.2 s apart, a signed letter lasts 2 s.
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

SLACK = 0.05  # part of the errors of a reading without rules: that many more are no reason to finalize later
LATER = 1.1  # times the soonest: not later enough to count


GRID = (NO_RULES, *starmap(LiveRules, product((0.8, 0.9, 0.99), (0.8, 1.0, 1.5, 2.5, 4.0, None), (2.0, None))))


@dataclass(frozen=True)
class LiveTrial:
    """What rules did: edits, and the median seconds from a key's press until it was final (None: no time is known)."""

    rules: LiveRules
    counts: Counts
    final_s: float | None


def tune_live_rules(
    items: Sequence[Item],
    search: BeamSearch,
    frame_rate_hz: float,
    unit: int,
    slack: float = SLACK,
    report: Callable[[LiveTrial], None] = lambda trial: None,
) -> tuple[LiveTrial, tuple[LiveTrial, ...]]:
    """Return the rules that finalize keys soonest at hardly more errors than a reading without any, and all of GRID.

    "Hardly more" is a part `slack` of that reading's errors. If no rules are that good, those with the fewest errors
    are taken. Of rules that are hardly later than the soonest, those with the fewest errors are taken, and then the
    strictest ones: on another day a search is less sure of the same keys.

    Raises:
        DataError: No item has times of keys.
    """
    if not any(item.times_s is not None and np.isfinite(item.times_s).any() for item in items):
        wrong = "no recording says when its keys were pressed"
        raise DataError("live rules", wrong, "use recordings with key events")
    tried = []
    for rules in GRID:
        tried.append(_read_by(rules, items, search, frame_rate_hz, unit))
        report(tried[-1])
    enough = (1 + slack) * tried[0].counts.errors
    good = [trial for trial in tried[1:] if trial.counts.errors <= enough and trial.final_s is not None]
    soon = LATER * min((trial.final_s for trial in good if trial.final_s is not None), default=0.0)
    good = [trial for trial in good if trial.final_s is not None and trial.final_s <= soon] or tried[1:]
    return min(good, key=lambda trial: (trial.counts.errors, *_laxness(trial.rules))), tuple(tried)


def _laxness(rules: LiveRules) -> tuple[float, float, float]:
    within, pause = (math.inf if seconds is None else seconds for seconds in (rules.finalize_within_s, rules.pause_s))
    return -rules.agreement, -within, -pause


def _read_by(rules: LiveRules, items: Sequence[Item], search: BeamSearch, frame_rate_hz: float, unit: int) -> LiveTrial:
    counts: list[Counts] = []
    delays_s: list[float] = []
    for item in items:
        reader = rules.reader(search, frame_rate_hz, unit)
        ids: list[int] = []
        final_at: list[int] = []  # the frame that had been read when each of them became final
        for first in range(0, len(item.emissions), unit):
            reader.read(item.emissions[first : first + unit].astype(np.float64))
            _take(reader, ids, final_at)
        reader.end()
        _take(reader, ids, final_at)
        symbols = search.tokens.symbols_of(ids)
        counts.append(count_edits(list(item.reference), symbols))
        delays_s += _delays(item, symbols, final_at)
    return LiveTrial(rules, total(counts), float(np.median(delays_s)) if delays_s else None)


def _take(reader: BeamReader, ids: list[int], final_at: list[int]) -> None:
    taken = reader.taken()
    ids += [token.id for token in taken]
    final_at += [reader.frames] * len(taken)


def _delays(item: Item, symbols: Sequence[str], final_at: Sequence[int]) -> list[float]:
    """Return the seconds from the press of each key that was read right until it was final."""
    if item.times_s is None or item.frame_times_s is None:
        return []
    return [
        float(item.frame_times_s[final_at[read] - 1] - item.times_s[true])
        for true, read in matched(item.reference, symbols)
        if np.isfinite(item.times_s[true])
    ]
