"""Validation emissions and their references in, a search configuration with the fewest errors or hardly more out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.decoding.hotwords import Hotwords
from emgasr.decoding.parallel import search_all
from emgasr.errors import DataError
from emgasr.lm import NGramModel
from emgasr.lm.words import WordModel
from emgasr.score import Counts, count_edits, total
from emgasr.tokens import Tokens

Utterance = tuple[np.ndarray, Sequence[int]]  # emissions (F, V) and reference ids

# Where random search looks.
RANGES = {
    "lm_weight": (0.0, 2.0),
    "length_bonus": (-1.0, 4.0),
    "acoustic_scale": (0.4, 1.2),
    "backspace_penalty": (0.0, 4.0),
    "word_bonus": (-3.0, 3.0),
}
STEPS = 0.15  # a local move's standard deviation, as a part of the range; it shrinks as the budget is spent
SLACK = 0.02  # a part of the fewest errors: that many more, and one, are no reason to leave the start
GRID = 9  # points of a surface along each side


@dataclass(frozen=True)
class Trial:
    """One configuration that was tried, and its edits against the references."""

    config: SearchConfig
    counts: Counts


@dataclass(frozen=True)
class Tuned:
    """The trial that was chosen and everything that was tried, in order.

    Of the trials with the fewest errors or hardly more (`_chosen`) it is the one whose weights are nearest to those of
    the start: where few errors are left, the very best weights are an accident of the validation recordings.
    """

    best: Trial
    trials: tuple[Trial, ...]

    @property
    def config(self) -> SearchConfig:
        """The configuration that was chosen."""
        return self.best.config


Report = Callable[[Trial], None]


def tune(
    utterances: Sequence[Utterance],
    tokens: Tokens,
    lm: NGramModel | WordModel | None = None,
    start: SearchConfig | None = None,
    budget: int = 30,
    seed: int = 0,
    threads: int = 1,
    report: Report = lambda trial: None,
    hotwords: Hotwords | None = None,
) -> Tuned:
    """Find weights for the search on validation utterances: `start`, random tries, then moves around the best so far.

    `budget` is the number of configurations tried, half of them at random. Without a language model its weight stays,
    without a backspace key its penalty, and without a lexicon the bonus of words. The same seed gives the same trials,
    whatever `threads` is.
    """
    if not utterances:
        raise DataError("tuning", "there are no validation utterances", "give at least one")
    if budget < 1:
        raise DataError("tuning", f"a budget of {budget} trials is impossible", "use 1 or more")
    generator = np.random.default_rng(seed)
    needed = {
        "lm_weight": lm is not None,
        "backspace_penalty": tokens.backspace_id is not None,
        "word_bonus": isinstance(lm, WordModel),
    }
    names = [name for name in RANGES if needed.get(name, True)]
    trials: list[Trial] = []
    best = config = start or SearchConfig()
    for number in range(budget):
        trials.append(_tried(config, utterances, tokens, lm, threads, report, hotwords))
        best = _fewest_errors(trials).config
        if number + 1 < (budget + 1) // 2:
            config = _random(best, names, generator)
        else:
            config = _moved(best, names, generator, 1 - number / budget)
    return Tuned(_chosen(trials, trials), tuple(trials))


def surface(
    utterances: Sequence[Utterance],
    tokens: Tokens,
    lm: NGramModel | WordModel,
    tuned: Tuned,
    threads: int = 1,
    report: Report = lambda trial: None,
    hotwords: Hotwords | None = None,
) -> Tuned:
    """Try GRID × GRID language model weights and length bonuses over their ranges, all else as it was tuned.

    The trials go by weight, and for each weight by bonus. What is chosen, of them and what was, goes by the same rule.
    """
    weights, bonuses = (np.linspace(*RANGES[name], GRID).round(3).tolist() for name in ("lm_weight", "length_bonus"))
    configs = [replace(tuned.config, lm_weight=weight, length_bonus=bonus) for weight in weights for bonus in bonuses]
    trials = tuple(_tried(each, utterances, tokens, lm, threads, report, hotwords) for each in configs)
    return Tuned(_chosen((tuned.best, *trials), (*tuned.trials, *trials)), trials)


def _tried(
    config: SearchConfig,
    utterances: Sequence[Utterance],
    tokens: Tokens,
    lm: NGramModel | WordModel | None,
    threads: int,
    report: Report,
    hotwords: Hotwords | None,
) -> Trial:
    found = search_all((emissions for emissions, _ in utterances), BeamSearch(tokens, lm, config, hotwords), threads)
    pairs = zip(utterances, found, strict=True)
    trial = Trial(config, total(count_edits(reference, read[0].ids) for (_, reference), read in pairs))
    report(trial)
    return trial


def _fewest_errors(trials: Sequence[Trial]) -> Trial:
    return min(trials, key=lambda trial: trial.counts.errors)


def _chosen(candidates: Sequence[Trial], tried: Sequence[Trial]) -> Trial:
    """Return the candidate nearest to the start, the first tried, of those with hardly more errors than any tried."""
    start = tried[0].config
    enough = 1 + (1 + SLACK) * _fewest_errors(tried).counts.errors

    def distance(trial: Trial) -> float:
        changes = (
            (getattr(trial.config, name) - getattr(start, name)) / (high - low) for name, (low, high) in RANGES.items()
        )
        return sum(change**2 for change in changes)

    return min((trial for trial in candidates if trial.counts.errors <= enough), key=distance)


def _random(best: SearchConfig, names: list[str], generator: np.random.Generator) -> SearchConfig:
    changes: dict[str, Any] = {name: round(float(generator.uniform(*RANGES[name])), 3) for name in names}
    return replace(best, **changes)


def _moved(best: SearchConfig, names: list[str], generator: np.random.Generator, width: float) -> SearchConfig:
    """Return the configuration with one weight or more moved a little, within the ranges."""
    moved = generator.random(len(names)) < 0.5
    moved[generator.integers(len(names))] = True
    changes: dict[str, Any] = {}
    for name in (name for name, chosen in zip(names, moved, strict=True) if chosen):
        low, high = RANGES[name]
        value = getattr(best, name) + generator.normal() * STEPS * width * (high - low)
        changes[name] = round(float(np.clip(value, low, high)), 3)
    return replace(best, **changes)
