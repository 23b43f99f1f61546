"""Windows in, log-probabilities of labels by a linear discriminant with shrinkage out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from emgasr.classifiers.contract import log_distribution
from emgasr.config.bounds import Within, check_within
from emgasr.evaluation.discriminant import ShrinkageLDA

HIDDEN_WEIGHT = 0.4


@dataclass(frozen=True)
class LDAConfig:
    """Linear discriminant analysis, the covariance shrunk by Ledoit and Wolf; all labels are as likely before.

    Args:
        most_windows: windows of other people that it learns from at most, drawn alike from each label and person.
        hidden: number of the first values of a window that are hidden frames of an encoder; 0: none, or all are alike.
            Features of an encoder set it.
        hidden_weight: what their evidence counts against that of the other values. People who taught the encoder lie
            closer together in its hidden frames than others do. Chosen on validation people.
    """

    kind: Literal["lda"] = "lda"
    most_windows: Annotated[int, Within(1, 1e8)] = 60_000
    hidden: Annotated[int, Within(0, 1e6)] = 0
    hidden_weight: Annotated[float, Within(0.001, 1000)] = HIDDEN_WEIGHT

    def __post_init__(self) -> None:
        check_within(self, "classifier")


class LDA:
    """`ShrinkageLDA` behind the contract of classifiers."""

    def __init__(self, config: LDAConfig, seed: int = 0) -> None:
        self._parts = parts_of(config.hidden, config.hidden_weight)
        self._model: ShrinkageLDA | None = None

    def fit(self, windows: np.ndarray, labels: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> None:
        """Learn from windows, as the contract says."""
        # Digits of equal width: the model sorts its labels as text.
        self._model = ShrinkageLDA(windows, [f"{label:06d}" for label in labels], weights, self._parts)

    def log_probs(self, windows: np.ndarray) -> np.ndarray:
        """Return natural-log probabilities (n, L), as the contract says."""
        assert self._model is not None
        return log_distribution(self._model.scores(windows))


def parts_of(hidden: int, weight: float = HIDDEN_WEIGHT) -> tuple[tuple[int, float], ...]:
    """Return the parts of windows whose first `hidden` values are an encoder's; none where there are no such values."""
    return ((hidden, weight),) if hidden else ()
