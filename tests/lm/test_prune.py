"""Pruned models: each n-gram's loss is the relative entropy that Stolcke (1998) defines, and what stays sums to one."""

from __future__ import annotations

import math
import random
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.prune import history_frequencies, losses, prune

TEXT = ["abab", "abc", "cab", "ccb", "baa", "acca", "b", "abcab"]
MODEL = estimate(TEXT, 3)


def symbols_of(model: NGramModel) -> list[str]:
    """All that can follow a history."""
    return [*sorted(model.symbols), "<unk>", "</s>"]


def state(model: NGramModel, history: tuple[str, ...]) -> int:
    """The state after the symbols; <s> may stand first."""
    at = 0
    for symbol in history:
        at = model.start() if symbol == "<s>" else model.score(at, symbol)[1]
    return at


def p(model: NGramModel, history: tuple[str, ...], symbol: str) -> float:
    return math.exp(model.score(state(model, history), symbol)[0])


def own_text(model: NGramModel) -> dict[tuple[str, ...], float]:
    """How often each history of order - 1 symbols (fewer after <s>) comes in the model's text: an eigenvector."""
    longest = model.order - 1
    letters = [symbol for symbol in symbols_of(model) if symbol != "</s>"]
    histories = [("<s>", *rest) for n in range(longest) for rest in product(letters, repeat=n)]
    histories += list(product(letters, repeat=longest))
    number = {history: row for row, history in enumerate(histories)}
    moves = np.zeros((len(histories), len(histories)))
    for history, row in number.items():
        for symbol in symbols_of(model):
            following = ("<s>",) if symbol == "</s>" else (*history, symbol)[-longest:]
            moves[row, number[following]] += p(model, history, symbol)
    ones = np.ones((1, len(histories)))
    system = np.concatenate([moves.T - np.eye(len(histories)), ones])
    share, *_ = np.linalg.lstsq(system, np.append(np.zeros(len(histories)), 1.0), rcond=None)
    return dict(zip(histories, share.tolist(), strict=True))


def listed(model: NGramModel, order: int) -> list[tuple[str, ...]]:
    return [ngram for ngram, *_ in model.ngrams(order)]


def without(model: NGramModel, dropped: tuple[str, ...]) -> NGramModel:
    """The model with one n-gram less, its context's back-off made anew in plain arithmetic."""
    rows = {
        ngram: [ln_p, backoff] for order in range(1, model.order + 1) for ngram, ln_p, backoff in model.ngrams(order)
    }
    del rows[dropped]
    context = dropped[:-1]
    siblings = [ngram[-1] for ngram in rows if ngram[:-1] == context and len(ngram) == len(dropped)]
    here = sum(math.exp(rows[(*context, symbol)][0]) for symbol in siblings)
    below = sum(p(model, context[1:], symbol) for symbol in siblings)
    rows[context][1] = math.log((1 - here) / (1 - below))
    ids = {symbol: id for id, symbol in enumerate(model.vocabulary)}
    tables = []
    for order in range(1, model.order + 1):
        mine = [ngram for ngram in rows if len(ngram) == order]
        values = np.array([rows[ngram] for ngram in mine])
        tables.append((np.array([[ids[s] for s in ngram] for ngram in mine], np.int32), values[:, 0], values[:, 1]))
    return NGramModel.from_tables(model.vocabulary, tables)


def test_histories_come_as_often_as_in_the_text_that_the_model_writes() -> None:
    share = own_text(MODEL)
    found = history_frequencies(MODEL)
    assert found[0] == pytest.approx(1.0)
    contexts = {order: {state(MODEL, longer[:-1]) for longer in listed(MODEL, order + 1)} for order in (1, 2)}
    for order in (1, 2):
        for history in listed(MODEL, order):
            context = state(MODEL, history)
            if context in contexts[order]:
                expected = sum(value for longer, value in share.items() if longer[-order:] == history)
                assert found[context] == pytest.approx(expected, abs=1e-6), history


def test_the_loss_of_a_longest_ngram_is_the_relative_entropy_of_the_models_with_and_without_it() -> None:
    share = own_text(MODEL)
    found = dict(zip(listed(MODEL, 3), losses(MODEL)[-MODEL.counts[2] :].tolist(), strict=True))
    for ngram in listed(MODEL, 3):
        less = without(MODEL, ngram)
        expected = sum(
            often * p(MODEL, history, symbol) * math.log(p(MODEL, history, symbol) / p(less, history, symbol))
            for history, often in share.items()
            for symbol in symbols_of(MODEL)
        )
        assert found[ngram] == pytest.approx(expected, abs=2e-7, rel=1e-3), ngram
    assert max(found.values()) > 1e-3


