"""Codes and labels of contractions in; how often each code falls with each label, and how much it says of it, out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

SHUFFLES = 50  # of the labels, to see what chance alone gives


@dataclass(frozen=True, eq=False)
class CodeUse:
    """How often each code falls with each label.

    Args:
        labels: L of them, sorted.
        codes: M that fall at all: those that fall most with the first label come first, and so on.
        counts: (L, M).
        chance_bits: mutual information of the same counts with labels shuffled, the mean: few contractions of many
            codes seem to say something of any label.
    """

    labels: tuple[str, ...]
    codes: tuple[int, ...]
    counts: np.ndarray
    chance_bits: float

    @staticmethod
    def of(pairs: Iterable[tuple[str, int]]) -> CodeUse:
        """From the label and the code of each contraction, of which there is at least one."""
        labels, codes = zip(*pairs, strict=True)
        names, rows = np.unique(np.array(labels, dtype=object), return_inverse=True)
        numbers, columns = np.unique(np.array(codes), return_inverse=True)
        counts = _counted(rows, columns, len(names), len(numbers))
        shares = counts / counts.sum(1, keepdims=True)
        order = sorted(range(len(numbers)), key=lambda at: (shares[:, at].argmax(), -shares[:, at].max(), at))
        rng = np.random.default_rng(0)
        shuffled = [
            mutual_information(_counted(rng.permutation(rows), columns, len(names), len(numbers)))
            for _ in range(SHUFFLES)
        ]
        chosen = tuple(int(numbers[at]) for at in order)
        return CodeUse(tuple(map(str, names)), chosen, counts[:, order], float(np.mean(shuffled)))

    @property
    def bits(self) -> float:
        """Mutual information of code and label, in bits."""
        return mutual_information(self.counts)

    @property
    def label_bits(self) -> float:
        """Entropy of the labels in bits: the most that a code can say of one."""
        return _entropy(self.counts.sum(1))


def mutual_information(counts: np.ndarray) -> float:
    """Return the mutual information in bits of rows and columns, by their counts together (L, M)."""
    return max(0.0, _entropy(counts.sum(1)) + _entropy(counts.sum(0)) - _entropy(counts.ravel()))


def _entropy(counts: np.ndarray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def _counted(rows: np.ndarray, columns: np.ndarray, height: int, width: int) -> np.ndarray:
    counts = np.zeros((height, width), np.int64)
    np.add.at(counts, (rows, columns), 1)
    return counts
