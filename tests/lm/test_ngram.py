"""The n-gram model: back-off by hand and against dictionaries, states, unknown symbols, tables that cannot be."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.ngram import END_ID, MISSING_UNKNOWN
from tests.helpers.hand_made_models import model_of, ngrams_of

BY_HAND = {
    ("<unk>",): (-5.0, 0.0),
    ("<s>",): (0.0, -0.3),
    ("</s>",): (-2.0, 0.0),
    ("a",): (-1.0, -0.4),
    ("b",): (-1.5, 0.0),
    ("<s>", "a"): (-0.5, -0.6),
    ("a", "b"): (-0.7, 0.0),
    ("<s>", "a", "b"): (-0.2, 0.0),
}


def test_a_known_ngram_has_its_own_probability() -> None:
    model = model_of(BY_HAND)
    ln_p, state = model.score(model.start(), "a")
    assert ln_p == pytest.approx(-0.5)
    assert model.score(state, "b")[0] == pytest.approx(-0.2)


def test_an_unseen_ngram_pays_the_back_off_of_each_context_left() -> None:
    model = model_of(BY_HAND)
    _, state = model.score(model.start(), "a")
    ln_p, state = model.score(state, "a")  # p("a a") is not there either: back off twice
    assert ln_p == pytest.approx(-0.6 - 0.4 - 1.0)
    assert model.end(state) == pytest.approx(-0.4 - 2.0)


def test_a_state_is_no_longer_than_what_matters() -> None:
    model = model_of(BY_HAND)
    _, after_a = model.score(model.start(), "a")
    _, after_ab = model.score(after_a, "b")
    assert after_ab == 0  # neither "<s> a b" nor "a b" nor "b" says anything of what follows
    assert model.score(after_ab, "a")[1] != after_a  # "a" is not "<s> a"


def test_unknown_symbols_score_as_unk_and_are_counted() -> None:
    model = model_of(BY_HAND)
    ln_p, state = model.score(model.start(), "§")
    assert ln_p == pytest.approx(-0.3 - 5.0)
    assert model.score(state, "a")[0] == pytest.approx(-1.0)
    scored = model.sentence(["a", "§"])
    assert (scored.unknown, scored.length) == (1, 3)
    assert scored.perplexity == pytest.approx(math.exp(-scored.ln_p / 3))
    assert model.unknown_symbols("a§b") == ["§"]
    assert model.has_unknown


def test_without_unk_an_unknown_symbol_is_all_but_impossible() -> None:
    model = model_of({ngram: values for ngram, values in BY_HAND.items() if ngram != ("<unk>",)})
    ln_p, state = model.score(model.start(), "§")
    assert (ln_p, state) == (pytest.approx(-0.3 + MISSING_UNKNOWN), 0)  # the back-off paid counts, as in KenLM
    assert model.score(state, "§") == (pytest.approx(MISSING_UNKNOWN), 0)
    assert model.vocabulary == ("<unk>", "<s>", "</s>", "a", "b")
    assert not model.has_unknown


def test_a_mark_in_the_text_is_an_unknown_symbol() -> None:
    model = model_of(BY_HAND)
    assert model.sentence(["a", "</s>"]) == model.sentence(["a", "§"])


def test_probabilities_sum_to_one_in_every_state() -> None:
    model = estimate(["abab", "abc", "cab", "", "ccb"], order=3)
    assert len(model.fail) > 10
    for state in range(len(model.fail)):
        total = sum(math.exp(model.score(state, symbol)[0]) for symbol in (*model.symbols, "<unk>", "</s>"))
        assert total == pytest.approx(1.0, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    sentences=st.lists(st.text("abcd", max_size=9), min_size=1, max_size=9).filter(any),
    order=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
@example(["", "a", "d", "ad"], 4, 434)
def test_scores_equal_those_looked_up_in_dictionaries(sentences: list[str], order: int, seed: int) -> None:
    model = estimate(sentences, order)
    ngrams = dict(ngrams_of(model))
    generator = random.Random(seed)
    for ngram in list(ngrams):  # pruned: what has no children may go, a longer n-gram that ends in it may stay
        if len(ngram) > 1 and generator.random() < 0.3 and not any(ngram == longer[:-1] for longer in ngrams):
            del ngrams[ngram]
    model = model_of(ngrams)
    order = model.order  # lower if all of the longest went; what was then a context is none
    state, history = model.start(), ("<s>",)
    for symbol in (*generator.choices("abcde", k=30), "</s>"):
        ln_p, state = model.score(state, symbol)
        symbol = symbol if (symbol,) in ngrams else "<unk>"
        expected, context = 0.0, history[len(history) - order + 1 :] if len(history) >= order else history
        while (*context, symbol) not in ngrams:
            expected += ngrams.get(context, (0.0, 0.0))[1]
            context = context[1:]
        assert ln_p == pytest.approx(expected + ngrams[(*context, symbol)][0], abs=1e-5)
        history = (*history, symbol)


def test_whole_texts_score_as_symbol_by_symbol() -> None:
    model = estimate(["abab", "abc", "cab", "", "ccb"], order=4)
    sentences = ["abc", "", "b§a"]
    ids = np.concatenate([np.append(model.ids(sentence), END_ID) for sentence in sentences])
    expected = []
    for sentence in sentences:
        state = model.start()
        for symbol in sentence:
            ln_p, state = model.score(state, symbol)
            expected.append(ln_p)
        expected.append(model.end(state))
    assert model.score_ids(ids).tolist() == expected
    assert len(model.score_ids(ids[:0])) == 0


@pytest.mark.parametrize("id", [-1, 99])
def test_ids_that_the_model_does_not_have_are_refused(id: int) -> None:
    with pytest.raises(LanguageModelError, match="does not have"):
        model_of(BY_HAND).score_ids(np.array([3, id]))


def test_rows_may_come_in_any_order_and_leave_as_they_came() -> None:
    model = model_of(BY_HAND)
    shuffled = list(BY_HAND.items())
    random.Random(0).shuffle(shuffled)
    for ngrams in (ngrams_of(model), ngrams_of(model_of(dict(shuffled)))):
        assert ngrams.keys() == BY_HAND.keys()
        for ngram, values in BY_HAND.items():
            assert ngrams[ngram] == pytest.approx(values)
    assert model.counts == [5, 2, 1]


def test_the_masks_tell_the_children() -> None:
    model = estimate([[chr(300 + number) for number in range(100)], "ab"], order=3)
    assert len(model.vocabulary) == 105
    for context, (low, high) in enumerate(model.mask.tolist()):
        marked = [symbol for symbol in range(128) if (low | high << 64) >> symbol & 1]
        assert marked == model.symbol[model.first[context] : model.first[context + 1]].tolist()


def test_a_large_vocabulary_has_wider_symbols_and_no_masks() -> None:
    words = [f"word{number}" for number in range(300)]
    model = estimate([words, words[::-1]], order=2)
    assert model.symbol.dtype == np.uint32
    assert model.mask.shape == (0, 2)
    assert model.sentence(words).perplexity < model.sentence(words[::3]).perplexity


def test_arrays_cannot_be_changed() -> None:
    model = model_of(BY_HAND)
    for array in (model.first, model.fail, model.log10_backoff, model.symbol, model.log10_p, model.next, model.mask):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_an_order_without_ngrams_leaves_its_back_offs() -> None:
    unigrams = {ngram: values for ngram, values in BY_HAND.items() if len(ngram) == 1}
    nothing = (np.zeros((0, 2), dtype=np.int32), np.zeros(0), np.zeros(0))
    bare = model_of(unigrams)
    model = NGramModel.from_tables(bare.vocabulary, [tables_of(unigrams), nothing])
    assert model.counts == [5, 0]
    assert model.score(model.start(), "a")[0] == pytest.approx(-0.3 - 1.0)
    assert bare.score(bare.start(), "a")[0] == pytest.approx(-1.0)  # of the highest order they have no meaning


def tables_of(unigrams: dict[tuple[str, ...], tuple[float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    ln_p, ln_backoff = np.array(list(unigrams.values())).T
    return np.arange(len(unigrams), dtype=np.int32)[:, None], ln_p, ln_backoff


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ({("b", "a", "a"): (-1.0, 0.0)}, "the context of 'b a a' is not among the n-grams"),
        ({("<unk>", "a", "<s>"): (-1.0, 0.0)}, "the context of '<unk> a <s>' is not"),
    ],
)
def test_an_ngram_without_its_context_is_refused(extra: dict, complaint: str) -> None:
    with pytest.raises(LanguageModelError, match=complaint):
        model_of(BY_HAND | extra)


@pytest.mark.parametrize("needed", ["<s>", "</s>"])
def test_a_model_without_sentence_marks_is_refused(needed: str) -> None:
    with pytest.raises(LanguageModelError, match=f"no {needed}"):
        model_of({ngram: values for ngram, values in BY_HAND.items() if needed not in ngram})


def test_tables_that_contradict_themselves_are_refused() -> None:
    unigrams = {ngram: values for ngram, values in BY_HAND.items() if len(ngram) == 1}
    vocabulary = [ngram[0] for ngram in unigrams]
    ids, ln_p, ln_backoff = tables_of(unigrams)
    with pytest.raises(LanguageModelError, match="'a' comes a second time"):
        NGramModel.from_tables(vocabulary, [(ids[[0, 1, 2, 3, 3]], ln_p, ln_backoff)])
    with pytest.raises(LanguageModelError, match="no b among its 1-grams"):
        NGramModel.from_tables(vocabulary, [(ids[:4], ln_p[:4], ln_backoff[:4])])
    with pytest.raises(LanguageModelError, match="a symbol twice"):
        NGramModel.from_tables([*vocabulary[:4], "a"], [(ids, ln_p, ln_backoff)])
