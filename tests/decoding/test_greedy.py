"""Greedy decoding: collapse, times, confidences."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.decoding import align, greedy


def test_repeats_collapse_and_a_blank_between_keeps_both() -> None:
    path = [0, 1, 1, 0, 1, 2, 2, 0]
    emissions = np.log(np.full((8, 3), 0.1) + 0.7 * np.eye(3)[path])
    emissions[2, 1] = np.log(0.6)
    emissions[2, 0] = np.log(0.3)
    answer = greedy(emissions)
    assert answer.ids == (1, 1, 2)
    assert answer.frames == (1, 4, 5)
    assert answer.confidences == pytest.approx((0.8, 0.8, 0.8))
    assert answer.score == answer.acoustic == pytest.approx(7 * np.log(0.8) + np.log(0.6))


def test_times_and_confidences_are_those_of_the_best_alignment() -> None:
    scores = np.random.default_rng(0).normal(size=(50, 5)) * 2
    emissions = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    answer = greedy(emissions)
    frames, confidences = align(emissions, answer.ids)
    assert answer.frames == frames
    assert answer.confidences == pytest.approx(confidences)


def test_no_frames_say_nothing() -> None:
    answer = greedy(np.zeros((0, 5), dtype=np.float32))
    assert (answer.ids, answer.frames, answer.confidences, answer.score) == ((), (), (), 0.0)
