"""What pictures have in common: their labels, their numbers and their ink."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.display.pictures import ink_on, label, percent


def test_a_label_is_one_line_of_visible_characters_and_is_cut() -> None:
    assert label("a\tb\nc") == "a b⏎c"
    assert label("x" * 60) == "x" * 60
    assert label("x" * 61) == "x" * 59 + "…"
    assert label("abcdef", longest=6) == "abcdef"
    assert label("abcdefg", longest=6) == "abcde…"


@pytest.mark.parametrize(("share", "shown"), [(1e-9, "<1"), (0.0099, "<1"), (0.01, "1"), (0.496, "50"), (1.0, "100")])
def test_a_share_above_0_is_never_shown_as_0(share: float, shown: str) -> None:
    assert percent(share) == shown


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """The ratio of two colors' luminances by WCAG 2.1; 1 is none."""
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (one, other)]
    low, high = sorted(float(c @ (0.2126, 0.7152, 0.0722)) + 0.05 for c in linear)
    return high / low


def test_ink_is_read_on_every_color() -> None:
    to_rgb = pytest.importorskip("matplotlib.colors").to_rgb
    steps = np.linspace(0, 1, 9)
    for color in np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 3):
        assert contrast(np.array(to_rgb(ink_on(color))), color) > 2.4, color
