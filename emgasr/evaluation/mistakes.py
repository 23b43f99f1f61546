"""An evaluation in; which symbols were taken for which, by forced choice and in strings, out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emgasr.evaluation.evaluate import GREEDY, Evaluation
from emgasr.score import confusions

Confusions = Mapping[tuple[str | None, str | None], int]  # (true, read) symbols; None stands for nothing


@dataclass(frozen=True)
class Mistakes:
    """Confusions of one kind of items: `forced` is of takes that hold exactly one symbol, without deletions."""

    counts: Confusions
    forced: bool


@dataclass(frozen=True)
class Mistake:
    """A true symbol and what it was read as (None: nothing), how often, and the share of the true symbol's count."""

    true: str | None
    read: str | None
    count: int
    share: float | None


def mistakes_of(evaluation: Evaluation) -> list[Mistakes]:
    """Return the confusions of isolated takes by forced choice, and those of all other items as read greedily.

    Keys are all taken together, as read greedily.
    """
    typed = evaluation.tokens.noun == "key"
    isolated = [item for item in evaluation.items if item.isolated and not typed]
    others = [item for item in evaluation.items if typed or not item.isolated]
    found = []
    if isolated:
        counts: Any = confusions([item.reference for item in isolated], [_chosen(item.label) for item in isolated])
        found.append(Mistakes(counts, forced=True))
    if others:
        counts = confusions([item.reference for item in others], [item.readings[GREEDY].symbols for item in others])
        found.append(Mistakes(counts, forced=False))
    return [mistakes for mistakes in found if mistakes.counts]


def most_frequent(counts: Confusions, most: int) -> Iterator[Mistake]:
    """Yield the most frequent mistakes, the most frequent first."""
    of_true: dict[str | None, int] = {}
    for (true, _), count in counts.items():
        of_true[true] = of_true.get(true, 0) + count
    wrong = sorted(((n, pair) for pair, n in counts.items() if pair[0] != pair[1]), key=lambda x: (-x[0], str(x[1])))
    for count, (true, read) in wrong[:most]:
        yield Mistake(true, read, count, None if true is None else count / of_true[true])


def _chosen(label: str | None) -> tuple[str, ...]:
    return () if label is None else (label,)
