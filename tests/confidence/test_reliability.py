"""ECE, AUROC and Brier score against scikit-learn and by hand; intervals over people."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from emgasr.confidence.diagram import draw_reliability
from emgasr.confidence.judging import Judged
from emgasr.confidence.reliability import auroc, ece, reliability


def drawn(count: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and what is right at these odds."""
    rng = np.random.default_rng(seed)
    probabilities = rng.random(count)
    return probabilities, rng.random(count) < probabilities


def test_figures_are_those_of_scikit_learn() -> None:
    probabilities, right = drawn()
    probabilities = probabilities.round(1)  # with ties
    found = reliability(probabilities, right, ["a"] * len(right))
    assert found.auroc == pytest.approx(roc_auc_score(right, probabilities))
    assert found.brier == pytest.approx(brier_score_loss(right, probabilities))
    assert (found.count, found.ece_interval) == (400, None)


def test_the_calibration_error_is_that_counted_by_hand() -> None:
    probabilities = np.array([0.1, 0.3, 0.6, 0.8])
    right = np.array([False, True, True, True])
    # Two bins of two: means 0.2 and 0.7, of which 0.5 and 1 are right.
    assert ece(probabilities, right, bins=2) == pytest.approx(0.5 * 0.3 + 0.5 * 0.3)
    assert ece(right.astype(float), right) == 0
    assert ece(1 - right.astype(float), right) == 1


def test_equal_probabilities_are_one_bin() -> None:
    found = reliability(np.full(90, 0.7), np.arange(90) % 10 < 7, ["a", "b"] * 45)
    assert (found.bins, found.ece) == (1, pytest.approx(0))
    assert found.auroc == 0.5


def test_what_is_right_throughout_has_no_auroc() -> None:
    assert auroc(np.array([0.2, 0.9]), np.array([True, True])) is None


def test_the_interval_is_over_people() -> None:
    probabilities, right = drawn()
    wide = reliability(probabilities, right, [i // 200 for i in range(400)]).ece_interval
    narrow = reliability(probabilities, right, [i // 10 for i in range(400)]).ece_interval
    assert wide is not None
    assert narrow is not None
    assert all(0 <= low <= high <= 1 for low, high in (wide, narrow))


def test_the_diagram_is_a_picture_by_day_and_by_night() -> None:
    found = reliability(*drawn(), ["a"] * 400)
    pictures = {draw_reliability({"token": Judged(found, found), "word": Judged(found, None)}, dark) for dark in (0, 1)}
    assert len(pictures) == 2
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
