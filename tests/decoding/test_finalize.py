"""Finalizing keys of a stream: agreement, age, and that no final key is ever taken back."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.decoding.finalize import finalize
from emgasr.tokens import Tokens

KEYS = Tokens.keystrokes("abcde")


def emissions(frames: int, seed: int = 0, sharpness: float = 4.0) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(0, sharpness, (frames, len(KEYS)))
    return logits - np.logaddexp.reduce(logits, 1, keepdims=True)


def row(**shares: float) -> np.ndarray:
    values = np.full(len(KEYS), 1e-9)
    for key, share in shares.items():
        values[0 if key == "blank" else KEYS.ids(key)[0]] = share
    return np.log(values / values.sum())[None]


def test_what_nine_tenths_agree_on_is_final_and_others_are_given_up() -> None:
    search = BeamSearch(KEYS, None, SearchConfig(beam=20, finalize_within=10_000))
    steps = np.concatenate([row(a=0.92, b=0.08), row(blank=1.0), row(c=0.6, d=0.4), row(blank=1.0)])
    state = search.step(steps, search.start())
    assert finalize(state, 0.95).ids == []
    assert finalize(state, 0.9).ids == KEYS.ids("a")
    assert all(found.ids[:1] == (1,) for found in _all(search, state))
    assert {found.ids for found in _all(search, state)} >= {(1, 3), (1, 4)}


def _all(search: BeamSearch, state) -> list:
    return BeamSearch(search.tokens, None, SearchConfig(beam=20, n_best=20)).flush(state)


def test_what_is_old_is_final_and_what_is_new_is_not() -> None:
    search = BeamSearch(KEYS, None, SearchConfig(beam=20, finalize_within=10_000))
    doubtful = np.concatenate([row(a=0.6, b=0.4), row(blank=1.0)])
    state = search.step(np.concatenate([doubtful] * 5), search.start())  # keys begin in frames 0, 2, 4, 6, 8 of 10
    assert finalize(state, 0.999, 7).frames == [0, 2]
    assert finalize(state, 0.999, 2).frames == [0, 2, 4, 6]
    assert finalize(state, 0.999, 0).frames == [0, 2, 4, 6, 8]
    assert finalize(state, 0.999, 0).frames == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("agreement", [0.6, 0.9, 0.99])
def test_nothing_final_is_taken_back_and_little_is_open(agreement: float) -> None:
    search = BeamSearch(KEYS, None, SearchConfig(beam=20, length_bonus=1.0))
    state = search.start()
    before: tuple[int, ...] = ()
    for number in range(120):
        state = finalize(search.step(emissions(4, number, 1.5), state), agreement, 12)
        best = search.flush(state)[0]
        assert best.ids[: len(before)] == before
        assert best.ids[: len(state.ids)] == tuple(state.ids)
        assert all(frame >= state.frames_seen - 12 for frame in best.frames[len(state.ids) :])
        before = tuple(state.ids)
    assert len(before) > 100


def test_sure_emissions_are_final_at_once_and_read_as_offline() -> None:
    labels = np.random.default_rng(0).integers(0, len(KEYS), 400)
    frames = np.log(np.full((400, len(KEYS)), 1e-4) + (1 - 1e-4 * len(KEYS)) * np.eye(len(KEYS))[labels])
    search = BeamSearch(KEYS, None, SearchConfig(beam=20))
    state = search.start()
    for first in range(0, 400, 4):
        state = finalize(search.step(frames[first : first + 4], state), 0.95, 30)
        assert len(search.flush(state)[0].ids) - len(state.ids) <= 2
    assert search.flush(state)[0].ids == search.whole(frames)[0].ids
