"""A beam's size and the number of labels in, room for one frame's work out; and all arrays of a search by their names.

Python holds few arrays, as each costs time at a call; the compiled search opens them once a call, and passes them on
as a `Search`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emgasr.decoding.kernel.compiling import inlined
from emgasr.decoding.kernel.ngrams import NGramTables
from emgasr.decoding.kernel.rows import LANES
from emgasr.decoding.kernel.tree import Tree
from emgasr.decoding.kernel.weights import Weights

# Of an entry of the beam, as long as the beam is the same.
ENTRY = np.dtype(
    [
        ("label", np.int32),  # its last token
        ("parent", np.int32),  # where in the beam its parent is, -1: nowhere
        ("child", np.int32),  # its first child in the beam, -1: none
        ("sibling", np.int32),  # the next of its parent's
        ("low", np.uint64),  # the symbols of its children in the beam, a bit each: 0 to 63
        ("high", np.uint64),  # 64 to 127
    ],
    align=True,
)
# Of a new hypothesis that may get into the beam.
CANDIDATE = np.dtype(
    [
        ("entry", np.int32),  # that it grows from
        ("label", np.int32),
        ("state", np.int32),  # the language model's behind it
        ("factor", np.float64),
        ("ln_p", np.float64),  # of its token, by the language model
    ],
    align=True,
)
# Of a label: the last frame in which it was among the best, the last beam that had an entry that ends in it.
STAMP = np.dtype([("frame", np.int64), ("beam", np.int64)])
COUNTS = np.dtype([("frames", np.int64), ("beams", np.int64), ("present", np.int64), ("linked", np.int64)])


class Scratch(NamedTuple):
    """Room for one frame's work, which carries nothing from one frame to the next; `opened` names its rows."""

    entries: np.ndarray  # (entries,) ENTRY
    candidates: np.ndarray  # (entries,) CANDIDATE
    numbers: np.ndarray  # (4, entries) float64
    places: np.ndarray  # (2, entries) int32
    labels: np.ndarray  # (4, V) int32
    stamps: np.ndarray  # (V,) STAMP
    wanted: np.ndarray  # (2, V + 1) uint64
    emission: np.ndarray  # (V,) float64
    lanes: np.ndarray  # (LANES,) float64
    counts: np.ndarray  # (1,) COUNTS


def scratch(entries: int, labels: int) -> Scratch:
    """Return room for a beam of `entries` and `labels` labels."""
    return Scratch(
        entries=np.zeros(entries, ENTRY),
        candidates=np.zeros(entries, CANDIDATE),
        numbers=np.zeros((4, entries)),
        places=np.zeros((2, entries), np.int32),
        labels=np.zeros((4, labels), np.int32),
        stamps=np.zeros(labels, STAMP),
        wanted=np.zeros((2, labels + 1), np.uint64),
        emission=np.zeros(labels),
        lanes=np.zeros(LANES),
        counts=np.zeros(1, COUNTS),
    )


class Beam(NamedTuple):
    """The live hypotheses, one an entry: their nodes and masses now and behind the frame, and ready factors."""

    nodes: np.ndarray  # int32
    blank: np.ndarray  # mass of the alignments that end in blank
    token: np.ndarray  # of those that end in the last token
    next_nodes: np.ndarray
    next_blank: np.ndarray
    next_token: np.ndarray
    entries: np.ndarray  # ENTRY
    linked: np.ndarray  # int32: the entries whose parent lives, COUNTS.linked of them
    factor: np.ndarray  # of the entry, see NODE
    undo: np.ndarray
    largest: np.ndarray


class Heap(NamedTuple):
    """The best masses behind the frame so far, the least of them first."""

    mass: np.ndarray
    which: np.ndarray  # int32: an entry that stays, or, from the number of entries on, a candidate
    candidates: np.ndarray  # CANDIDATE


class Labels(NamedTuple):
    """The labels that a frame asks for."""

    top: np.ndarray  # int32: those that may begin, best first
    present: np.ndarray  # those that entries end in, COUNTS.present of them
    others: np.ndarray  # places in `top` of those that the masks do not hold
    left: np.ndarray  # those that the language model has still to be asked for
    stamps: np.ndarray  # STAMP
    wanted_low: np.ndarray  # uint64 (V + 1): symbols of the best so many labels, a bit each: 0 to 63
    wanted_high: np.ndarray  # 64 to 127
    emission: np.ndarray  # (V,): p^scale of the labels that were asked for, plain or a logarithm; 0 for blank


class Search(NamedTuple):
    """All that the frames of one call work with."""

    weights: Weights
    lm: NGramTables
    tree: Tree
    beam: Beam
    heap: Heap
    labels: Labels
    lanes: np.ndarray
    counts: np.ndarray  # (1,) COUNTS


@inlined
def opened(weights: Weights, lm: NGramTables, tree: Tree, scratch: Scratch) -> Search:
    """Name every array of a search."""
    mass, numbers, places, labels = tree.mass, scratch.numbers, scratch.places, scratch.labels
    beam = Beam(
        tree.beam[0], mass[0, 0], mass[0, 1], tree.beam[1], mass[1, 0], mass[1, 1],
        scratch.entries, places[0], numbers[0], numbers[1], numbers[2],
    )  # fmt: skip
    heap = Heap(numbers[3], places[1], scratch.candidates)
    wanted, stamps, emission = scratch.wanted, scratch.stamps, scratch.emission
    ready = Labels(labels[0], labels[1], labels[2], labels[3], stamps, wanted[0], wanted[1], emission)
    return Search(weights, lm, tree, beam, heap, ready, scratch.lanes, scratch.counts)
