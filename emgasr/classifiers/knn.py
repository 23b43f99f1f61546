"""Windows in, log-probabilities of labels by the nearest windows that were learned from out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from emgasr.classifiers.contract import balanced, log_distribution, needed
from emgasr.config.bounds import Within, check_within

PRIOR = 0.5  # votes that each label has before: none is impossible


@dataclass(frozen=True)
class KNNConfig:
    """The k nearest windows vote, by Euclidean distance of normalized features; scikit-learn's NearestNeighbors.

    Args:
        most_windows: windows of other people that it learns from at most, drawn alike from each label and person.
        neighbors: windows that vote (k).
    """

    kind: Literal["knn"] = "knn"
    most_windows: Annotated[int, Within(1, 1e7)] = 12_000
    neighbors: Annotated[int, Within(1, 1e5)] = 15

    def __post_init__(self) -> None:
        check_within(self, "classifier")


class KNN:
    """NearestNeighbors behind the contract of classifiers; a window's weight is the number of its votes."""

    def __init__(self, config: KNNConfig, seed: int = 0) -> None:
        self.config = config
        self._neighbors = needed("sklearn.neighbors")

    def fit(self, windows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Learn from windows, as the contract says."""
        self._labels, self._weights = labels, balanced(labels, weights)
        self._known = self._neighbors.NearestNeighbors(n_neighbors=min(self.config.neighbors, len(windows)))
        self._known.fit(windows)

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L), as the contract says."""
        votes = np.full((len(windows), int(self._labels.max()) + 1), PRIOR)
        near = self._known.kneighbors(windows, return_distance=False)
        np.add.at(votes, (np.arange(len(windows))[:, None], self._labels[near]), self._weights[near])
        return log_distribution(np.log(votes))
