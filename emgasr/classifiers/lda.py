"""Windows in, log-probabilities of labels by a linear discriminant with shrinkage out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from emgasr.classifiers.contract import log_distribution
from emgasr.config.bounds import Within, check_within
from emgasr.evaluation.discriminant import ShrinkageLDA


@dataclass(frozen=True)
class LDAConfig:
    """Linear discriminant analysis, the covariance shrunk by Ledoit and Wolf; all labels are as likely before.

    Args:
        most_windows: windows of other people that it learns from at most, drawn alike from each label and person.
    """

    kind: Literal["lda"] = "lda"
    most_windows: Annotated[int, Within(1, 1e8)] = 60_000

    def __post_init__(self) -> None:
        check_within(self, "classifier")


class LDA:
    """`ShrinkageLDA` behind the contract of classifiers."""

    def __init__(self, config: LDAConfig, seed: int = 0) -> None:
        self._model: ShrinkageLDA | None = None

    def fit(self, windows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Learn from windows, as the contract says."""
        # Digits of equal width: the model sorts its labels as text.
        self._model = ShrinkageLDA(windows, [f"{label:06d}" for label in labels], weights)

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L), as the contract says."""
        assert self._model is not None
        return log_distribution(self._model.scores(windows))
