"""Readings of validation people beside their references in, a confidence and how it does on people left out, out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emgasr.confidence.calibrators import Calibrator, Isotonic, Platt
from emgasr.confidence.features import OF_GROUPS, OF_TOKENS, group_features, token_features
from emgasr.confidence.judging import Judged
from emgasr.confidence.logistic import fitted
from emgasr.confidence.model import Confidence, Scorer
from emgasr.confidence.reliability import ece, reliability
from emgasr.confidence.samples import Group, Sample
from emgasr.display.wording import counted
from emgasr.errors import DataError

FOLDS = 8
LEAST, LEAST_EACH = 50, 5  # decisions; of them right, and wrong
GAIN = 0.005  # of ECE, by which an isotonic curve must be better than the smooth one to be taken
CURVES: tuple[Callable[[np.ndarray, np.ndarray], Calibrator], ...] = (Platt.of, Isotonic.of)


@dataclass(frozen=True)
class Fitted:
    """A confidence, how it did out of person by level, and what is said beside."""

    confidence: Confidence
    judged: dict[str, Judged]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Level:
    """Decisions of one kind: features (n, F), what is right (n,), whose, and the raw confidence (n,)."""

    names: tuple[str, ...]
    features: np.ndarray
    right: np.ndarray
    people: list[str]
    folds: list[Hashable]
    raw: np.ndarray


def fit(samples: Sequence[Sample], model_sha256: str, reading: str, seed: int = 0) -> Fitted:
    """Fit the confidence of tokens, words and segments; the curve is the one with the least ECE on people left out.

    With one person recordings take the place of people, and a note says so.

    Args:
        samples: readings of validation people.
        model_sha256: of the weights that read.
        reading: how they read, see `Confidence`.
        seed: of the intervals.

    Raises:
        DataError: There are too few tokens, or too few of them are wrong or right.
    """
    samples = [one for one in samples if len(one.right)]
    people = {one.person for one in samples}
    single = len(people) < 2
    notes = []
    if single:
        notes.append("one person: what is left out are recordings, so the figures speak of this person alone")
    folds: list[Hashable] = [one.recording if single else one.person for one in samples]
    tokens = _tokens(samples, folds)
    wrong = int((~tokens.right).sum())
    if len(tokens.right) < LEAST or min(wrong, len(tokens.right) - wrong) < LEAST_EACH:
        found = f"{counted(len(tokens.right), 'token')}, {wrong} of them wrong: too few to calibrate on"
        raise DataError("confidence", found, f"give recordings with {LEAST} tokens and {LEAST_EACH} of either kind")
    if len(set(folds)) < 2:
        raise DataError("confidence", "one recording cannot be left out of itself", "give several recordings")
    token, token_out = _fitted(tokens)
    judged = {"token": _judged(tokens, token_out, seed)}
    scorers: dict[str, Scorer | None] = {"word": None, "segment": None}
    ends = np.cumsum([0, *(len(one.right) for one in samples)])
    for level, groups in (("word", [s.words for s in samples]), ("segment", [s.segments for s in samples])):
        if not any(len(group.right) for group in groups):
            continue
        made = _groups(samples, folds, groups, token_out, ends)
        wrong = int((~made.right).sum())
        if len(made.right) < LEAST or min(wrong, len(made.right) - wrong) < LEAST_EACH:
            what = f"{counted(len(made.right), level)}, {wrong} of them wrong"
            otherwise = "a word is as sure as its least sure key" if level == "word" else "none is given"
            notes.append(f"confidence of {level}s: {what}: too few to calibrate on; {otherwise}")
            continue
        scorer, out = _fitted(made)
        found_out = _judged(made, out, seed)
        if found_out.after is None or found_out.after.brier >= found_out.before.brier:
            otherwise = "a word is as sure as its least sure key" if level == "word" else "none is given"
            notes.append(f"confidence of {level}s: on people left out it is no better than before; {otherwise}")
            continue
        scorers[level], judged[level] = scorer, found_out
    figures: dict[str, Any] = {"people": len(people), "left_out": "recordings" if single else "people"}
    for name, one in judged.items():
        figures[name] = one.as_dict()
    return Fitted(Confidence(model_sha256, reading, token, **scorers, figures=figures), judged, tuple(notes))


def _tokens(samples: Sequence[Sample], folds: Sequence[Hashable]) -> _Level:
    counts = [len(one.right) for one in samples]
    raw = [confidence for one in samples for confidence in one.hypothesis.confidences]
    return _Level(
        OF_TOKENS,
        token_features(raw, [evidence for one in samples for evidence in one.hypothesis.evidence]),
        np.array([right for one in samples for right in one.right], bool),
        [one.person for one, count in zip(samples, counts, strict=True) for _ in range(count)],
        [fold for fold, count in zip(folds, counts, strict=True) for _ in range(count)],
        np.array(raw),
    )


def _groups(
    samples: Sequence[Sample],
    folds: Sequence[Hashable],
    groups: Sequence[Group],
    token_out: np.ndarray,
    ends: np.ndarray,
) -> _Level:
    """Words or segments, whose tokens have the probabilities that were found for people left out."""
    kept = [(number, places) for number, group in enumerate(groups) for places in group.places]
    raw = [np.array(samples[number].hypothesis.confidences)[list(places)] for number, places in kept]
    probabilities = [token_out[ends[number] + np.array(places)] for number, places in kept]
    return _Level(
        OF_GROUPS,
        group_features(probabilities),
        np.concatenate([group.right for group in groups]),
        [samples[number].person for number, _ in kept],
        [folds[number] for number, _ in kept],
        np.array([each.min() for each in raw]),
    )


def _fitted(level: _Level) -> tuple[Scorer, np.ndarray]:
    """Return the scorer of all, and the probability (n,) of each decision by a scorer that has not seen its fold."""
    parts = _parts(level.folds)
    out = np.zeros((len(CURVES), len(level.right)))
    for part in np.unique(parts):
        held = parts == part
        seen = ~held
        scores, inner = _linear(level, seen), _left_out_scores(level, seen, parts)
        for number, curve in enumerate(CURVES):
            out[number, held] = curve(inner[seen], level.right[seen])(_scored(scores, level.features[held]))
    errors = [ece(each, level.right) for each in out]
    best = int(errors[1] + GAIN < errors[0])
    everybody = np.ones(len(level.right), bool)
    weights, bias = _linear(level, everybody)
    chosen = CURVES[best](_left_out_scores(level, everybody, parts), level.right)
    return Scorer(level.names, tuple(map(float, weights)), bias, chosen), out[best]


def _left_out_scores(level: _Level, among: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return scores (n,): for each decision of `among`, by weights that have not seen its part of them."""
    scores = np.zeros(len(level.right))
    own = np.unique(parts[among])
    for part in own:
        held = among & (parts == part)
        seen = among & ~held if len(own) > 1 else among
        scores[held] = _scored(_linear(level, seen), level.features[held])
    return scores


