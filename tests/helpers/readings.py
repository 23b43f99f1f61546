"""Readings of simulated people, right or wrong at known odds, as tests of confidence fit and judge them."""

from __future__ import annotations

import numpy as np

from emgasr.confidence.samples import Sample, sample
from emgasr.decoding import greedy
from emgasr.tokens import Tokens

LETTERS = Tokens.characters("abcdefgh ")


def emissions(rng: np.random.Generator, ids: np.ndarray, noise: float = 1.5) -> np.ndarray:
    """Emissions (4n, V) of tokens, a token every fourth frame, some of them hardly heard."""
    scores = rng.normal(size=(4 * len(ids), len(LETTERS))) * noise
    scores[:, 0] += 6
    scores[1::4, 0] -= 6
    scores[np.arange(len(ids)) * 4 + 1, ids] += rng.normal(5, 2.5, len(ids))
    return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)


def samples(people: int = 6, recordings: int = 2, tokens: int = 60, seed: int = 0) -> list[Sample]:
    """Greedy readings beside what was meant."""
    rng = np.random.default_rng(seed)
    found = []
    for person in range(people):
        for number in range(recordings):
            ids = rng.integers(1, len(LETTERS), tokens)
            hypothesis = greedy(emissions(rng, ids))
            true, text = LETTERS.symbols_of(ids.tolist()), LETTERS.render(ids.tolist())
            times_s = np.array(hypothesis.frames) / 10
            found.append(sample(f"p{person}", f"r{person}.{number}", true, text, hypothesis, times_s, LETTERS))
    return found
