"""The best candidates of a frame so far, the least of them first: a heap that a better one is put on."""

from __future__ import annotations

from typing import NamedTuple

from emgasr.decoding.kernel.arrays import Heap
from emgasr.decoding.kernel.compiling import inner


class Candidate(NamedTuple):
    """A new hypothesis that may get into the beam; fields as in CANDIDATE."""

    entry: int
    label: int
    state: int
    factor: float
    ln_p: float


@inner
def build(heap: Heap, size: int) -> None:
    """Make a heap of the first `size` masses, with where each was."""
    for place in range(size):
        heap.which[place] = place
    for root in range(size // 2 - 1, -1, -1):
        _sift_down(heap, root, size)


@inner
def offer(
    heap: Heap, mass: float, candidate: Candidate, size: int, candidates: int, live: int, most: int
) -> tuple[int, int]:
    """Put a candidate on the heap, in place of the least if the heap is full.

    Return the heap's size and how many candidates were written down. The first candidate of a frame finds the entries'
    masses, and makes a heap of them.
    """
    if candidates == 0:
        build(heap, live)
    spot = candidates
    if size < most:
        _sift_up(heap, size, mass, live + spot)
        size += 1
        candidates += 1
    else:
        if heap.which[0] < live:  # an entry drops out: there is no room of a candidate's to take over
            candidates += 1
        else:
            spot = heap.which[0] - live
        heap.mass[0], heap.which[0] = mass, live + spot
        _sift_down(heap, 0, size)
    room = heap.candidates[spot]
    room.entry, room.label, room.state = candidate.entry, candidate.label, candidate.state
    room.factor, room.ln_p = candidate.factor, candidate.ln_p
    return size, candidates


@inner
def _sift_down(heap: Heap, root: int, size: int) -> None:
    masses, which = heap.mass, heap.which
    mass, index = masses[root], which[root]
    while True:
        child = 2 * root + 1
        if child >= size:
            break
        if child + 1 < size and masses[child + 1] < masses[child]:
            child += 1
        if masses[child] >= mass:
            break
        masses[root], which[root] = masses[child], which[child]
        root = child
    masses[root], which[root] = mass, index


@inner
def _sift_up(heap: Heap, place: int, mass: float, index: int) -> None:
    masses, which = heap.mass, heap.which
    while place > 0:
        above = (place - 1) // 2
        if masses[above] <= mass:
            break
        masses[place], which[place] = masses[above], which[above]
        place = above
    masses[place], which[place] = mass, index
