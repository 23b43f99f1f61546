"""Features and what was right in, a logistic regression that falls with no feature out.

J. C. Platt's targets (1999) keep a probability off 0 and 1 by as much as the number of examples can support.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

RIDGE = 1.0  # on weights of standardized features: as much as about one example says


def smoothed(right: np.ndarray) -> np.ndarray:
    """Return targets in place of 1 and 0: (n₁ + 1) / (n₁ + 2) and 1 / (n₀ + 2)."""
    ones = int(right.sum())
    return np.where(right, (ones + 1) / (ones + 2), 1 / (len(right) - ones + 2))


def fitted(features: np.ndarray, right: np.ndarray, ridge: float = RIDGE) -> tuple[np.ndarray, float]:
    """Return the weights (F,), none below 0, and the bias with the least cross-entropy.

    Args:
        features: (n, F), standardized.
        right: (n,) bool.
        ridge: nats that a weight of 1 costs, twice.
    """
    targets = smoothed(right)

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        weights, bias = values[:-1], values[-1]
        odds = features @ weights + bias
        loss = np.logaddexp(0, odds) - targets * odds
        slope = expit(odds) - targets
        gradient = np.append(features.T @ slope + ridge * weights, slope.sum())
        return float(loss.sum() + ridge / 2 * (weights @ weights)), gradient

    width = features.shape[1]
    start = np.append(np.full(width, 0.1), 0.0)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * width + [(None, None)])
    return found.x[:-1], float(found.x[-1])
