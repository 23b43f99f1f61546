"""Frames of several models become one: means, coarser grids, and the row of a model that is alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from emgasr.fusion.combine import fused, pooled, tempered


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.log(np.exp(values).sum(-1, keepdims=True))


@pytest.fixture
def rows() -> np.ndarray:
    return log_softmax(np.random.default_rng(0).normal(0, 2, (7, 3, 5))).astype(np.float32)


def test_the_arithmetic_mean_is_that_of_probabilities(rows: np.ndarray) -> None:
    found = fused(rows, np.ones((7, 3), bool), "arithmetic", [1, 1, 1], [1, 1, 2])
    np.testing.assert_allclose(np.exp(found), np.average(np.exp(rows), 1, [1, 1, 2]), rtol=1e-5)


def test_the_geometric_mean_is_that_of_their_logs_normalized(rows: np.ndarray) -> None:
    found = fused(rows, np.ones((7, 3), bool), "geometric", [1, 1, 1], [1, 1, 2])
    product = np.prod(np.exp(rows) ** (np.array([1, 1, 2]) / 4)[:, None], 1)
    np.testing.assert_allclose(np.exp(found), product / product.sum(1, keepdims=True), rtol=1e-5)


def test_a_temperature_divides_what_is_averaged(rows: np.ndarray) -> None:
    found = fused(rows, np.ones((7, 3), bool), "geometric", [2.0, 0.5, 1.0], [1, 1, 1])
    divided = np.stack([log_softmax(rows[:, i].astype(float) / t) for i, t in enumerate((2.0, 0.5, 1.0))], 1)
    np.testing.assert_allclose(found, log_softmax(divided.mean(1)), atol=1e-5)


@pytest.mark.parametrize("kind", ["geometric", "arithmetic"])
def test_a_frame_that_one_model_answers_is_its_own_row_to_the_bit(rows: np.ndarray, kind: str) -> None:
    inside = np.ones((7, 3), bool)
    inside[2:5] = [False, True, False]
    found = fused(rows, inside, kind, [1.5, 0.7, 3.0], [0.2, 0.5, 0.3])
    np.testing.assert_array_equal(found[2:5], rows[2:5, 1])
    whole = fused(rows, np.ones((7, 3), bool), kind, [1.5, 0.7, 3.0], [0.2, 0.5, 0.3])
    np.testing.assert_array_equal(found[:2], whole[:2])


@pytest.mark.parametrize("kind", ["geometric", "arithmetic"])
def test_two_of_three_answer_as_a_fusion_of_the_two_does_to_the_bit(rows: np.ndarray, kind: str) -> None:
    inside = np.tile([True, False, True], (7, 1))
    of_three = fused(rows, inside, kind, [1.5, 0.7, 3.0], [0.2, 0.5, 0.3])
    of_two = fused(rows[:, [0, 2]], np.ones((7, 2), bool), kind, [1.5, 3.0], [0.2, 0.3])
    np.testing.assert_array_equal(of_three, of_two)


def test_a_frame_that_nobody_answers_is_blank(rows: np.ndarray) -> None:
    found = fused(rows, np.zeros((7, 3), bool), "geometric", [1, 1, 1], [1, 1, 1])
    assert (found.argmax(1) == 0).all()
    assert (found[:, 0] == 0).all()


def test_a_symbol_that_a_model_rules_out_stays_out_of_a_geometric_mean() -> None:
    rows = np.array([[[0.0, -np.inf], [np.log(0.5), np.log(0.5)]]], np.float32)
    assert fused(rows, np.ones((1, 2), bool), "geometric", [1, 1], [1, 1])[0].tolist() == [0.0, -np.inf]
    rows[0, 1] = [-np.inf, 0.0]  # nothing is left that both hold possible: what either does counts
    found = np.exp(fused(rows, np.ones((1, 2), bool), "geometric", [1, 1], [1, 1])[0])
    np.testing.assert_allclose(found, [0.5, 0.5], rtol=1e-6)


def test_rows_that_are_as_they_were_at_temperature_one(rows: np.ndarray) -> None:
    assert tempered(rows, 1) is rows


def test_a_coarse_frame_sums_the_paths_of_its_fine_ones() -> None:
    """The oracle goes through every path of three frames, and collapses it as CTC does."""
    rows = log_softmax(np.random.default_rng(1).normal(0, 1, (6, 4)))
    expected = np.zeros((2, 4))
    for block in range(2):
        for path in itertools.product(range(4), repeat=3):
            read = [key for key, _ in itertools.groupby(path) if key]
            if len(read) <= 1:
                place = read[0] if read else 0
                expected[block, place] += np.exp(sum(rows[3 * block + i, key] for i, key in enumerate(path)))
    np.testing.assert_allclose(np.exp(pooled(rows, 3)), expected / expected.sum(1, keepdims=True), rtol=1e-9)


def test_rows_on_their_own_grid_stay_to_the_bit(rows: np.ndarray) -> None:
    assert pooled(rows[:, 0], 1) is not None
    np.testing.assert_array_equal(pooled(rows[:, 0], 1), rows[:, 0])
