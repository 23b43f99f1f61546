"""Pictures of confusions: for any counts a PNG, and capitals counted for their letter's key."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

import matplotlib

from emgasr.display.visible import visible
from emgasr.evaluation.keyboard_map import draw_keyboard, errors_by_key
from tests.helpers.pictures import STRANGE, texts_drawn

COUNTS = {("a", "a"): 30, ("A", "s"): 3, ("a", None): 1, (None, "q"): 5, (" ", "b"): 2, ("é", "é"): 1, ("⌫", "a"): 4}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("counts", [{}, COUNTS])
def test_any_counts_make_a_keyboard(counts: dict, dark: bool) -> None:
    assert draw_keyboard(counts, dark=dark).startswith(b"\x89PNG")


def test_capitals_count_for_their_letters_key() -> None:
    presses, errors, taken_for = errors_by_key(COUNTS)
    assert (presses["a"], errors["a"]) == (34, 4)
    assert taken_for["a"] == ("s", 3 / 34)
    assert presses == {"a": 34, " ": 2, "⌫": 4}


def test_a_key_most_often_missed_says_so() -> None:
    assert errors_by_key({("a", None): 5, ("a", "b"): 2, ("a", "a"): 3})[2]["a"] == (None, 0.5)


@pytest.mark.parametrize("label", STRANGE)
def test_a_label_is_plain_text_in_a_picture(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    assert draw_keyboard({("a", label): 30, (label, "a"): 3}).startswith(b"\x89PNG")
    assert any(visible(label) in text for text in drawn)


def test_a_picture_leaves_how_others_draw_as_it_was() -> None:
    draw_keyboard({("a", "a"): 1})
    assert matplotlib.rcParams["text.parse_math"] is True
