"""Validation emissions and their references in, the search configuration with the fewest errors out."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emgasr.decoding import Hypothesis, SearchConfig, beam_search
from emgasr.errors import DataError
from emgasr.lm import NGramModel
from emgasr.score import Counts, count_edits, total
from emgasr.tokens import Tokens

Search = Callable[[np.ndarray, Tokens, NGramModel | None, SearchConfig], list[Hypothesis]]
Utterance = tuple[np.ndarray, Sequence[int]]  # emissions (F, V) and reference ids

# Where random search looks: LM weight, length bonus, acoustic scale, backspace penalty.
RANGES = {
    "lm_weight": (0.0, 2.0),
    "length_bonus": (-1.0, 4.0),
    "acoustic_scale": (0.4, 1.2),
    "backspace_penalty": (0.0, 4.0),
}
_STEPS = 0.15  # a local move's standard deviation, as a part of the range; it shrinks as the budget is spent


@dataclass(frozen=True)
class Trial:
    """One configuration that was tried, and its edits against the references."""

    config: SearchConfig
    counts: Counts


@dataclass(frozen=True)
class Tuned:
    """The best configuration (fewest errors, the earliest of equals) and everything that was tried, in order."""

    config: SearchConfig
    trials: tuple[Trial, ...]


def tune(
    utterances: Sequence[Utterance],
    tokens: Tokens,
    lm: NGramModel | None = None,
    start: SearchConfig | None = None,
    budget: int = 30,
    seed: int = 0,
    processes: int = 1,
    search: Search = beam_search,
) -> Tuned:
    """Find weights for the search on validation utterances: `start`, random tries, then moves around the best so far.

    `budget` is the number of configurations tried, half of them at random. Without a language model its weight stays,
    without a backspace key its penalty does. The same seed gives the same trials, whatever `processes` is.
    """
    if not utterances:
        raise DataError("tuning", "there are no validation utterances", "give at least one")
    if budget < 1:
        raise DataError("tuning", f"a budget of {budget} trials is impossible", "use 1 or more")
    generator = np.random.default_rng(seed)
    names = [
        name
        for name in RANGES
        if not (name == "lm_weight" and lm is None)
        and not (name == "backspace_penalty" and tokens.backspace_id is None)
    ]
    scorer = _Scorer(utterances, tokens, lm, search)
    trials: list[Trial] = []
    with ExitStack() as stack:
        pool = _pool(scorer, processes, stack) if processes > 1 else None
        config = start or SearchConfig()
        for number in range(budget):
            indices = range(len(utterances))
            counts = pool.map(_score_in_worker, [config] * len(indices), indices) if pool else None
            edits = total(counts if counts is not None else (scorer(config, index) for index in indices))
            trials.append(Trial(config, edits))
            best = min(trials, key=lambda trial: trial.counts.errors).config
            if number + 1 < (budget + 1) // 2:
                config = _random(best, names, generator)
            else:
                config = _moved(best, names, generator, 1 - number / budget)
    return Tuned(best, tuple(trials))


@dataclass(frozen=True)
class _Scorer:
    utterances: Sequence[Utterance]
    tokens: Tokens
    lm: NGramModel | None
    search: Search

    def __call__(self, config: SearchConfig, index: int) -> Counts:
        emissions, reference = self.utterances[index]
        best = self.search(emissions, self.tokens, self.lm, config)[0]
        return count_edits(reference, best.ids)


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
        value = getattr(best, name) + generator.normal() * _STEPS * width * (high - low)
        changes[name] = round(float(np.clip(value, low, high)), 3)
    return replace(best, **changes)


_worker_scorer: _Scorer | None = None  # in each worker process: sent once, not with every task


def _pool(scorer: _Scorer, processes: int, stack: ExitStack) -> ProcessPoolExecutor:
    # "spawn": a forked copy of a process that runs torch's threads can hang.
    context = multiprocessing.get_context("spawn")
    return stack.enter_context(
        ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker, initargs=(scorer,))
    )


def _start_worker(scorer: _Scorer) -> None:
    global _worker_scorer
    _worker_scorer = scorer


def _score_in_worker(config: SearchConfig, index: int) -> Counts:
    assert _worker_scorer is not None
    return _worker_scorer(config, index)
