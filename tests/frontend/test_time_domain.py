"""Hudgins' four features of a window, against values worked out by hand."""

from __future__ import annotations

import pytest
import torch

from emgasr.frontend.features import TimeDomainConfig, build_features

WINDOW = [0.0, 2.0, -2.0, -1.0, 1.0, 3.0, 2.0, -5.0]  # of mean 0; steps 2, -4, 1, 2, 2, -1, -7


def features(samples: list[float], **options: object) -> list[float]:
    config = TimeDomainConfig(window_ms=8, hop_ms=8, **options)  # type: ignore[arg-type]
    made = build_features(config, 1000.0, 1, 1)
    return made(torch.tensor(samples)[None, :, None], torch.tensor([8]))[0].flatten().tolist()


@pytest.mark.parametrize(
    ("threshold", "crossings", "turns"),
    [(0.0, 3, 3), (2.5, 2, 2), (4.5, 1, 0), (8.0, 0, 0)],
)
def test_crossings_and_turns_count_where_a_step_is_large_enough(threshold: float, crossings: int, turns: int) -> None:
    # Signs change at 2 → -2 (4), -1 → 1 (2) and 2 → -5 (7); slopes at 2 (2, 4), -2 (4, 1) and 3 (2, 1).
    assert features(WINDOW, threshold=threshold) == pytest.approx([2.0, crossings, turns, 19.0])


def test_the_mean_is_taken_out_unless_the_level_says_something() -> None:
    shifted = [value + 10 for value in WINDOW]
    assert features(shifted) == pytest.approx(features(WINDOW))
    assert features(shifted, center=False) == pytest.approx([10.0, 0, 3, 19.0])
