"""The n-gram model: back-off by hand, states, unknown symbols."""

from __future__ import annotations

import math

import pytest

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.ngram import MISSING_UNKNOWN

LN_P = {
    ("<unk>",): -5.0,
    ("<s>",): 0.0,
    ("</s>",): -2.0,
    ("a",): -1.0,
    ("b",): -1.5,
    ("<s>", "a"): -0.5,
    ("a", "b"): -0.7,
    ("<s>", "a", "b"): -0.2,
}
LN_BACKOFF = {("<s>",): -0.3, ("a",): -0.4, ("<s>", "a"): -0.6}


def test_a_known_ngram_has_its_own_probability() -> None:
    model = NGramModel(LN_P, LN_BACKOFF)
    ln_p, state = model.score(model.start(), "a")
    assert (ln_p, state) == (-0.5, ("<s>", "a"))
    assert model.score(state, "b") == (-0.2, ("a", "b"))


def test_an_unseen_ngram_pays_the_back_off_of_each_context_left() -> None:
    model = NGramModel(LN_P, LN_BACKOFF)
    ln_p, state = model.score(("<s>", "a"), "a")  # p("a a") is not there either: back off twice
    assert ln_p == pytest.approx(-0.6 - 0.4 - 1.0)
    assert state == ("a",)
    assert model.end(state) == pytest.approx(-0.4 - 2.0)


def test_unknown_symbols_score_as_unk_and_are_counted() -> None:
    model = NGramModel(LN_P, LN_BACKOFF)
    ln_p, state = model.score(model.start(), "§")
    assert ln_p == pytest.approx(-0.3 - 5.0)
    assert model.score(state, "a")[0] == -1.0
    scored = model.sentence(["a", "§"])
    assert (scored.unknown, scored.length) == (1, 3)
    assert scored.perplexity == pytest.approx(math.exp(-scored.ln_p / 3))
    assert model.unknown_symbols("a§b") == ["§"]


def test_without_unk_an_unknown_symbol_is_all_but_impossible() -> None:
    model = NGramModel({ngram: p for ngram, p in LN_P.items() if ngram != ("<unk>",)}, LN_BACKOFF)
    assert model.score(model.start(), "§") == (MISSING_UNKNOWN, ())


def test_probabilities_sum_to_one_in_every_state() -> None:
    model = estimate(["abab", "abc", "cab", "", "ccb"], order=3)
    states = {model.start(), ()}
    for first in "abc§":
        _, state = model.score(model.start(), first)
        states.add(state)
        states.update(model.score(state, second)[1] for second in "abc")
    assert len(states) > 10
    for state in states:
        total = sum(math.exp(model.score(state, symbol)[0]) for symbol in (*model.symbols, "<unk>", "</s>"))
        assert total == pytest.approx(1.0, abs=1e-9)


def test_a_model_without_sentence_marks_is_refused() -> None:
    with pytest.raises(LanguageModelError, match=r"no <s>"):
        NGramModel({("</s>",): -1.0, ("a",): -1.0}, {})
