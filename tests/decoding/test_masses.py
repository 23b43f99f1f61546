"""Masses as plain numbers and as logarithms: one search, whichever it uses, and it changes between them by itself."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import BeamSearch, SearchConfig, beam_search
from emgasr.decoding.finalize import finalize
from emgasr.lm import estimate
from emgasr.tokens import BACKSPACE, ENTER, SHIFT, Tokens
from tests.oracles import reference_search as reference

KEYS = Tokens.keystrokes(["a", "b", "c", " ", BACKSPACE, ENTER, SHIFT])
LM = estimate(["abc abc" + ENTER, "cab", "bca abc", "a" + ENTER + "b"], order=4)
FAR = SearchConfig(beam=40, length_bonus=50.0, backspace_penalty=-30.0, lm_weight=20.0, acoustic_scale=30.0, n_best=10)


def emissions_of(frames: int, seed: int, sharpness: float = 3.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, sharpness, (frames, len(KEYS)))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def abrupt(frames: int, seed: int) -> np.ndarray:
    """Usual emissions with a stretch in the middle in which all that was likely becomes all but impossible."""
    emissions = emissions_of(frames, seed)
    for row in range(frames // 3, frames // 3 + 6):
        emissions[row] = -900.0
        emissions[row, 1 + row % 5] = 0.0
    return emissions


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_stretch_that_plain_masses_cannot_hold_is_searched_as_the_readable_search_does(seed: int) -> None:
    config = SearchConfig(beam=1000, n_best=30, top_k=None)
    found = beam_search(abrupt(15, seed), KEYS, LM, config)
    expected = reference.beam_search(abrupt(15, seed), KEYS, LM, config)
    assert [h.ids for h in found] == [h.ids for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-9)


def test_logarithms_are_left_as_soon_as_plain_masses_do_again() -> None:
    search = BeamSearch(KEYS, LM, SearchConfig(beam=200, top_k=None))
    state, used = search.start(), []
    for row in np.concatenate([abrupt(30, 0)[10:16], emissions_of(100, 1)]):  # before the beam is full nothing may go
        state = search.step(row[None], state)
        used.append(int(state.logs))
    assert used[0] == 1
    assert used[-1] == 0


def test_usual_searches_never_leave_plain_masses() -> None:
    for seed, config in enumerate((SearchConfig(), SearchConfig(lm_weight=2.0, length_bonus=2.0, threshold=8.0))):
        search = BeamSearch(KEYS, LM, config)
        state = search.start()
        for row in emissions_of(300, seed, 6.0):
            state = search.step(row[None], state)
            assert not state.logs


@settings(max_examples=40, deadline=None)
@given(cuts=st.sets(st.integers(1, 119), max_size=40), seed=st.integers(0, 5), far=st.booleans())
def test_any_chunking_changes_between_them_at_the_same_frames(cuts: set[int], seed: int, far: bool) -> None:
    search = BeamSearch(KEYS, LM, FAR if far else SearchConfig(beam=60, n_best=10, finalize_within=50))
    emissions, state = abrupt(120, seed), search.start()
    for chunk in np.split(emissions, sorted(cuts)):
        state = pickle.loads(pickle.dumps(search.step(chunk, state)))
    assert search.flush(state) == search.flush(search.step(emissions, search.start()))


@pytest.mark.slow
@pytest.mark.parametrize("agreement", [0.5, 0.9, 0.999])
def test_what_is_final_by_logarithms_is_what_is_final_by_plain_masses(agreement: float) -> None:
    search = BeamSearch(KEYS, LM, SearchConfig(beam=30, n_best=30))
    plain = search.step(emissions_of(60, 3, 5.0), search.start())
    logs = plain.copy()
    search._further(logs.tree)
    assert (plain.logs, logs.logs) == (False, True)
    before = len(plain.ids)
    plain, logs = finalize(plain, agreement), finalize(logs, agreement)
    assert plain.ids == logs.ids
    assert plain.frames == logs.frames
    assert len(plain.ids) > before or agreement > 0.9
    found, expected = search.flush(logs), search.flush(plain)
    assert [h.ids for h in found] == [h.ids for h in expected]
    assert [h.score for h in found] == pytest.approx([h.score for h in expected], abs=1e-9)


def test_equals_come_in_the_order_of_their_ids_in_both_searches() -> None:
    emissions = np.log(np.full((1, len(KEYS)), 1 / len(KEYS)))
    config = SearchConfig(top_k=None, n_best=20)
    for search in (beam_search, reference.beam_search):
        ids = [h.ids for h in search(emissions, KEYS, None, config)]
        assert ids == [(), *((token,) for token in range(1, len(KEYS)))]
