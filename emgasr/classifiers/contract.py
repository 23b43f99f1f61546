"""The contract of classifiers of windows: labelled windows of many people in; log-probabilities of labels out.

A new classifier is one module, with a frozen dataclass of its options and a class that keeps this contract, and one row
of `emgasr.classifiers.registry.CLASSIFIERS`. The laws of every row: tests/classifiers/test_classifier_laws.py.

Shapes: n windows, D features of a window, L labels.
"""

from __future__ import annotations

import importlib
from typing import Any, Protocol

import numpy as np

from emgasr.errors import ConfigError

FLOOR = -20.0  # natural log-probability of the least likely label: a vote of none of k neighbors is not impossible


class ClassifierConfig(Protocol):
    """The options of a classifier: a frozen dataclass whose `kind` is its row in the registry."""

    @property
    def kind(self) -> str:
        """Name of the row."""

    @property
    def most_windows(self) -> int:
        """Windows of other people that it learns from at most; `emgasr.classifiers.windows.drawn` chooses them."""


class Classifier(Protocol):
    """What learns from windows and judges others. It is built from (options, seed), and fitted once."""

    def fit(self, windows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Learn from windows.

        Args:
            windows: (n, D) float64, normalized.
            labels: (n,) from 0 to L - 1; each occurs.
            groups: (n,) number of the person whose window it is.
            weights: (n,) how often each window counts.
        """

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L) of windows (n, D): finite, each row a distribution."""


def needed(module: str) -> Any:
    """Return an imported module of the extra `benchmark`.

    Raises:
        ConfigError: it is not installed; the line says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = {"sklearn": "scikit-learn"}.get(module.partition(".")[0], module.partition(".")[0])
        raise ConfigError("classifier", f"needs {name}", "pip install 'emgasr[benchmark]'") from error


def log_distribution(scores: np.ndarray) -> np.ndarray:
    """Return scores (n, L) in nats as natural-log probabilities, none below FLOOR."""
    shifted = scores - scores.max(1, keepdims=True)
    floored = np.maximum(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)), FLOOR)
    return floored - np.log(np.exp(floored).sum(1, keepdims=True))


def balanced(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weights (n,) by which each label counts alike, and which are 1 on average."""
    share = np.bincount(labels, weights)
    even = weights / share[labels]
    return even * len(labels) / even.sum()
