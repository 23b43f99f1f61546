"""Models of single words, read through whole texts by emg2qwerty's published rule."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.decoding.reference import BeamSearch as ReferenceSearch
from emgasr.errors import LanguageModelError
from emgasr.lm import estimate
from emgasr.lm.single_words import PUBLISHED_LENGTH_BONUS, PUBLISHED_LM_WEIGHT, read_as_single_words
from emgasr.tokens import Tokens

WORDS = ["cab", "abba", "bac", "cc", "a"] * 4
MODEL = estimate([list(word) for word in WORDS], 3)
RULE = read_as_single_words(MODEL)


def published_log10(text: str) -> float:
    """The rule as facts of the field tell it, in log10, symbol by symbol, from the model of words alone."""
    total, state = 0.0, MODEL.start()
    for symbol in text:
        if symbol in "abc":
            ln_p, state = MODEL.score(state, symbol)
        else:
            ln_p, state = MODEL.end(state), MODEL.start()
        total += ln_p / math.log(10)
    return total


@pytest.mark.parametrize("text", ["cab", "cab abba", "a  b", "A.c\n", "abcabcabc,ab"])
def test_any_other_symbol_ends_the_word_and_the_end_of_the_text_is_never_scored(text: str) -> None:
    total, state = 0.0, RULE.start()
    for symbol in text:
        ln_p, state = RULE.score(state, symbol)
        total += ln_p
    assert PUBLISHED_LM_WEIGHT * total == pytest.approx(2.0 * published_log10(text), rel=1e-5)


def test_the_fast_search_follows_the_rule_as_the_readable_one_does() -> None:
    tokens = Tokens.keystrokes(["a", "b", "c", "A", ".", " ", "Key.enter", "Key.backspace"])
    config = SearchConfig(lm_weight=PUBLISHED_LM_WEIGHT, length_bonus=PUBLISHED_LENGTH_BONUS, n_best=5)
    for seed in range(5):
        logits = np.random.default_rng(seed).normal(0, 2, (25, len(tokens)))
        emissions = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        fast = BeamSearch(tokens, RULE, config).whole(emissions)
        slow = ReferenceSearch(tokens, RULE, config).whole(emissions)
        assert [found.ids for found in fast] == [found.ids for found in slow]
        for found, expected in zip(fast, slow, strict=True):
            assert (found.score, found.lm) == pytest.approx((expected.score, expected.lm))


def test_a_model_of_other_symbols_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="knows ' '"):
        read_as_single_words(estimate([list("a b")], 2))
