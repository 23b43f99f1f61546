"""Windows in, log-probabilities of labels by a forest of random trees out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from emgasr.classifiers.contract import balanced, log_distribution, needed
from emgasr.config.bounds import Within, check_within


@dataclass(frozen=True)
class RandomForestConfig:
    """Trees on random windows and features, whose probabilities are averaged; scikit-learn's RandomForestClassifier.

    Args:
        most_windows: windows of other people that it learns from at most, drawn alike from each label and person.
        trees: of the forest.
        smallest_leaf: windows that a leaf holds at least.
    """

    kind: Literal["random_forest"] = "random_forest"
    most_windows: Annotated[int, Within(1, 1e7)] = 12_000
    trees: Annotated[int, Within(1, 1e5)] = 100
    smallest_leaf: Annotated[int, Within(1, 1e6)] = 3

    def __post_init__(self) -> None:
        check_within(self, "classifier")


class RandomForest:
    """RandomForestClassifier behind the contract of classifiers."""

    def __init__(self, config: RandomForestConfig, seed: int = 0) -> None:
        self._forest = needed("sklearn.ensemble").RandomForestClassifier(
            config.trees, min_samples_leaf=config.smallest_leaf, random_state=seed
        )

    def fit(self, windows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Learn from windows, as the contract says."""
        self._forest.fit(windows, labels, balanced(labels, weights))

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L), as the contract says."""
        return log_distribution(np.log(np.maximum(self._forest.predict_proba(windows), 1e-3)))
