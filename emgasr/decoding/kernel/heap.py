"""The best candidates of a frame so far, the least of them first: a heap that a better one is put on."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def build(heap: np.ndarray, which: np.ndarray, size: int) -> None:
    """Make a heap of the first `size` masses; `which` then says where each was."""
    for place in range(size):
        which[place] = place
    for root in range(size // 2 - 1, -1, -1):
        sift_down(heap, which, root, size)


@njit(cache=True, nogil=True)
def offer(
    mass: float, size: int, candidates: int, live: int, most: int, heap: np.ndarray, which: np.ndarray
) -> tuple[int, int, int]:
    """Put a candidate on the heap, in place of the least if it is full; return where to write down what it is.

    The first candidate of a frame finds the entries' masses, and makes a heap of them.
    """
    if candidates == 0:
        build(heap, which, live)
    if size < most:
        sift_up(heap, which, size, mass, live + candidates)
        return candidates, size + 1, candidates + 1
    spot = which[0] - live
    if spot < 0:  # a stay drops out: there is no room of a candidate's to take over
        spot = candidates
        candidates += 1
    heap[0], which[0] = mass, live + spot
    sift_down(heap, which, 0, size)
    return spot, size, candidates


@njit(cache=True, nogil=True)
def sift_down(heap: np.ndarray, which: np.ndarray, root: int, size: int) -> None:
    mass, index = heap[root], which[root]
    while True:
        child = 2 * root + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= mass:
            break
        heap[root], which[root] = heap[child], which[child]
        root = child
    heap[root], which[root] = mass, index


@njit(cache=True, nogil=True)
def sift_up(heap: np.ndarray, which: np.ndarray, place: int, mass: float, index: int) -> None:
    while place > 0:
        above = (place - 1) // 2
        if heap[above] <= mass:
            break
        heap[place], which[place] = heap[above], which[above]
        place = above
    heap[place], which[place] = mass, index
