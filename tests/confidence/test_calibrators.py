"""Curves that rise: Platt's by scikit-learn's logistic regression, isotonic ones by its isotonic regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from emgasr.confidence.calibrators import Isotonic, Platt, read_calibrator
from emgasr.confidence.logistic import fitted
from emgasr.errors import ModelError


def drawn(count: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and what is right at the odds of a sigmoid of twice the score."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=count)
    return scores, rng.random(count) < 1 / (1 + np.exp(-2 * scores - 0.5))


def test_platts_curve_is_that_of_a_logistic_regression() -> None:
    scores, right = drawn(3000)
    found = Platt.of(scores, right)
    other = LogisticRegression(C=1e6).fit(scores[:, None], right)
    assert found.slope == pytest.approx(other.coef_[0, 0], rel=0.02)  # the targets keep off 0 and 1
    assert found.offset == pytest.approx(other.intercept_[0], abs=0.03)


def test_isotonic_steps_are_those_of_scikit_learn() -> None:
    scores, right = drawn()
    scores = scores.round(1)
    other = IsotonicRegression().fit(scores, right).predict(np.unique(scores))
    found = Isotonic.of(scores, right)(np.unique(scores))
    inner = (other > 0) & (other < 1)
    assert found[inner] == pytest.approx(other[inner])
    assert ((found > 0) & (found < 1)).all()


@given(st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=1, max_size=30))
def test_no_curve_falls_or_leaves_0_to_1(pairs: list[tuple[float, bool]]) -> None:
    scores, right = np.array([s for s, _ in pairs]), np.array([r for _, r in pairs])
    asked = np.linspace(-40, 40, 101)
    for found in (Platt.of(scores, right)(asked), Isotonic.of(scores, right)(asked)):
        assert (np.diff(found) >= 0).all()
        assert 0 <= found.min() <= found.max() <= 1


def test_a_feature_that_counts_against_gets_no_weight() -> None:
    scores, right = drawn()
    weights, _ = fitted(np.stack([scores, -scores], axis=1), right)
    assert weights[0] > 0.5
    assert weights[1] == 0


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"kind": "platt", "slope": -1.0, "offset": 0.0},
        {"kind": "platt", "slope": 1e99, "offset": 0.0},
        {"kind": "isotonic", "scores": [1.0, 0.0], "probabilities": [0.1, 0.2]},
        {"kind": "isotonic", "scores": [0.0, 1.0], "probabilities": [0.3, 0.2]},
        {"kind": "isotonic", "scores": [0.0, 1.0], "probabilities": [0.3]},
        {"kind": "isotonic", "scores": [], "probabilities": []},
        {"kind": "isotonic", "scores": [0.0], "probabilities": [1.5]},
        {"kind": "spline"},
    ],
)
def test_a_curve_that_is_none_is_refused(content: Any) -> None:
    with pytest.raises(ModelError):
        read_calibrator(content, "confidence.json: token")
