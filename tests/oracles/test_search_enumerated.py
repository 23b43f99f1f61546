"""The beam search against the enumeration of every alignment, on cases small enough for it."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import Hypothesis, SearchConfig, beam_search, classify
from emgasr.decoding.hotwords import Hotwords
from emgasr.lm import NGramModel, estimate
from emgasr.lm.words import WordModel
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, Tokens
from tests.oracles import reference_search as reference

Search = Callable[..., list[Hypothesis]]
SEARCHES = [
    pytest.param(beam_search, id="compiled"),
    pytest.param(reference.beam_search, id="readable"),
]
LM = estimate(["ab" + ENTER, "abba", "a" + ENTER + "b", "", "bba"], order=3)
SYMBOLS = ("a", "b", BACKSPACE, ENTER, SHIFT)
WORDS = estimate([["ab", "a"], ["b", "ab", "ab"], ["bb"]], order=3)
CHARACTERS = estimate(["ab", "a", "b", "bba"], order=3)
LEXICON = ("ab", "a", "bb")
UNKNOWN_PENALTY = 0.3


def random_emissions(frames: int, labels: int, seed: int, sharpness: float = 1.0) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(frames, labels)) * sharpness
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label != 0)


def typed(symbols: list[str]) -> list[str]:
    """What is left on the page, as a person would see it."""
    page: list[str] = []
    for symbol in symbols:
        if symbol == BACKSPACE:
            page = page[:-1]
        elif symbol != SHIFT:
            page = [*page, symbol]
    return page


def ln_p_text(lm: NGramModel | WordModel, page: list[str], end: bool) -> float:
    if isinstance(lm, WordModel):
        return worth_of_words("".join(page), end)
    state, ln_p = lm.start(), 0.0
    for symbol in page:
        step, state = lm.score(state, symbol)
        ln_p += step
    return ln_p + (lm.end(state) if end else 0.0)


def worth_of_words(text: str, end: bool) -> float:
    """ln p of a text's words one by one; that of the last, if it may go on, by the best that it may become."""
    *finished, last = re.split(f"[ {ENTER}]", text)
    if end and last:
        finished, last = [*finished, last], ""
    state, ln_p = WORDS.start(), 0.0
    for word in finished:
        if word not in LEXICON:
            ln_p += CHARACTERS.sentence(word).ln_p - UNKNOWN_PENALTY
        step, state = WORDS.score(state, word if word in LEXICON else "<unk>")
        ln_p += step
    if last:
        spelled = ln_p_text(CHARACTERS, list(last), end=False) - UNKNOWN_PENALTY
        ahead = [WORDS.score(0, word)[0] for word in LEXICON if word.startswith(last)]
        ln_p += max([WORDS.score(state, "<unk>")[0] + spelled, *ahead])
    return ln_p + (WORDS.end(state) if end else 0.0)


def boosts_in(text: str, phrases: dict[str, float]) -> float:
    padded = " " + re.sub(f"[ {ENTER}]", " ", text) + " "
    return sum(
        boost
        for phrase, boost in phrases.items()
        for place in range(len(padded))
        if padded.startswith(f" {phrase} ", place)
    )


def enumerate_all(
    emissions: np.ndarray,
    tokens: Tokens,
    lm: NGramModel | WordModel | None,
    config: SearchConfig,
    phrases: dict[str, float] | None = None,
) -> dict[tuple[int, ...], tuple[float, float, float]]:
    """Return score, acoustic and language-model part of every token sequence that some alignment collapses to."""
    frames, labels = emissions.shape
    sums: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(labels), repeat=frames):
        ln_p = sum(emissions[frame, label] for frame, label in enumerate(path))
        sums[collapse(path)] += math.exp(config.acoustic_scale * ln_p)
    found = {}
    for ids, p in sums.items():
        if p > 0:
            symbols = tokens.symbols_of(ids)
            ln_p_lm = ln_p_text(lm, typed(symbols), config.end_of_sentence) if lm else 0.0
            score = math.log(p) + config.lm_weight * ln_p_lm + config.length_bonus * len(ids)
            score -= config.backspace_penalty * symbols.count(BACKSPACE)
            score += boosts_in("".join(typed(symbols)), phrases or {})
            found[ids] = (score, math.log(p), ln_p_lm)
    return found


