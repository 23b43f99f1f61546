"""Validation emissions with the true times of their keys in; the rules by which a live reading settles keys out.

A live reading has to settle keys before it has heard what follows: the sooner, the more of them are wrong. What is soon
enough differs: a typist's keys are 0.2 s apart, a signed letter lasts 2 s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product, starmap
from pathlib import Path
from typing import Annotated

import numpy as np

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.decoding import BeamSearch
from emgasr.errors import DataError
from emgasr.evaluation.items import Item
from emgasr.files.plain_data import read_yaml
from emgasr.models.recognizer import LIVE_NAME
from emgasr.score import Counts, count_edits, matched, total
from emgasr.streaming.decoder import BeamReader
from emgasr.streaming.delay import settling_frames

SLACK = 0.05  # part of the errors of a reading without rules: that many more are no reason to settle later
LATER = 1.1  # times the soonest: not later enough to count


@dataclass(frozen=True)
class LiveRules:
    """When a live reading settles keys; the defaults suit typing, slow letters want a longer bound and no pause.

    Args:
        agreement: share of the search's probability that must agree on a key to settle it, 0.5 to 1; 1: all of it.
        settle_within_s: age at which a key of the best hypothesis settles, whatever else lives; None: never.
        pause_s: seconds without a key after which all that is tentative settles, and a sentence ends if the search has
            `end_of_sentence`; None: never. Both are a millisecond to an hour.
    """

    agreement: Annotated[float, Within(0.5, 1)] = 0.8
    settle_within_s: Annotated[float, Within(0.001, 3600)] | None = 1.0
    pause_s: Annotated[float, Within(0.001, 3600)] | None = 2.0

    def __post_init__(self) -> None:
        check_within(self, "live rules")

    def reader(self, search: BeamSearch, frame_rate_hz: float, unit: int) -> BeamReader:
        """A reader by these rules, applied each `unit` frames."""
        bounds = (self.settle_within_s, self.pause_s)
        within, pause = (None if s is None else settling_frames(frame_rate_hz, s) for s in bounds)
        return BeamReader(search, self.agreement, within, pause, unit)


NO_RULES = LiveRules(1.0, None, None)
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


def read_rules(path: str | Path) -> LiveRules:
    """Read rules as `write_rules` writes them; a ConfigError names an unknown or mistyped field."""
    return from_mapping(LiveRules, {}, read_yaml(path), path)


def rules_of(model: Path) -> LiveRules:
    """The rules that lie beside a model, or the usual ones."""
    path = model / LIVE_NAME
    return read_rules(path) if path.is_file() else LiveRules()


def write_rules(rules: LiveRules, path: str | Path, comment: str = "") -> None:
    """Write `rules` as YAML, a line of `comment` above; the old file stays if this fails."""
    write_yaml(to_mapping(rules), path, comment)
