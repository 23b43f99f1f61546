"""Windows of covariances in, log-probabilities of labels by logistic regression in their tangent space out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from emgasr.classifiers.contract import balanced, log_distribution, needed
from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError

MEAN_OF = 2_000  # matrices whose Riemannian mean is the point of the tangent space: the mean of more moves little


@dataclass(frozen=True)
class TangentSpaceConfig:
    """Multinomial logistic regression on covariances in the tangent space at their Riemannian mean.

    By pyriemann's TangentSpace and scikit-learn's LogisticRegression (Barachant et al., IEEE Trans. Biomed. Eng. 59,
    2012). The features are the triangles of matrix logarithms; those of several bands of frequencies stand in a row.

    Args:
        most_windows: windows of other people that it learns from at most, drawn alike from each label and person.
        inverse_penalty: of the weights (C).
    """

    kind: Literal["tangent_space"] = "tangent_space"
    most_windows: Annotated[int, Within(1, 1e7)] = 20_000
    inverse_penalty: Annotated[float, Within(1e-9, 1e9)] = 0.1

    def __post_init__(self) -> None:
        check_within(self, "classifier")


class TangentSpace:
    """TangentSpace and LogisticRegression behind the contract of classifiers.

    Raises:
        ConfigError: the features are no triangles of matrices.
    """

    def __init__(self, config: TangentSpaceConfig, seed: int = 0) -> None:
        self._seed = seed
        self._space = needed("pyriemann.tangentspace").TangentSpace()
        self._regression = needed("sklearn.linear_model").LogisticRegression(C=config.inverse_penalty, max_iter=200)

    def fit(self, windows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Learn from windows, as the contract says."""
        rows = np.random.default_rng(self._seed).permutation(len(windows))[:MEAN_OF]
        self._space.fit(covariances(windows[rows]))
        self._regression.fit(self._tangent(windows), labels, balanced(labels, weights))

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L), as the contract says."""
        scores = self._regression.decision_function(self._tangent(windows))
        return log_distribution(np.stack([-scores / 2, scores / 2], 1) if scores.ndim == 1 else scores)

    def _tangent(self, windows: np.ndarray) -> np.ndarray:
        return np.asarray(self._space.transform(covariances(windows)))


def covariances(windows: np.ndarray, size: int = 0) -> np.ndarray:
    """Return the matrices (n, E, E) whose logarithms have these triangles (n, E (E + 1) / 2).

    Off-diagonal entries come times the root of 2, as `SpectralCovariance` has them.

    Raises:
        ConfigError: no matrix has a triangle of this size.
    """
    size = size or (math.isqrt(8 * windows.shape[1] + 1) - 1) // 2
    if size * (size + 1) // 2 != windows.shape[1]:
        wrong = f"{windows.shape[1]} features are no triangle of a matrix"
        raise ConfigError("classifier", wrong, "take --features.of covariance, of one band of electrodes")
    rows, columns = np.triu_indices(size)
    entries = windows / np.where(rows == columns, 1.0, math.sqrt(2.0))
    logarithms = np.zeros((len(windows), size, size))
    logarithms[:, rows, columns] = logarithms[:, columns, rows] = entries
    values, vectors = np.linalg.eigh(logarithms)
    return (vectors * np.exp(np.clip(values, -30, 30))[:, None]) @ vectors.swapaxes(1, 2)
