"""A single label: what the best path says and what all frames together say; the sum is shown in tests/oracles."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.decoding import classify, greedy
from emgasr.errors import DataError


def test_every_frame_has_its_say() -> None:
    probabilities = np.array([[0.40, 0.25, 0.35], [0.34, 0.33, 0.33], [0.40, 0.25, 0.35], [0.1, 0.5, 0.4]])
    emissions = np.log(probabilities)
    assert greedy(emissions).ids == (1,)
    assert classify(emissions) == 2


def test_a_path_of_blanks_or_of_two_tokens_still_has_one_label() -> None:
    assert classify(np.log([[0.75, 0.05, 0.2], [0.7, 0.2, 0.1]])) == 2
    two = np.log([[0.05, 0.05, 0.9], [0.1, 0.8, 0.1], [0.05, 0.05, 0.9]])
    assert greedy(two).ids == (2, 1, 2)
    assert classify(two) == 2


def test_zero_probabilities_are_no_trouble() -> None:
    with np.errstate(divide="ignore"):
        assert classify(np.log([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])) == 1


def test_rows_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(DataError, match="sum to"):
        classify(np.zeros((2, 3)))
