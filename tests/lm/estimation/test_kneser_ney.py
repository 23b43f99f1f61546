"""The estimator's edges; that it equals lmplz is shown in tests/oracles."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.estimation import counting
from emgasr.lm.estimation.kneser_ney import checked_prune

Values = dict[tuple[str, ...], tuple[float, float]]


def values(model: NGramModel) -> Values:
    """Each n-gram's probability and back-off weight."""
    return {
        ngram: (math.exp(ln_p), math.exp(ln_backoff))
        for order in range(1, model.order + 1)
        for ngram, ln_p, ln_backoff in model.ngrams(order)
    }


def babble(vocabulary: int, sentences: int, seed: int = 0) -> list[list[str]]:
    generator = random.Random(seed)
    symbols = [f"w{index}" for index in range(vocabulary)]
    return [generator.choices(symbols, k=generator.randrange(12)) for _ in range(sentences)]


def test_tiny_texts_get_the_fallback_discounts() -> None:
    model = values(estimate([["a"]], order=2))
    # 1-grams: a and </s>, once each, 0.5 off; the half that is left goes to a, </s> and <unk> alike.
    assert model["a",][0] == pytest.approx(0.25 + 0.5 / 3)
    assert model["<unk>",][0] == pytest.approx(0.5 / 3)
    assert model["<s>", "a"][0] == pytest.approx(0.5 + 0.5 * (0.25 + 0.5 / 3))
    assert model["<s>",] == pytest.approx((1.0, 0.5))


def test_an_order_longer_than_any_sentence_stops_at_the_sentence() -> None:
    assert estimate([["a", "b"]], order=8).order == 4


def test_empty_sentences_count_as_ends() -> None:
    often, seldom = estimate([["a"], [], []], order=2), estimate([["a"]], order=2)
    assert often.end(often.start()) > seldom.end(seldom.start())


def test_strings_are_sentences_of_characters() -> None:
    assert values(estimate(["ab a", "b"], 3)) == values(estimate([list("ab a"), ["b"]], 3))


@pytest.mark.parametrize(("order", "vocabulary"), [(1, 3), (3, 40), (6, 40), (8, 40), (5, 9000)])
def test_probabilities_sum_to_one_after_any_context(order: int, vocabulary: int) -> None:
    text = babble(vocabulary, 300)
    model = estimate(text, order, prune=[0, 0, 1][:order])
    followers = [*model.symbols, "<unk>", "</s>"]
    states = {model.start(), 0}
    for sentence in text[:10]:
        state = model.start()
        for symbol in sentence:
            state = model.score(state, symbol)[1]
            states.add(state)
    for state in sorted(states)[:: 1 if vocabulary < 100 else 20]:
        assert sum(math.exp(model.score(state, symbol)[0]) for symbol in followers) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(("order", "vocabulary"), [(2, 5), (6, 30), (8, 5000)])
def test_counting_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch, order: int, vocabulary: int) -> None:
    text = babble(vocabulary, 400)
    whole = estimate(text, order)
    monkeypatch.setattr(counting, "BLOCK", 50)  # so that the vocabulary outgrows its bits as blocks come
    blocks = estimate(iter(text), order)
    assert blocks.vocabulary == whole.vocabulary
    for name in ("first", "fail", "log10_backoff", "symbol", "log10_p", "next"):
        assert np.array_equal(getattr(blocks, name), getattr(whole, name)), name


def test_pruning_leaves_out_what_is_rare() -> None:
    text = ["abab", "abc", "abd", "abc"]
    whole, pruned = values(estimate(text, 3)), values(estimate(text, 3, prune=[0, 1]))
    gone = {ngram for ngram in whole if ngram not in pruned}
    assert ("b", "d") in gone
    assert ("a", "b", "d") in gone
    assert ("a", "b", "c") in pruned
    assert all(len(ngram) > 1 for ngram in gone)


def test_symbols_can_be_pruned_but_not_the_special_ones() -> None:
    model = estimate(["aaab", "aac"], 2, prune=[2, 2])
    assert model.vocabulary == ("<unk>", "<s>", "</s>", "a")
    assert model.counts == [4, 1]


def test_pruning_everything_longer_lowers_the_order() -> None:
    assert estimate(["abc", "cab"], 3, prune=[0, 0, 9]).counts[1:] == [7]
    assert estimate(["abc", "cab"], 3, prune=[0, 9]).order == 1


@pytest.mark.parametrize("sentences", [[], [[]], [["<s>"]], [["a", "</s>"]], [["<unk>"]], [[""]]])
def test_text_that_cannot_be_estimated_from_is_refused(sentences: list[list[str]]) -> None:
    with pytest.raises(LanguageModelError):
        estimate(sentences, order=3)


def test_a_special_symbol_is_told_with_its_sentence() -> None:
    with pytest.raises(LanguageModelError, match=r"sentence 2: holds the symbol '<s>'"):
        estimate([["a"], ["b", "<s>"]], order=3)


@pytest.mark.parametrize("order", [0, 9])
def test_an_impossible_order_is_refused(order: int) -> None:
    with pytest.raises(LanguageModelError, match=f"order {order}"):
        estimate([["a"]], order=order)


def test_thresholds_are_one_an_order_and_never_fall() -> None:
    assert checked_prune(4, ()) == [0, 0, 0, 0]
    assert checked_prune(4, (0, 1)) == [0, 1, 1, 1]
    for bad in ((0, 2, 1), (-1,), (0, 0, 0, 0, 1)):
        with pytest.raises(LanguageModelError, match="thresholds"):
            checked_prune(4, bad)
