"""Pictures of confusions: for any counts a PNG, and capitals counted for their letter's key."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from emgasr.keyboard_map import draw_keyboard, draw_matrix, errors_by_key

COUNTS = {("a", "a"): 30, ("A", "s"): 3, ("a", None): 1, (None, "q"): 5, (" ", "b"): 2, ("é", "é"): 1, ("⌫", "a"): 4}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("counts", [{}, COUNTS])
def test_any_counts_make_a_keyboard(counts: dict, dark: bool) -> None:
    assert draw_keyboard(counts, dark=dark).startswith(b"\x89PNG")


def test_labels_make_a_matrix() -> None:
    assert draw_matrix({("fist", "fist"): 3, ("open", None): 1, (None, "wave"): 1}).startswith(b"\x89PNG")


def test_capitals_count_for_their_letters_key() -> None:
    presses, errors, taken_for = errors_by_key(COUNTS)
    assert (presses["a"], errors["a"]) == (34, 4)
    assert taken_for["a"] == ("s", 3 / 34)
    assert presses == {"a": 34, " ": 2, "⌫": 4}


def test_a_key_most_often_missed_says_so() -> None:
    assert errors_by_key({("a", None): 5, ("a", "b"): 2, ("a", "a"): 3})[2]["a"] == (None, 0.5)
