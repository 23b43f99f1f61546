"""What searches accept: configurations and emissions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emgasr.decoding import SearchConfig, beam_search, greedy
from emgasr.errors import ConfigError, DataError
from emgasr.tokens import Tokens

TOKENS = Tokens.characters("ab")


def uniform(frames: int) -> np.ndarray:
    return np.full((frames, 3), -np.log(3))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ([np.nan, 0.0, 0.0], "frame 4 holds NaN or infinity"),
        ([np.inf, 0.0, 0.0], "frame 4 holds NaN or infinity"),
        ([0.0, 0.0, 0.0], "frame 4 sum to 3"),
        ([1000.0, 0.0, 0.0], "frame 4 sum to inf"),
        ([-np.inf, -np.inf, -np.inf], "frame 4 sum to 0"),
        ([1 / 3, 1 / 3, 1 / 3], "frame 4 sum to"),
    ],
)
def test_bad_rows_are_refused_with_their_frame(row: list[float], complaint: str) -> None:
    emissions = uniform(6)
    emissions[4] = row
    for search in (greedy, lambda emissions: beam_search(emissions, TOKENS)):
        with pytest.raises(DataError, match=complaint):
            search(emissions)


def test_emissions_of_other_tokens_are_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(5, 3\) is not \(frames, 99\)"):
        beam_search(uniform(5), Tokens.keystrokes())


def test_float32_and_impossible_labels_are_fine() -> None:
    emissions = np.array([[-np.inf, 0.0, -np.inf], [0.0, -np.inf, -np.inf]], dtype=np.float32)
    assert beam_search(emissions, TOKENS)[0].ids == greedy(emissions).ids == (1,)


@pytest.mark.parametrize(
    "wrong",
    [{"beam": 0}, {"top_k": 0}, {"n_best": -1}, {"lm_weight": np.nan}, {"acoustic_scale": 0}, {"length_bonus": np.inf}],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SearchConfig(**wrong)
