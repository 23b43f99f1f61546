"""Mixed models: interpolated where a model lists an n-gram, one in every context, weighted as held-out text wants."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.mix import joint_vocabulary, mix, tune_weights
from emgasr.lm.perplexity import score_text

FIRST = estimate(["abab", "abc", "cab", "ccb", "baa b"], 3)
SECOND = estimate(["dead", "deed", "bad", "add ed", "abed"], 4)


def after(model: NGramModel, history: tuple[str, ...]) -> int:
    """The state after the symbols; <s> may stand first."""
    state = 0
    for symbol in history:
        state = model.start() if symbol == "<s>" else model.score(state, symbol)[1]
    return state


def alone(model: NGramModel, history: tuple[str, ...], symbol: str, vocabulary: tuple[str, ...]) -> float:
    """p(symbol | history) where the symbols that the model does not know share its <unk>."""
    p = math.exp(model.score(after(model, history), symbol)[0])
    unknown = symbol == "<unk>" or symbol not in (*model.symbols, "</s>")
    return p / (1 + len(vocabulary) - len(model.vocabulary)) if unknown else p


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.7])
def test_listed_ngrams_are_interpolated_exactly(share: float) -> None:
    mixed = mix([FIRST, SECOND], [share, 1 - share])
    vocabulary = joint_vocabulary([FIRST, SECOND])
    assert mixed.vocabulary == vocabulary
    listed = {ngram for model in (FIRST, SECOND) for order in range(1, 5) for ngram, *_ in rows(model, order)}
    assert {ngram for order in range(1, 5) for ngram, *_ in rows(mixed, order)} == listed
    for order in range(1, 5):
        for ngram, ln_p, _ in rows(mixed, order):
            history, symbol = ngram[:-1], ngram[-1]
            if symbol != "<s>":
                p = share * alone(FIRST, history, symbol, vocabulary)
                p += (1 - share) * alone(SECOND, history, symbol, vocabulary)
                assert math.exp(ln_p) == pytest.approx(p, rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), orders=st.lists(st.integers(1, 4), min_size=2, max_size=3))
def test_every_context_sums_to_one(seed: int, orders: list[int]) -> None:
    generator = random.Random(seed)
    models = []
    for order in orders:
        symbols = generator.sample("abcdefg", 4)
        text = ["".join(generator.choices(symbols, k=generator.randrange(1, 7))) for _ in range(12)]
        models.append(estimate(text, order, prune=[0, 0, 1][:order]))
    mixed = mix(models, [generator.random() + 0.01 for _ in models])
    for state in range(len(mixed.fail)):
        total = sum(math.exp(mixed.score(state, symbol)[0]) for symbol in (*mixed.symbols, "<unk>", "</s>"))
        assert total == pytest.approx(1.0, abs=2e-5)


def test_a_model_mixed_with_itself_is_itself() -> None:
    mixed = mix([FIRST, FIRST], [3, 1])
    for name in ("first", "fail", "symbol", "next"):
        assert np.array_equal(getattr(mixed, name), getattr(FIRST, name))
    assert mixed.log10_p == pytest.approx(FIRST.log10_p, abs=1e-5)
    assert mixed.log10_backoff == pytest.approx(FIRST.log10_backoff, abs=1e-4)


def test_weights_follow_the_held_out_text() -> None:
    first = tune_weights([FIRST, SECOND], ["abab", "cab"])
    second = tune_weights([FIRST, SECOND], ["deed", "add"])
    assert first[0] > 0.9
    assert second[1] > 0.9
    assert sum(first) == pytest.approx(1.0)


def test_tuned_weights_beat_others_and_each_model_alone() -> None:
    held_out = ["abab", "dead", "cab", "abed", "bad b"]
    best = tune_weights([FIRST, SECOND], held_out)
    perplexity = score_text(mix([FIRST, SECOND], best), held_out).perplexity
    assert perplexity < min(score_text(model, held_out).perplexity for model in (FIRST, SECOND))
    for share in (0.05, 0.95):
        assert perplexity < score_text(mix([FIRST, SECOND], [share, 1 - share]), held_out).perplexity


def test_symbols_that_no_model_knows_do_not_weigh() -> None:
    text = ["abab", "dead"]
    marked = ["ab§ab", "de§ad"]
    plain = tune_weights([FIRST, SECOND], text)
    assert tune_weights([FIRST, SECOND], marked) == pytest.approx(plain, abs=0.2)
    with pytest.raises(LanguageModelError, match="holds no text"):
        tune_weights([FIRST, SECOND], [])


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [-1.0, 2.0], [math.nan, 1.0], [1.0, 1.0, 1.0]])
def test_weights_that_are_no_shares_are_refused(weights: list[float]) -> None:
    with pytest.raises(LanguageModelError, match="weights"):
        mix([FIRST, SECOND], weights)


def test_the_score_of_a_text_tells_what_is_unknown() -> None:
    score = score_text(FIRST, ["ab§", "", "§d"])
    assert (score.sentences, score.symbols, score.unknown) == (3, 5, {"§": 2, "d": 1})
    assert score.unknown_rate == pytest.approx(0.6)
    whole = [FIRST.sentence(sentence).ln_p for sentence in ("ab§", "", "§d")]
    assert score.perplexity == pytest.approx(math.exp(-sum(whole) / 8))
    assert score.perplexity_known < score.perplexity


def rows(model: NGramModel, order: int) -> list[tuple[tuple[str, ...], float, float]]:
    return list(model.ngrams(order)) if order <= model.order else []
