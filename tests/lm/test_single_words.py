"""Models of single words, read through whole texts by emg2qwerty's published rule (tests/oracles holds the whole)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.ngram import UNKNOWN
from emgasr.lm.single_words import read_as_single_words
from emgasr.tokens import Tokens
from tests.oracles.reference_search import BeamSearch as ReferenceSearch

WORDS = [["c", "a", "b"], list("abba"), list("bac"), list("cc"), ["a"], list("ab1")] * 4
MODEL = estimate(WORDS, 3)
RULE = read_as_single_words(MODEL)
LN_UNKNOWN = next(ln_p for symbols, ln_p, _ in MODEL.ngrams(1) if symbols == (UNKNOWN,))


def steps(model: NGramModel, text: str) -> list[float]:
    found, state = [], model.start()
    for symbol in text:
        ln_p, state = model.score(state, symbol)
        found.append(ln_p)
    return found


def test_a_key_that_is_no_letter_ends_the_word_and_costs_an_unknown_symbol_where_none_was_begun() -> None:
    cab = steps(MODEL, "cab")
    end = MODEL.end(MODEL.score(MODEL.score(MODEL.score(MODEL.start(), "c")[1], "a")[1], "b")[1])
    assert steps(RULE, "cab .c") == pytest.approx([*cab, end, LN_UNKNOWN, cab[0]])
    assert steps(RULE, " Z⇧a") == pytest.approx([LN_UNKNOWN] * 3 + steps(MODEL, "a"))


def test_letters_are_what_the_model_knows_digits_among_them() -> None:
    assert steps(RULE, "ab1") == pytest.approx(steps(MODEL, "ab1"))


@pytest.mark.parametrize("words", [WORDS, [*WORDS, []]], ids=["none", "some"])
def test_it_does_not_matter_whether_the_model_has_seen_empty_words(words: list[list[str]]) -> None:
    model = estimate(words, 3)
    before = [steps(model, text) for text in ("cab", "ab", "bac")]
    rule = read_as_single_words(model)
    ln_unknown = next(ln_p for symbols, ln_p, _ in model.ngrams(1) if symbols == (UNKNOWN,))
    assert [steps(rule, text) for text in ("cab", "ab", "bac")] == before
    assert steps(rule, "..") == pytest.approx([ln_unknown] * 2)
    assert [steps(model, text) for text in ("cab", "ab", "bac")] == before  # the model itself is as it was


def test_the_fast_search_follows_the_rule_as_the_readable_one_does() -> None:
    tokens = Tokens.keystrokes(["a", "b", "c", "A", ".", " ", "Key.enter", "Key.backspace", "Key.shift"])
    # The published decoder adds KenLM's log10 to natural-log emissions, with weight 2: in natural logs, 2 / ln 10.
    config = SearchConfig(lm_weight=2.0 / math.log(10), length_bonus=2.0, n_best=5, refund_bonus=True)
    for seed in range(5):
        logits = np.random.default_rng(seed).normal(0, 2, (25, len(tokens)))
        emissions = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        fast = BeamSearch(tokens, RULE, config).whole(emissions)
        slow = ReferenceSearch(tokens, RULE, config).whole(emissions)
        assert [found.ids for found in fast] == [found.ids for found in slow]
        for found, expected in zip(fast, slow, strict=True):
            assert (found.score, found.lm) == pytest.approx((expected.score, expected.lm))


@pytest.mark.parametrize("sentence", ["a b", ["cab", "abba"], "a⏎", "a⇧b"])
def test_a_model_of_more_than_the_letters_of_words_is_refused(sentence: str | list[str]) -> None:
    with pytest.raises(LanguageModelError, match="letters of single words"):
        read_as_single_words(estimate([list(sentence)], 2))


def test_a_model_that_cannot_tell_where_a_word_begins_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="no beginnings of words"):
        read_as_single_words(estimate(WORDS, 1))
