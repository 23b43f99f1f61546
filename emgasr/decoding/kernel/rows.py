"""One row of log-probabilities in: whether it is one, and its best labels with their probabilities, out."""

from __future__ import annotations

import numpy as np
from numba import njit

from emgasr.decoding.hypothesis import SUM_TOLERANCE

# What `advance` answers.
DONE, NOT_A_NUMBER, NOT_NORMALIZED, MORE_NODES, MORE_BEAM, MORE_WINDOW, MORE_COMMITTED = range(7)


@njit(cache=True, nogil=True)
def check(row: np.ndarray, powers: np.ndarray, parts: np.ndarray) -> int:
    if abs(_about_the_sum(row, powers, powers.view(np.float32), parts) - 1.0) < 0.8 * SUM_TOLERANCE:
        return DONE
    total = 0.0
    for value in row:
        if np.isnan(value) or value == np.inf:
            return NOT_A_NUMBER
        total += np.exp(value)
    return DONE if abs(total - 1.0) <= SUM_TOLERANCE else NOT_NORMALIZED


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _about_the_sum(row: np.ndarray, powers: np.ndarray, as_floats: np.ndarray, parts: np.ndarray) -> float:
    """Sum of e^row to 1e-4, eight at a time: 2 to a whole power by its bits, times a polynomial for the rest."""
    for label in range(len(row)):
        exponent = np.float32(max(row[label], -87.0)) * np.float32(1.4426950408889634)
        whole = np.floor(exponent + np.float32(0.5))
        rest = (exponent - whole) * np.float32(0.6931471805599453)
        powers[label] = (np.int32(min(whole, np.float32(127.0))) + np.int32(127)) << np.int32(23)
        parts[label] = 1 + rest * (
            1 + rest * (np.float32(0.5) + rest * (np.float32(1 / 6) + rest * np.float32(1 / 24)))
        )
    total = np.float32(0.0)
    for label in range(len(row)):
        total += as_floats[label] * parts[label]
    return total


@njit(cache=True, nogil=True)
def best_labels(
    row: np.ndarray,
    top_k: int,
    scale: float,
    now: int,
    labels: np.ndarray,
    emission: np.ndarray,
    asked: np.ndarray,
    may_begin: np.ndarray,
) -> int:
    """Put the labels that may begin in this frame into `labels`, best first; return how many they are."""
    count, least = 0, -np.inf
    for label in range(1, len(row)):
        value = row[label]
        if value <= least:
            continue
        place = count if count < top_k else count - 1
        count = min(count + 1, top_k)
        while place > 0 and row[labels[place - 1]] < value:
            labels[place] = labels[place - 1]
            place -= 1
        labels[place] = label
        if count == top_k:
            least = row[labels[count - 1]]
    for place in range(count):
        label = labels[place]
        may_begin[label] = asked[label] = now
        emission[label] = np.exp(scale * row[label])
    return count
