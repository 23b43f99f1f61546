"""The picture of what weights do: for any errors over the grid a PNG."""

from __future__ import annotations

import warnings

import pytest

pytest.importorskip("matplotlib")

from emgasr.decoding import SearchConfig
from emgasr.evaluation.search_tuning import Trial
from emgasr.evaluation.tuning_map import draw_surface
from emgasr.score import Counts


@pytest.mark.parametrize("errors", [lambda i, j: i * j, lambda i, j: 0, lambda i, j: 300 if i else 5])
def test_any_surface_is_drawn(errors) -> None:
    trials = [
        Trial(SearchConfig(lm_weight=i / 4, length_bonus=j / 2), Counts(hits=100, insertions=errors(i, j)))
        for i in range(9)
        for j in range(9)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_surface(trials, trials[3]).startswith(b"\x89PNG")
