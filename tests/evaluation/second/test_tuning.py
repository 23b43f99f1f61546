"""Tuning of the second pass: errors by hand, the start is the first pass, a gate that saves segments and no errors."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.decoding import Hypothesis
from emgasr.errors import DataError
from emgasr.evaluation.second.oracle import oracle_errors
from emgasr.evaluation.second.tuning import CachedSegment, tune_second_pass
from emgasr.rescoring.segments import Seen
from emgasr.tokens import Tokens

TOKENS = Tokens.characters("abc ")


def segment(margin: float, scorer: list[float], *texts: str) -> CachedSegment:
    """A segment whose hypotheses fall by the margin, and what the scorer says of them."""
    first = -margin * np.arange(len(texts))
    ids = tuple(tuple(TOKENS.ids(text)) for text in texts)
    characters = np.array([len(text) for text in texts])
    return CachedSegment(ids, first, np.zeros(len(texts)), np.array([scorer]), characters, margin)


def test_the_weights_are_found_that_a_good_scorer_deserves_and_the_gate_saves_sure_segments() -> None:
    unsure = segment(0.5, [-9.0, -1.0], "abb ", "abc ")
    sure = segment(6.0, [-1.0, -1.2], "cab ", "cac ")
    segments = [[unsure, sure], [sure, unsure]]
    utterances = [(np.zeros((0, 5)), TOKENS.ids("abc cab ")), (np.zeros((0, 5)), TOKENS.ids("cab abc "))]
    tuned = tune_second_pass(utterances, segments, TOKENS, 0.5, budget=60)
    assert tuned.first_errors == 2 * (1 + 1)  # a character and a word in each
    assert tuned.gated_errors == tuned.best.errors == 0
    assert tuned.best.weights[0] > 0.5 / 8
    assert 0.5 < tuned.gate_nats <= 6.0
    assert tuned.gated == 0.5
    again = tune_second_pass(utterances, segments, TOKENS, 0.5, budget=60)
    assert again == tuned


def test_a_scorer_that_knows_nothing_changes_nothing() -> None:
    segments = [[segment(1.0, [0.0, 0.0], "abc", "abb")]]
    tuned = tune_second_pass([(np.zeros((0, 5)), TOKENS.ids("abc"))], segments, TOKENS, 0.5, budget=30)
    assert tuned.best.weights == (0.0,)
    assert tuned.best.errors == 0
    assert tuned.gated == 1.0
    with pytest.raises(DataError, match="nothing to tune on"):
        tune_second_pass([], [], TOKENS, 0.5)


def seen(chosen: str, *texts: str) -> Seen:
    hypotheses = tuple(Hypothesis(tuple(TOKENS.ids(t)), (0,) * len(t), (1.0,) * len(t), 0.0, 0.0, 0.0) for t in texts)
    return Seen(hypotheses, (), tuple(TOKENS.ids(chosen)))


def test_the_oracle_is_the_best_choice_of_each_segment() -> None:
    lists = [seen("ab", "ab", "cb"), seen("ca", "ca", "cc", "c")]
    assert oracle_errors("abca", lists, TOKENS) == 0
    assert oracle_errors("cbc", lists, TOKENS) == 0
    assert oracle_errors("aabb", lists, TOKENS) == 2  # abc: one deleted, one replaced
