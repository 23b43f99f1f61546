"""Emissions of any length in, one hypothesis out: long ones are searched in stretches, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from emgasr.decoding.greedy import greedy
from emgasr.decoding.hypothesis import Hypothesis, SearchConfig
from emgasr.decoding.reference import beam_search
from emgasr.lm.ngram import NGramModel
from emgasr.tokens import Tokens

# The search keeps what it has seen until it ends, and so much that a session's memory grows with its square.
STRETCH_FRAMES = 12_000


def read_emissions(
    emissions: np.ndarray, tokens: Tokens, lm: NGramModel | None = None, search: SearchConfig | None = None
) -> Hypothesis:
    """Return the best hypothesis for emissions (F, V), searched in stretches if they are long."""
    if lm is None and search is None:
        return greedy(emissions)
    ids: list[int] = []
    frames: list[int] = []
    confidences: list[float] = []
    score = acoustic = language = 0.0
    for start, end in stretches(emissions, STRETCH_FRAMES):
        best = beam_search(emissions[start:end], tokens, lm, search)[0]
        ids += best.ids
        frames += [start + frame for frame in best.frames]
        confidences += best.confidences
        score, acoustic, language = score + best.score, acoustic + best.acoustic, language + best.lm
    return Hypothesis(tuple(ids), tuple(frames), tuple(confidences), score, acoustic, language)


def stretches(emissions: np.ndarray, longest: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) frames that cover emissions (F, V), none above `longest`, cut at the surest long pauses."""
    start = 0
    while len(emissions) - start > longest:
        window = slice(start + longest * 3 // 4, start + longest)
        end = window.start + _middle_of_longest_pause(emissions[window])
        yield start, end
        start = end
    yield start, len(emissions)


def _middle_of_longest_pause(emissions: np.ndarray) -> int:
    blank = emissions.argmax(axis=1) == 0
    edges = np.diff(np.concatenate(([0], blank.astype(np.int8), [0])))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return len(emissions)
    longest = int(np.argmax(ends - starts))
    return max(1, int(starts[longest] + ends[longest]) // 2)
