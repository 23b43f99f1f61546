"""The readable beam search: chunking, pruning, language model and backspaces; exactness is shown in tests/oracles."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import SearchConfig, greedy
from emgasr.errors import DataError, LanguageModelError
from emgasr.lm import estimate
from emgasr.tokens import BACKSPACE, Tokens
from tests.oracles.reference_search import BeamSearch, beam_search

TOKENS = Tokens.characters(["a", "b", "c", " ", BACKSPACE])
LM = estimate(["abc abc", "cab", "bca abc"], order=4)


def random_emissions(frames: int, seed: int, labels: int = len(TOKENS)) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(frames, labels)) * 2
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def said(text: list[str], doubt: float = 0.1) -> np.ndarray:
    """Emissions that say each symbol for one frame and a blank for the next, `doubt` shared by the other labels."""
    labels = [label for token in TOKENS.ids(text) for label in (token, 0)]
    others = doubt / (len(TOKENS) - 1)
    return np.log(np.full((len(labels), len(TOKENS)), others) + (1 - doubt - others) * np.eye(len(TOKENS))[labels])


@settings(max_examples=40, deadline=None)
@given(cuts=st.sets(st.integers(1, 39), max_size=39), seed=st.integers(0, 3), beam=st.integers(1, 6))
def test_any_chunking_gives_the_same_hypotheses(cuts: set[int], seed: int, beam: int) -> None:
    emissions = random_emissions(40, seed)
    config = SearchConfig(beam=beam, top_k=3, lm_weight=0.8, length_bonus=0.5, end_of_sentence=True, n_best=beam)
    search = BeamSearch(TOKENS, LM, config)
    state = search.start()
    for chunk in np.split(emissions, sorted(cuts)):
        state = search.step(chunk, state)
    assert search.flush(state) == beam_search(emissions, TOKENS, LM, config)


def test_a_state_can_be_stored_and_taken_up_by_another_search() -> None:
    emissions = random_emissions(30, seed=0)
    config = SearchConfig(beam=5, n_best=5)
    search = BeamSearch(TOKENS, LM, config)
    stored = pickle.dumps(search.step(emissions[:17], search.start()))
    another = BeamSearch(TOKENS, LM, config)
    answer = another.flush(another.step(emissions[17:], pickle.loads(stored)))
    assert answer == search.whole(emissions)


def test_partial_hypotheses_can_be_read_between_chunks() -> None:
    search = BeamSearch(TOKENS)
    emissions = said(list("abc"))
    state = search.step(emissions[:4], search.start())
    assert TOKENS.render(search.flush(state)[0].ids) == "ab"
    assert TOKENS.render(search.flush(search.step(emissions[4:], state))[0].ids) == "abc"


def test_a_bad_frame_is_numbered_from_the_stream_start() -> None:
    search = BeamSearch(TOKENS)
    state = search.step(random_emissions(10, seed=0), search.start())
    with pytest.raises(DataError, match="frame 12 "):
        search.step(np.concatenate([random_emissions(2, seed=1), np.full((1, len(TOKENS)), np.nan)]), state)


def test_no_frames_give_the_empty_hypothesis() -> None:
    (answer,) = beam_search(np.zeros((0, len(TOKENS))), TOKENS, LM, SearchConfig(n_best=9))
    assert (answer.ids, answer.frames, answer.score, answer.acoustic, answer.lm) == ((), (), 0.0, 0.0, 0.0)
    (answer,) = beam_search(np.zeros((0, len(TOKENS))), TOKENS, LM, SearchConfig(lm_weight=2, end_of_sentence=True))
    assert answer.score == 2 * answer.lm == 2 * LM.end(LM.start())


def test_top_k_of_all_labels_prunes_nothing() -> None:
    emissions = random_emissions(20, seed=0)
    everything = SearchConfig(top_k=None, n_best=10)
    assert beam_search(emissions, TOKENS, LM, everything) == beam_search(
        emissions, TOKENS, LM, SearchConfig(top_k=len(TOKENS) - 1, n_best=10)
    )


@pytest.mark.slow
def test_pruning_can_only_lose_probability() -> None:
    emissions = random_emissions(6, seed=2)
    exact = {h.ids: h.acoustic for h in beam_search(emissions, TOKENS, None, SearchConfig(10**6, None, n_best=10**6))}
    for pruned in beam_search(emissions, TOKENS, None, SearchConfig(beam=6, top_k=2, n_best=6)):
        assert pruned.acoustic <= exact[pruned.ids] + 1e-9


def test_clear_emissions_are_read_as_greedy_reads_them() -> None:
    emissions = said(list("ab cab"), doubt=0.01)
    answer = beam_search(emissions, TOKENS)[0]
    assert answer.ids == greedy(emissions).ids
    assert answer.frames == greedy(emissions).frames == (0, 2, 4, 6, 8, 10)


def test_the_language_model_decides_where_emissions_cannot() -> None:
    emissions = said(list("ab?".replace("?", "c")))
    emissions[4] = np.log(0.05)  # the third key: a, c or nothing in particular
    emissions[4, TOKENS.ids("ac")] = np.log([0.41, 0.39])
    assert TOKENS.render(beam_search(emissions, TOKENS)[0].ids) == "aba"
    assert TOKENS.render(beam_search(emissions, TOKENS, LM)[0].ids) == "abc"


def test_backspace_refunds_what_it_deletes_and_returns_the_model_to_before() -> None:
    config = SearchConfig(lm_weight=0.3, length_bonus=1.5)
    plain = beam_search(said(list("abc"), 0.01), TOKENS, LM, config)[0]
    mended = beam_search(said(["a", "c", BACKSPACE, "b", "c"], 0.01), TOKENS, LM, config)[0]
    assert TOKENS.render(mended.ids) == TOKENS.render(plain.ids) == "abc"
    assert mended.lm == pytest.approx(plain.lm)
    costly = beam_search(said(["a", "c", BACKSPACE, "b", "c"], 0.01), TOKENS, LM, SearchConfig(lm_weight=0.3))[0]
    assert mended.score - costly.score == pytest.approx(5 * 1.5)


def test_backspace_on_an_empty_page_deletes_nothing() -> None:
    answer = beam_search(said([BACKSPACE, "a"], 0.01), TOKENS, LM, SearchConfig(lm_weight=0.1))[0]
    assert TOKENS.symbols_of(answer.ids) == [BACKSPACE, "a"]
    assert answer.lm == pytest.approx(LM.score(LM.start(), "a")[0])


def test_a_language_model_of_other_symbols_is_refused() -> None:
    with pytest.raises(LanguageModelError, match="knows none of the model's 4 symbols"):
        beam_search(random_emissions(2, 0), TOKENS, estimate([["word", "words"]], 2))