def test_a_bigram_is_dropped_below_the_growth_of_perplexity_that_is_worked_out_by_hand() -> None:
    # p(a) = .5, p(b) = .25, p(</s>) = .25; p(b | a) = .5, so that a's other symbols have .5 / .75 of theirs.
    ids = np.array([[0], [1], [2], [3]], np.int32)
    ln = np.log
    unigrams = (ids, np.array([-99.0, ln(0.25), ln(0.5), ln(0.25)]), np.array([0, 0, ln(2 / 3), 0]))
    bigram = (np.array([[2, 3]], np.int32), np.array([ln(0.5)]), np.zeros(1))
    model = NGramModel.from_tables(["<s>", "</s>", "a", "b"], [unigrams, bigram])
    # In its own text x = p(the last symbol is a): x = (1 - x) / 2 + x / 3, so x = 3 / 7.
    loss = 3 / 7 * (0.5 * ln(0.5 / 0.25) + 0.5 * ln(2 / 3))
    assert losses(model)[-1] == pytest.approx(loss, rel=1e-5)
    growth = math.expm1(loss)
    assert prune(model, threshold=0.999 * growth).counts == [4, 1]
    smaller = prune(model, threshold=1.001 * growth)
    assert smaller.counts == [4]
    assert p(smaller, ("a",), "b") == pytest.approx(0.25)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 999), ngrams=st.integers(9, 60))
def test_what_stays_is_closed_keeps_its_probabilities_and_sums_to_one(seed: int, ngrams: int) -> None:
    generator = random.Random(seed)
    model = estimate(["".join(generator.choices("abcde", k=generator.randrange(1, 7))) for _ in range(12)], 4)
    smaller = prune(model, ngrams=ngrams)
    assert sum(smaller.counts) <= ngrams
    before = {ngram: ln_p for order in range(1, 5) for ngram, ln_p, _ in model.ngrams(order)}
    for order in range(1, smaller.order + 1):
        for ngram, ln_p, _ in smaller.ngrams(order):
            assert ln_p == before[ngram]
    for context in range(len(smaller.fail)):
        total = sum(math.exp(smaller.score(context, symbol)[0]) for symbol in symbols_of(smaller))
        assert total == pytest.approx(1.0, abs=2e-5)


def test_the_worth_of_a_longer_ngram_keeps_those_that_it_needs() -> None:
    worth = losses(MODEL)
    threshold = math.expm1(float(np.sort(worth)[len(worth) // 2]))
    kept = {ngram for order in (2, 3) for ngram in listed(prune(MODEL, threshold=threshold), order)}
    everything = [ngram for order in (1, 2, 3) for ngram in listed(MODEL, order)]
    own = {ngram for ngram, loss in zip(everything, worth.tolist(), strict=True) if loss >= math.log1p(threshold)}
    needed = {ngram for ngram in own if len(ngram) > 1} | {ngram[:-1] for ngram in own if len(ngram) == 3}
    assert kept == needed
    assert needed - own


def test_without_loss_nothing_goes() -> None:
    same = prune(MODEL, ngrams=sum(MODEL.counts))
    assert np.array_equal(same.log10_p, MODEL.log10_p)
    assert same.log10_backoff == pytest.approx(MODEL.log10_backoff, abs=1e-4)


def test_logarithms_are_rounded_to_decimals() -> None:
    rounded = prune(MODEL, ngrams=sum(MODEL.counts), decimals=2)
    for values in (rounded.log10_p, rounded.log10_backoff):
        assert values == pytest.approx(np.round(values.astype(np.float64), 2), abs=1e-6)
    assert rounded.log10_p == pytest.approx(MODEL.log10_p, abs=0.00501)
    for context in range(len(rounded.fail)):  # back-offs follow the rounded probabilities
        total = sum(math.exp(rounded.score(context, symbol)[0]) for symbol in symbols_of(rounded))
        assert total == pytest.approx(1.0, abs=0.012)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({}, "needs a threshold or a number"),
        ({"threshold": 1e-6, "ngrams": 50}, "needs a threshold or a number"),
        ({"threshold": 0.0}, "a threshold of 0 is impossible"),
        ({"threshold": math.nan}, "a threshold of nan is impossible"),
        ({"ngrams": 3}, "3 n-grams would not hold the model's 1-grams; give 6 or more"),
        ({"ngrams": 50, "decimals": 0}, "0 decimals are impossible"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, float], wrong: str) -> None:
    with pytest.raises(LanguageModelError, match=wrong):
        prune(MODEL, **arguments)  # type: ignore[arg-type]