def best_alignment(emissions: np.ndarray, ids: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    frames, labels = emissions.shape
    paths = (path for path in itertools.product(range(labels), repeat=frames) if collapse(path) == ids)
    best = max(paths, key=lambda path: sum(emissions[frame, label] for frame, label in enumerate(path)))
    onsets, confidences, frame = [], [], 0
    for label, run in itertools.groupby(best):
        length = len(list(run))
        if label:
            onsets.append(frame)
            confidences.append(float(np.exp(emissions[frame : frame + length, label].max())))
        frame += length
    return tuple(onsets), tuple(confidences)


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES)
@settings(max_examples=120, deadline=None)
@given(
    frames=st.integers(1, 5),
    keep=st.sets(st.sampled_from(SYMBOLS), min_size=1, max_size=4),
    seed=st.integers(0, 10_000),
    sharpness=st.sampled_from([0.3, 1.0, 3.0]),
    with_lm=st.booleans(),
    lm_weight=st.sampled_from([0.0, 0.7, 2.0]),
    length_bonus=st.sampled_from([0.0, 1.3, -0.5]),
    acoustic_scale=st.sampled_from([1.0, 0.6]),
    backspace_penalty=st.sampled_from([0.0, 2.5]),
    end_of_sentence=st.booleans(),
)
def test_an_unpruned_search_finds_every_sequence_with_its_exact_score(
    search: Search,
    frames: int,
    keep: set[str],
    seed: int,
    sharpness: float,
    with_lm: bool,
    lm_weight: float,
    length_bonus: float,
    acoustic_scale: float,
    backspace_penalty: float,
    end_of_sentence: bool,
) -> None:
    tokens = Tokens.keystrokes(keep) if keep <= set(SYMBOLS[2:]) else Tokens.characters(sorted(keep))
    lm = LM if with_lm and keep & {"a", "b", ENTER} else None
    emissions = random_emissions(frames, len(tokens), seed, sharpness)
    config = SearchConfig(
        beam=10**6,
        top_k=None,
        lm_weight=lm_weight,
        length_bonus=length_bonus,
        acoustic_scale=acoustic_scale,
        backspace_penalty=backspace_penalty,
        end_of_sentence=end_of_sentence,
        n_best=10**6,
    )
    expected = enumerate_all(emissions, tokens, lm, config)
    answered = search(emissions, tokens, lm, config)

    assert {hypothesis.ids for hypothesis in answered} == set(expected)
    for hypothesis in answered:
        parts = (hypothesis.score, hypothesis.acoustic, hypothesis.lm)
        assert parts == pytest.approx(expected[hypothesis.ids], abs=1e-9)
    scores = [hypothesis.score for hypothesis in answered]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES)
@settings(max_examples=120, deadline=None)
@given(
    frames=st.integers(1, 5),
    more=st.sets(st.sampled_from((BACKSPACE, ENTER, SHIFT, " ")), max_size=2),
    seed=st.integers(0, 10_000),
    with_words=st.booleans(),
    lm_weight=st.sampled_from([0.7, 2.0]),
    phrases=st.dictionaries(st.sampled_from(["a", "ab", "a b", "b a", "ba"]), st.sampled_from([2.0, 0.7, -1.0])),
    end_of_sentence=st.booleans(),
)
def test_words_and_hotwords_count_as_they_stand_in_the_text(
    search: Search,
    frames: int,
    more: set[str],
    seed: int,
    with_words: bool,
    lm_weight: float,
    phrases: dict[str, float],
    end_of_sentence: bool,
) -> None:
    tokens = Tokens.keystrokes({"a", "b", *more})
    if not more & {" ", ENTER}:
        phrases = {phrase: boost for phrase, boost in phrases.items() if " " not in phrase}
    words = WordModel(WORDS, LEXICON, CHARACTERS, tokens, UNKNOWN_PENALTY) if with_words else None
    emissions = random_emissions(frames, len(tokens), seed)
    config = SearchConfig(10**6, None, lm_weight, 0.4, end_of_sentence=end_of_sentence, n_best=10**6)
    expected = enumerate_all(emissions, tokens, words, config, phrases)
    answered = search(emissions, tokens, words, config, Hotwords(phrases, tokens))

    assert {hypothesis.ids for hypothesis in answered} == set(expected)
    for hypothesis in answered:
        parts = (hypothesis.score, hypothesis.acoustic, hypothesis.lm)
        assert parts == pytest.approx(expected[hypothesis.ids], abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_key_times_and_confidences_are_those_of_the_best_alignment(seed: int) -> None:
    tokens = Tokens.characters("ab")
    emissions = random_emissions(6, 3, seed)
    for hypothesis in beam_search(emissions, tokens, LM, SearchConfig(beam=1000, top_k=None, n_best=1000)):
        frames, confidences = best_alignment(emissions, hypothesis.ids)
        assert hypothesis.frames == frames
        assert hypothesis.confidences == pytest.approx(confidences)


def test_labels_of_probability_zero_are_never_written() -> None:
    tokens = Tokens.characters("ab")
    emissions = random_emissions(4, 2, seed=0)
    emissions = np.insert(emissions, 2, -np.inf, axis=1)  # no "b"
    config = SearchConfig(beam=1000, top_k=None, n_best=1000)
    answered = {hypothesis.ids for hypothesis in beam_search(emissions, tokens, None, config)}
    assert answered == set(enumerate_all(emissions, tokens, None, config))
    assert all(set(ids) <= {1} for ids in answered)


@given(st.integers(1, 5), st.integers(2, 5), st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_the_single_label_is_the_most_probable_sequence_of_one(frames: int, labels: int, seed: int) -> None:
    emissions = random_emissions(frames, labels, seed)
    found = enumerate_all(emissions, Tokens.characters("abcde"[: labels - 1]), None, SearchConfig())
    singles = {ids[0]: score for ids, (score, _, _) in found.items() if len(ids) == 1}
    assert classify(emissions) == max(singles, key=singles.__getitem__)