def _linear(level: _Level, among: np.ndarray) -> tuple[np.ndarray, float]:
    """Return weights of the features as they are, and the bias."""
    features = level.features[among]
    mean, spread = features.mean(0), features.std(0)
    alike = spread < 1e-9  # says nothing, and must not be divided by
    standard = np.where(alike, 0, (features - mean) / np.where(alike, 1, spread))
    weights, bias = fitted(standard, level.right[among])
    weights = np.where(alike, 0, weights / np.where(alike, 1, spread))
    return weights, float(bias - weights @ mean)


def _scored(linear: tuple[np.ndarray, float], features: np.ndarray) -> np.ndarray:
    return features @ linear[0] + linear[1]


def _parts(folds: Sequence[Hashable]) -> np.ndarray:
    """Return the part (n,) of each decision: FOLDS at most, each of whole people, in turn by how much they hold."""
    names, counts = np.unique([str(fold) for fold in folds], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    part_of = {names[place]: number % FOLDS for number, place in enumerate(order)}
    return np.array([part_of[str(fold)] for fold in folds])


def _judged(level: _Level, out: np.ndarray, seed: int) -> Judged:
    return Judged(
        reliability(level.raw, level.right, level.people, seed=seed),
        reliability(out, level.right, level.people, seed=seed),
    )
