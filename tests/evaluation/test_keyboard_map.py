"""Pictures of confusions: for any counts a PNG, and capitals counted for their letter's key."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

import matplotlib
from matplotlib.backends.backend_agg import RendererAgg

from emgasr.display.visible import visible
from emgasr.evaluation.keyboard_map import draw_keyboard, draw_matrix, errors_by_key

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


STRANGE = (
    r"$\frac$",
    "$x",
    "a_b",
    "_private",
    "<script>",
    "[bold]x",
    "\x1b]0;title\x07",
    "\u202eabc",
    "\udc00",
    "漢字🙂",
)


@pytest.mark.parametrize("label", STRANGE)
def test_a_label_is_plain_text_in_a_picture(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    flat = RendererAgg.draw_text

    def draw_text(self: RendererAgg, gc: object, x: float, y: float, text: str, *rest: object, **options: bool) -> None:
        assert not options.get("ismath")
        drawn.append(text)
        flat(self, gc, x, y, text, *rest, **options)

    monkeypatch.setattr(RendererAgg, "draw_text", draw_text)
    assert draw_matrix({(label, label): 3, (label, "b"): 1, ("b", None): 1}).startswith(b"\x89PNG")
    assert drawn.count(visible(label)) == 2
    drawn.clear()
    assert draw_keyboard({("a", label): 30, (label, "a"): 3}).startswith(b"\x89PNG")
    assert any(visible(label) in text for text in drawn)


def test_a_picture_leaves_how_others_draw_as_it_was() -> None:
    draw_matrix({("a", "a"): 1})
    assert matplotlib.rcParams["text.parse_math"] is True
