"""The best candidates of a frame so far, the least of them first: a heap that a better one is put on."""

from __future__ import annotations

import numpy as np

from emgasr.decoding.kernel.scratch import BEGUN, BEHIND_IT, COMES_FROM, HEAP, STEP_TO_IT, TIMES_IT, WHICH
from emgasr.runtime.compiled import compiled


@compiled(nogil=True)
def build(places: np.ndarray, numbers: np.ndarray, size: int) -> None:
    """Make a heap of the first `size` masses, with where each was."""
    for place in range(size):
        places[WHICH, place] = place
    for root in range(size // 2 - 1, -1, -1):
        sift_down(places, numbers, root, size)


@compiled(nogil=True)
def offer(
    mass: float,
    entry: int,
    label: int,
    behind: int,
    times: float,
    step: float,
    size: int,
    candidates: int,
    live: int,
    most: int,
    places: np.ndarray,
    numbers: np.ndarray,
) -> tuple[int, int]:
    """Put a candidate on the heap, in place of the least if it is full, and write down what it is.

    Return the heap's size and how many candidates were written down. The first of a frame finds the entries' masses,
    and makes a heap of them.
    """
    if candidates == 0:
        build(places, numbers, live)
    spot = candidates
    if size < most:
        sift_up(places, numbers, size, mass, live + spot)
        size += 1
        candidates += 1
    else:
        if places[WHICH, 0] < live:  # a stay drops out: there is no room of a candidate's to take over
            candidates += 1
        else:
            spot = places[WHICH, 0] - live
        numbers[HEAP, 0], places[WHICH, 0] = mass, live + spot
        sift_down(places, numbers, 0, size)
    places[COMES_FROM, spot], places[BEGUN, spot], places[BEHIND_IT, spot] = entry, label, behind
    numbers[TIMES_IT, spot], numbers[STEP_TO_IT, spot] = times, step
    return size, candidates


@compiled(nogil=True)
def sift_down(places: np.ndarray, numbers: np.ndarray, root: int, size: int) -> None:
    mass, index = numbers[HEAP, root], places[WHICH, root]
    while True:
        child = 2 * root + 1
        if child >= size:
            break
        if child + 1 < size and numbers[HEAP, child + 1] < numbers[HEAP, child]:
            child += 1
        if numbers[HEAP, child] >= mass:
            break
        numbers[HEAP, root], places[WHICH, root] = numbers[HEAP, child], places[WHICH, child]
        root = child
    numbers[HEAP, root], places[WHICH, root] = mass, index


@compiled(nogil=True)
def sift_up(places: np.ndarray, numbers: np.ndarray, place: int, mass: float, index: int) -> None:
    while place > 0:
        above = (place - 1) // 2
        if numbers[HEAP, above] <= mass:
            break
        numbers[HEAP, place], places[WHICH, place] = numbers[HEAP, above], places[WHICH, above]
        place = above
    numbers[HEAP, place], places[WHICH, place] = mass, index
