"""A matrix of labels: every count in its place, readable at any size, and right apart from wrong for any eye."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.image import imread

from emgasr.display.pictures import DARK, LIGHT, Theme
from emgasr.display.visible import visible
from emgasr.evaluation.label_matrix import MISSED, OTHERS, PUT_IN, cell_colors, draw_matrix, labels_of, matrix_of
from emgasr.evaluation.mistakes import Confusions
from tests.helpers.pictures import STRANGE, texts_drawn

# What an eye without green or red cones sees of linear RGB (Machado, Oliveira and Fernandes 2009, severity 1).
COLOR_VISION = {
    "all": np.eye(3),
    "deuteranopia": np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]]),
    "protanopia": np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]]),
}


def random_counts(labels: int, seed: int = 0) -> Confusions:
    generator = np.random.default_rng(seed)
    names = [f"word {i}" for i in range(labels)]
    counts = {(name, name): int(generator.integers(5, 200)) for name in names}
    for _ in range(3 * labels):
        true, read = generator.choice(labels, 2)
        counts[names[true], names[read]] = int(generator.integers(1, 9))
    return counts


def test_every_count_is_in_its_place() -> None:
    found = matrix_of({("b", "b"): 3, ("b", "a"): 2, ("a", None): 1, (None, "b"): 4, ("a", "a"): 7})
    assert (found.labels, found.rows, found.columns) == (["a", "b"], ["a", "b", PUT_IN], ["a", "b", MISSED])
    assert found.counts.tolist() == [[7, 0, 1], [2, 3, 0], [0, 4, 0]]
    assert found.right.tolist() == [[True, False, False], [False, True, False], [False, False, False]]


def test_numbers_in_labels_are_sorted_as_numbers() -> None:
    assert labels_of({("w10", "w9"): 1, ("W2", "b"): 1, ("10", "9"): 1}) == ["9", "10", "b", "W2", "w9", "w10"]


def test_of_more_labels_than_can_be_read_those_with_most_errors_are_shown() -> None:
    found = matrix_of({("a", "a"): 9, ("b", "c"): 2, ("c", "d"): 1, ("d", "d"): 1, (None, "a"): 1}, most=2)
    assert (found.labels, found.rows, found.columns) == (["b", "c"], ["b", "c", PUT_IN], ["b", "c", OTHERS])
    assert found.counts.tolist() == [[0, 2, 0], [0, 0, 1], [0, 0, 1]]


def test_a_label_may_be_named_like_a_place_of_the_matrix() -> None:
    found = matrix_of({(PUT_IN, PUT_IN): 2, (MISSED, PUT_IN): 1})
    assert found.rows == found.columns == sorted([MISSED, PUT_IN])
    assert found.right.sum() == 2


@pytest.mark.parametrize(("labels", "dark"), [(1, False), (2, True), (12, False), (90, True)])
def test_any_number_of_labels_fits_a_page(labels: int, dark: bool) -> None:
    height, width, _ = imread(io.BytesIO(draw_matrix(random_counts(labels), dark=dark))).shape
    assert max(height, width) <= 2100  # of a page about 1000 wide, at twice the resolution


@pytest.mark.parametrize("labels", [6, 60])
def test_counts_and_sums_are_written(labels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    counts = random_counts(labels)
    draw_matrix(counts)
    matrix = matrix_of(counts)
    for count in [*matrix.counts[matrix.counts > 0].tolist(), *matrix.counts.sum(1).tolist()]:
        assert str(count) in drawn


@pytest.mark.parametrize("counts", [{(None, "wave"): 1}, {("fist", None): 1}])
def test_little_is_drawn_too(counts: Confusions) -> None:
    assert draw_matrix(counts).startswith(b"\x89PNG")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("eye", COLOR_VISION)
def test_right_and_wrong_differ_for_any_eye(theme: Theme, eye: str) -> None:
    shares = np.linspace(0.05, 1, 20)[None]
    seen = [
        (cell_colors(shares, np.full(shares.shape, right), theme)[0] ** 2.2 @ COLOR_VISION[eye].T).clip(0, 1)
        ** (1 / 2.2)
        for right in (True, False)
    ]
    blueness = [color[:, 2] - color[:, 0] for color in seen]
    assert (blueness[0] - blueness[1] > 0.12).all()


@pytest.mark.parametrize("label", STRANGE)
def test_a_label_is_plain_text_in_a_picture(label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = texts_drawn(monkeypatch)
    assert draw_matrix({(label, label): 3, (label, "b"): 1, ("b", None): 1}).startswith(b"\x89PNG")
    assert drawn.count(visible(label)) == 2
