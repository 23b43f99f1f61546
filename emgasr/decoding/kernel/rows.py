"""One row of log-probabilities in; whether it sums to one, and its best labels, out."""

from __future__ import annotations

import numpy as np

from emgasr.decoding.hypothesis import SUM_TOLERANCE
from emgasr.decoding.kernel.compiling import inner
from emgasr.runtime.compiled import compiled

# What `advance` answers. FURTHER: go on with masses as logarithms; NEARER: see if plain ones would do again.
DONE, NOT_A_NUMBER, NOT_NORMALIZED, MORE_NODES, MORE_BEAM, MORE_WINDOW, MORE_FINAL, FURTHER, NEARER = range(9)
LANES = 16  # among as many maxima, each of every sixteenth label, a few best labels are found without sorting all


@inner
def check(row: np.ndarray) -> int:
    """Return DONE for a row of log-probabilities, else what is wrong with it."""
    if abs(_about_the_sum(row) - 1.0) < 0.8 * SUM_TOLERANCE:
        return DONE
    total = 0.0
    for value in row:
        if np.isnan(value) or value == np.inf:
            return NOT_A_NUMBER
        total += np.exp(value)
    return DONE if abs(total - 1.0) <= SUM_TOLERANCE else NOT_NORMALIZED


@compiled(nogil=True, fastmath={"reassoc", "contract"})
def _about_the_sum(row: np.ndarray) -> float:
    """Return the sum of e^row to 1e-8, several at a time: e^(x / 4096) by its series, squared twelve times."""
    total = 0.0
    for label in range(len(row)):
        x = row[label] / 4096
        x = np.float64(-30 / 4096) if x < -30 / 4096 else x  # NaN stays
        power = 1 + x * (1 + x * (0.5 + x * (1 / 6)))
        for _ in range(12):
            power *= power
        total += power
    return total


@inner
def best_labels(row: np.ndarray, top_k: int, lanes: np.ndarray, near: np.ndarray, labels: np.ndarray) -> int:
    """Put the `top_k` likeliest labels, blank not among them, into `labels`, best first; return how many they are.

    Of equally likely labels the first comes first; impossible ones do not come. `near` is room for all labels.
    """
    least = _bound(row, top_k, lanes) if top_k <= LANES < len(row) else -np.inf
    found = 0
    for label in range(1, len(row)):  # no branch: which labels are among the best, no processor can guess
        near[found] = label
        found += row[label] >= least
    count = 0
    for number in range(found):
        label = near[number]
        value = row[label]
        if value == -np.inf or (count == top_k and value <= row[labels[count - 1]]):
            continue
        place = count if count < top_k else count - 1
        count = min(count + 1, top_k)
        while place > 0 and row[labels[place - 1]] < value:
            labels[place] = labels[place - 1]
            place -= 1
        labels[place] = label
    return count


@compiled(nogil=True, fastmath={"nnan", "nsz"})
def _bound(row: np.ndarray, top_k: int, lanes: np.ndarray) -> float:
    """Return a value that at least `top_k` labels reach: the `top_k`-th of the LANES maxima."""
    for lane in range(LANES):
        lanes[lane] = row[1 + lane]
    first = LANES + 1
    while first + LANES <= len(row):
        for lane in range(LANES):
            lanes[lane] = max(lanes[lane], row[first + lane])
        first += LANES
    for label in range(first, len(row)):
        lanes[label - first] = max(lanes[label - first], row[label])
    bound = np.inf
    for lane in range(LANES):
        above = 0
        for other in range(LANES):
            above += lanes[other] > lanes[lane]
        if above < top_k:
            bound = min(bound, lanes[lane])
    return bound
