"""Windows in, log-probabilities of labels by a support vector machine out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np

from emgasr.classifiers.contract import balanced, log_distribution, needed
from emgasr.config.bounds import Within, check_within

HELD_OUT = 5  # one of so many parts of the people finds the scale
SCALES = np.geomspace(0.25, 32, 29)


@dataclass(frozen=True)
class SVMConfig:
    """Support vectors with a Gaussian kernel, one label against each other; scikit-learn's SVC.

    Its scores become probabilities by one scale, found on a fifth of the people by a machine of the others.

    Args:
        most_windows: windows of other people that it learns from at most, drawn alike from each label and person.
        penalty: of windows on the wrong side (C).
        width: of the kernel's exponent, times D and the variance of the features (gamma = width / (D * variance)).
    """

    kind: Literal["svm"] = "svm"
    most_windows: Annotated[int, Within(1, 1e6)] = 4_000
    penalty: Annotated[float, Within(1e-6, 1e6)] = 1.0
    width: Annotated[float, Within(1e-6, 1e6)] = 1.0

    def __post_init__(self) -> None:
        check_within(self, "classifier")


class SVM:
    """SVC behind the contract of classifiers."""

    def __init__(self, config: SVMConfig, seed: int = 0) -> None:
        self.config = config
        self._machines = needed("sklearn.svm")

    def fit(self, windows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Learn from windows, as the contract says."""
        people = np.unique(groups)
        judging = np.isin(groups, people[:: max(2, min(HELD_OUT, len(people)))])
        self._scale = 1.0
        if len(people) > 1 and len(np.unique(labels[~judging])) == len(np.unique(labels)):
            trial = self._fitted(windows[~judging], labels[~judging], weights[~judging])
            scores = _scores(trial, windows[judging])
            rows = np.arange(len(scores))
            losses = [-log_distribution(scale * scores)[rows, labels[judging]].mean() for scale in SCALES]
            self._scale = float(SCALES[int(np.argmin(losses))])
        self._machine = self._fitted(windows, labels, weights)

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L), as the contract says."""
        return log_distribution(self._scale * _scores(self._machine, windows))

    def _fitted(self, windows: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Any:
        gamma = self.config.width / (windows.shape[1] * max(float(windows.var()), 1e-12))
        machine = self._machines.SVC(C=self.config.penalty, gamma=gamma, cache_size=500)
        return machine.fit(windows, labels, balanced(labels, weights))


def _scores(machine: Any, windows: np.ndarray) -> np.ndarray:
    found = machine.decision_function(windows)
    return np.stack([-found, found], 1) / 2 if found.ndim == 1 else found
