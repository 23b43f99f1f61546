"""A beam's size and the number of labels in, room for one frame's work out; which row of it holds what."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emgasr.decoding.kernel.rows import LANES

# Rows of `places`. WHICH: whose a mass on the heap is (from `live` on a candidate's). Of a candidate: the entry that it
# comes from, its label and the language model's state behind it. Of an entry, at hand as long as the beam is the same:
# its label, where in the beam its parent is (-1: nowhere), its first live child, the next of its parent's; then a list
# of the entries whose parent lives.
WHICH, COMES_FROM, BEGUN, BEHIND_IT, LAST, ABOVE, OLDER, NEXT_CHILD, LINKED = range(9)
# Rows of `numbers`. HEAP: the masses of the best so far, the least first. Of a candidate: its factor and ln p. Of an
# entry: its factor, the factor of an undo, the largest that a printing token can have.
HEAP, TIMES_IT, STEP_TO_IT, FACTOR_OF, UNDO_OF, MOST_GAIN_OF = range(6)
# Rows of `labels`. TOP: those that may begin, best first; PRESENT: those that entries end in; OTHERS: places in TOP of
# those that the masks do not hold; LEFT: labels that the language model is still to be asked for. Rows of `stamps`: in
# which frame a label was last among the TOP, in which beam it was PRESENT.
TOP, PRESENT, OTHERS, LEFT = range(4)
IN_TOP, IN_BEAM = range(2)
# Of `counters`: frames, and beams, that this room was used for; labels in PRESENT; entries in LINKED.
FRAMES, BEAMS, PRESENT_COUNT, LINKED_COUNT = range(4)


class Scratch(NamedTuple):
    """Room for one frame's work, which carries nothing from one frame to the next; few arrays, as each costs a call."""

    places: np.ndarray  # (9, entries) int32
    numbers: np.ndarray  # (6, entries) float64
    children: np.ndarray  # (2, entries) uint64: symbols of each entry's live children, a bit each
    labels: np.ndarray  # (4, V) int32
    stamps: np.ndarray  # (2, V) int64
    wanted: np.ndarray  # (2, V + 1) uint64: symbols of the best so many labels, a bit each
    emission: np.ndarray  # (V,) float64: e^(scale ln p) of the labels that were asked for; 0 for blank
    lanes: np.ndarray  # (LANES,) float64
    counters: np.ndarray  # (4,) int64


def scratch(entries: int, labels: int) -> Scratch:
    """Room for a beam of `entries` and `labels` labels."""
    return Scratch(
        np.zeros((9, entries), np.int32),
        np.zeros((6, entries)),
        np.zeros((2, entries), np.uint64),
        np.zeros((4, labels), np.int32),
        np.zeros((2, labels), np.int64),
        np.zeros((2, labels + 1), np.uint64),
        np.zeros(labels),
        np.zeros(LANES),
        np.zeros(4, np.int64),
    )
