"""Readings with what was right in, how far their confidences are to be believed out: before calibration, and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emgasr.confidence.model import LEVELS, Confidence
from emgasr.confidence.reliability import Reliability, reliability
from emgasr.confidence.samples import Sample


@dataclass(frozen=True)
class Judged:
    """How far confidences of one level are to be believed: as the emissions give them, and calibrated (None: not)."""

    before: Reliability
    after: Reliability | None

    def as_dict(self) -> dict[str, Any]:
        """Return the part of a row for JSON."""
        return {"before": self.before.as_dict(), "after": None if self.after is None else self.after.as_dict()}


def judge(samples: Sequence[Sample], confidence: Confidence | None = None, seed: int = 0) -> dict[str, Judged]:
    """Return how far the confidences of tokens, words and segments are to be believed; levels without any are left out.

    Before calibration words and segments are as sure as their least sure token.

    Args:
        samples: readings.
        confidence: that of the model; None: it has none.
        seed: of the intervals over people.
    """
    before: dict[str, list[float]] = {level: [] for level in LEVELS}
    after: dict[str, list[float]] = {level: [] for level in LEVELS}
    right: dict[str, list[bool]] = {level: [] for level in LEVELS}
    people: dict[str, list[str]] = {level: [] for level in LEVELS}
    for one in samples:
        raw = one.hypothesis.confidences
        sure = () if confidence is None else confidence.tokens(raw, one.hypothesis.evidence)
        before["token"] += raw
        after["token"] += sure
        right["token"] += one.right.tolist()
        people["token"] += [one.person] * len(raw)
        for level, group in (("word", one.words), ("segment", one.segments)):
            for places, true in zip(group.places, group.right.tolist(), strict=True):
                before[level].append(min(raw[place] for place in places))
                right[level].append(true)
                people[level].append(one.person)
                if confidence is not None:
                    own = [sure[place] for place in places]
                    found = confidence.of_word(own) if level == "word" else confidence.of_segment(own)
                    after[level] += [] if found is None else [found]
    judged = {}
    for level in LEVELS:
        if right[level]:
            truth = np.array(right[level])
            told = [
                reliability(np.array(each), truth, people[level], seed=seed) if len(each) == len(truth) else None
                for each in (before[level], after[level])
            ]
            assert told[0] is not None
            judged[level] = Judged(told[0], told[1])
    return judged
