"""Forced alignment; that it is the best of all alignments is shown in tests/oracles."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.decoding import align
from emgasr.errors import DataError

EMISSIONS = np.full((3, 3), -np.log(3))


def test_tokens_that_fill_every_frame_begin_one_after_another() -> None:
    frames, confidences = align(EMISSIONS, [1, 2, 1])
    assert frames == (0, 1, 2)
    assert confidences == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_a_repeated_token_needs_a_blank_between() -> None:
    assert align(EMISSIONS, [1, 1])[0] == (0, 2)
    with pytest.raises(DataError, match="3 tokens do not fit into 3 frames"):
        align(EMISSIONS, [1, 1, 2])


def test_nothing_aligns_with_anything() -> None:
    assert align(EMISSIONS, []) == ((), ())
    with pytest.raises(DataError, match="1 tokens do not fit into 0 frames"):
        align(EMISSIONS[:0], [1])
