"""Scores and what was right in, a rising curve from score to probability out: Platt's or an isotonic one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.special import expit

from emgasr.confidence.logistic import fitted
from emgasr.config.fields import fields_of
from emgasr.errors import ModelError

ADVICE = "run `emgasr tune --confidence` again"
LARGEST = 1e9  # of a number in the file


class Calibrator(Protocol):
    """A rising curve from scores to probabilities."""

    kind: ClassVar[str]

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each score."""
        ...

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data, with its kind."""
        ...


@dataclass(frozen=True)
class Platt:
    """A sigmoid of the score: J. C. Platt, "Probabilistic outputs for support vector machines", 1999."""

    kind: ClassVar[str] = "platt"

    slope: float
    offset: float

    @classmethod
    def of(cls, scores: np.ndarray, right: np.ndarray) -> Platt:
        """Fit it to scores (n,) and what was right (n,)."""
        (slope,), offset = fitted(scores[:, None], right, ridge=1e-6)
        return cls(float(slope), offset)

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each score."""
        return np.asarray(expit(self.slope * scores + self.offset))

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"kind": self.kind, "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True)
class Isotonic:
    """The rising steps of least squares (pool adjacent violators), joined by straight lines.

    A probability stays off 0 and 1 by as much as one more example of the other kind would move its step.
    """

    kind: ClassVar[str] = "isotonic"

    scores: tuple[float, ...]  # rising
    probabilities: tuple[float, ...]

    @classmethod
    def of(cls, scores: np.ndarray, right: np.ndarray) -> Isotonic:
        """Fit it to scores (n,) and what was right (n,)."""
        places, starts, counts = np.unique(scores, return_inverse=True, return_counts=True)
        sums = np.bincount(starts, right.astype(float))
        steps: list[tuple[float, int, int, int]] = []  # right, count, first and last place
        for place, (total, count) in enumerate(zip(sums.tolist(), counts.tolist(), strict=True)):
            steps.append((total, count, place, place))
            while len(steps) > 1 and steps[-2][0] * steps[-1][1] >= steps[-1][0] * steps[-2][1]:
                after, before = steps.pop(), steps.pop()
                steps.append((before[0] + after[0], before[1] + after[1], before[2], after[3]))
        x: list[float] = []
        p: list[float] = []
        for total, count, first, last in steps:
            share = min(max(total / count, 1 / (count + 2)), (count + 1) / (count + 2))
            for place in dict.fromkeys((first, last)):
                x.append(float(places[place]))
                p.append(share)
        return cls(tuple(x), tuple(np.maximum.accumulate(p).tolist()))

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Return the probability of each score; beyond the ends, that of the end."""
        return np.interp(scores, self.scores, self.probabilities)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"kind": self.kind, "scores": list(self.scores), "probabilities": list(self.probabilities)}


KINDS: dict[str, Any] = {Platt.kind: Platt, Isotonic.kind: Isotonic}


def read_calibrator(content: Any, where: str) -> Calibrator:
    """Return the curve that plain data describes.

    Raises:
        ModelError: It is none, or falls anywhere.
    """
    kind = fields_of(content, {"kind": str}, where, ModelError, ADVICE)["kind"]
    if kind == Platt.kind:
        found = Platt(**fields_of(content, {"slope": float, "offset": float}, where, ModelError, ADVICE))
        if not (0 <= found.slope <= LARGEST and abs(found.offset) <= LARGEST):
            raise ModelError(where, "a curve that falls, or numbers without bounds", ADVICE)
        return found
    if kind != Isotonic.kind:
        raise ModelError(where, f"a curve of kind {kind[:40]!r} is unknown", f"use {' or '.join(KINDS)}")
    hints: dict[str, Any] = {"scores": tuple[float, ...], "probabilities": tuple[float, ...]}
    fields = fields_of(content, hints, where, ModelError, ADVICE)
    x, p = (np.array(fields[name], np.float64) for name in hints)
    sound = len(x) == len(p) > 0 and np.abs(x).max() <= LARGEST and (np.diff(x) > 0).all()
    if not (sound and p.min() >= 0 and p.max() <= 1 and (np.diff(p) >= 0).all()):
        raise ModelError(where, "a curve that falls or has no points", ADVICE)
    return Isotonic(tuple(x.tolist()), tuple(p.tolist()))
