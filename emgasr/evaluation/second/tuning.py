"""Segments of validation recordings with their scores in; the weights of a second pass with the fewest errors out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emgasr.errors import DataError
from emgasr.evaluation.search_tuning import Utterance
from emgasr.rescoring.second_pass import NO_GATE, SecondPass, SecondPassConfig, rendered
from emgasr.rescoring.segments import SecondSearch, Seen
from emgasr.score import count_edits, words
from emgasr.tokens import Tokens

# Where random search looks: weights of scorers, of the search's own language model, and the bonus of a character.
WEIGHTS, NGRAM, BONUS = (0.0, 2.0), (0.0, 1.5), (-1.0, 3.0)
STEPS = 0.15  # a local move's standard deviation, as a part of the range; it shrinks as the budget is spent
SLACK = 0.005  # a part of the fewest errors: that many more are worth the segments that a gate saves


@dataclass(frozen=True, eq=False)
class CachedSegment:
    """One segment: of each hypothesis its ids, and what its score is made of.

    Args:
        ids: of each hypothesis.
        first: (n,) scores of the search, without its language model.
        lm: (n,) ln p of that.
        scores: (scorers, n) ln p of the texts.
        characters: (n,) of the texts.
        margin: of the best hypothesis over the next, in nats.
    """

    ids: tuple[tuple[int, ...], ...]
    first: np.ndarray
    lm: np.ndarray
    scores: np.ndarray
    characters: np.ndarray
    margin: float


@dataclass(frozen=True)
class SecondTrial:
    """Weights that were tried, and their errors: characters and words of the texts, wrong ones counted together."""

    weights: tuple[float, ...]
    ngram_weight: float
    character_bonus: float
    errors: int


@dataclass(frozen=True)
class TunedSecond:
    """The weights that were chosen.

    Args:
        best: the trial.
        gate_nats: margin from which on the second look changes hardly anything.
        first_errors: of the first pass.
        gated_errors: of the best weights with the gate.
        gated: share of the segments that the gate saves.
        segments: how many there are.
        trials: how many were tried.
    """

    best: SecondTrial
    gate_nats: float
    first_errors: int
    gated_errors: int
    gated: float
    segments: int
    trials: int

    def config(self, config: SecondPassConfig) -> SecondPassConfig:
        """Return the configuration with what was found."""
        best = self.best
        bonus = best.character_bonus
        return replace(config, gate_nats=self.gate_nats, ngram_weight=best.ngram_weight, character_bonus=bonus)


def cached_segments(
    utterances: Sequence[Utterance], search: SecondSearch, report: Callable[[], None] = lambda: None
) -> list[list[CachedSegment]]:
    """Return the segments of each utterance as the first pass reads on, with the scores of all their hypotheses.

    `search` must keep what it sees and gate everything, so that the first pass chooses.
    """
    found = []
    for emissions, _ in utterances:
        search.whole(emissions)
        found.append([_cached(seen, search.second, search.tokens) for seen in search.seen[-1]])
        report()
    return found


def tune_second_pass(
    utterances: Sequence[Utterance],
    segments: Sequence[Sequence[CachedSegment]],
    tokens: Tokens,
    lm_weight: float,
    budget: int = 300,
    seed: int = 0,
) -> TunedSecond:
    """Find weights: those of the first pass, random tries, then moves around the best so far; and then the gate.

    Raises:
        DataError: There is no utterance, or no budget.
    """
    if not utterances or budget < 1:
        raise DataError("tuning", "there is nothing to tune on", "give validation recordings, and a trial or more")
    judge = _Judge(utterances, segments, tokens)
    scorers = next((each.scores.shape[0] for of_one in segments for each in of_one), 0)
    low, high = (np.array(side) for side in zip(*[WEIGHTS] * scorers, NGRAM, BONUS, strict=True))
    generator = np.random.default_rng(seed)
    point = np.array([0.0] * scorers + [lm_weight, 0.0])
    trials: list[SecondTrial] = []
    best = None
    for number in range(budget):
        trial = judge.tried(point)
        trials.append(trial)
        best = trial if best is None or trial.errors < best.errors else best
        if number + 1 < budget // 3:
            point = generator.uniform(low, high)
            continue
        moved = generator.random(len(low)) < 0.5
        moved[generator.integers(len(low))] = True
        width = STEPS * (1 - number / budget) * (high - low)
        centre = np.array([*best.weights, best.ngram_weight, best.character_bonus])
        point = np.clip(centre + moved * generator.normal(size=len(low)) * width, low, high)
    assert best is not None
    gate, errors, gated = judge.gate(best)
    count = sum(map(len, segments))
    return TunedSecond(best, gate, trials[0].errors, errors, gated, count, len(trials))


class _Judge:
    """Counts the errors of weights on cached segments."""

    def __init__(
        self, utterances: Sequence[Utterance], segments: Sequence[Sequence[CachedSegment]], tokens: Tokens
    ) -> None:
        self.segments, self.tokens = segments, tokens
        self.references = [tokens.render(ids) for _, ids in utterances]

    def tried(self, point: np.ndarray) -> SecondTrial:
        rounded = [round(float(value), 4) for value in point]
        trial = SecondTrial(tuple(rounded[:-2]), rounded[-2], rounded[-1], 0)
        return replace(trial, errors=self.errors(trial, NO_GATE))

    def errors(self, trial: SecondTrial, gate: float) -> int:
        found = 0
        for reference, segments in zip(self.references, self.segments, strict=True):
            ids = [index for each in segments for index in each.ids[_choice(each, trial, gate)]]
            text = self.tokens.render(ids)
            found += count_edits(reference, text).errors + count_edits(words(reference), words(text)).errors
        return found

    def gate(self, trial: SecondTrial) -> tuple[float, int, float]:
        """The smallest margin from which on nothing need be looked at again, its errors, and the share it saves."""
        margins = [each.margin for segments in self.segments for each in segments]
        limit = trial.errors * (1 + SLACK)
        candidates = sorted({round(float(np.quantile(margins, share)), 3) for share in np.linspace(0, 1, 41)})
        for candidate in candidates:
            if 0 < candidate < NO_GATE and (errors := self.errors(trial, candidate)) <= limit:
                return candidate, errors, float(np.mean([margin >= candidate for margin in margins]))
        return NO_GATE, trial.errors, 0.0


def _choice(segment: CachedSegment, trial: SecondTrial, gate: float) -> int:
    if segment.margin >= gate:
        return 0
    scores = segment.first + trial.ngram_weight * segment.lm + trial.character_bonus * segment.characters
    return int((scores + np.asarray(trial.weights) @ segment.scores).argmax())


def _cached(seen: Seen, second: SecondPass, tokens: Tokens) -> CachedSegment:
    hypotheses = seen.hypotheses
    texts, context = rendered([each.ids for each in hypotheses], tokens, seen.before, second.config.context_lines)
    lm = np.array([each.lm for each in hypotheses])
    first = np.array([each.score for each in hypotheses])
    margin = float(first[0] - first[1]) if len(first) > 1 else NO_GATE
    # Where all texts are equal there is nothing to score: any numbers that are equal will do.
    several = len(set(texts)) > 1
    scores = second.scores(texts, context) if several else np.zeros((len(second.scorers), len(texts)))
    characters = np.array([len(text) for text in texts])
    return CachedSegment(
        tuple(each.ids for each in hypotheses), first - second.lm_weight * lm, lm, scores, characters, margin
    )
