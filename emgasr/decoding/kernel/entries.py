"""The beam's entries in: what frames ask of them, and what a frame leaves of each that stays as it is, out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emgasr.decoding.kernel.arrays import Beam, Heap, Search
from emgasr.decoding.kernel.compiling import inlined, inner
from emgasr.decoding.kernel.masses import TINY, of_ln, plus, times, zero
from emgasr.decoding.kernel.tree import BLANK
from emgasr.runtime.compiled import compiled

ONE, NONE = np.uint64(1), np.uint64(0)


class Stays(NamedTuple):
    """Masses over all entries: the most and the least behind the frame, and the most before it.

    `reach` and `undone` are the most before it times the largest factor of a printing token, and of a backspace.
    """

    most: float
    least: float
    before: float
    reach: float
    undone: float


@inlined
def describe(search: Search) -> None:
    """Gather what frames ask of the entries from their nodes; it stays the same until the beam changes."""
    nodes, beam, labels, counts, lm = search.tree.nodes, search.beam, search.labels, search.counts[0], search.lm
    live = search.tree.progress[0].live
    counts.beams += 1
    present = linked = 0
    for number in range(live):
        nodes[beam.nodes[number]].slot = number
        entry = beam.entries[number]
        entry.child = -1
        entry.low = entry.high = NONE
    for number in range(live):
        node, entry = nodes[beam.nodes[number]], beam.entries[number]
        label, parent = node.label, node.parent
        entry.label, entry.parent = label, -1
        beam.factor[number], beam.undo[number], beam.largest[number] = node.factor, node.undo, node.largest
        if label != BLANK and labels.stamps[label].beam != counts.beams:
            labels.stamps[label].beam = counts.beams
            labels.present[present] = label
            present += 1
        if parent < 0:
            continue
        slot = nodes[parent].slot
        if slot < live and beam.nodes[slot] == parent:
            above = beam.entries[slot]
            entry.parent, entry.sibling = slot, above.child
            above.child = number
            beam.linked[linked] = number
            linked += 1
            symbol = lm.symbol_of[label]
            if symbol >= 0 and len(lm.label_of) > 0 and lm.label_of[symbol] == label:
                if symbol < 64:
                    above.low |= ONE << np.uint64(symbol)
                else:
                    above.high |= ONE << np.uint64(symbol & 63)
    counts.present, counts.linked = present, linked


@inlined
def stay(search: Search, row: np.ndarray, blank: float, logs: bool | None) -> Stays:
    """Compute what each entry has behind the frame if it stays as it is, with what a live parent adds.

    `blank` is the factor of a blank frame. The masses go to `next_blank` and `next_token`, their sums to the heap.
    """
    beam, entries, labels, counts = search.beam, search.beam.entries, search.labels, search.counts[0]
    live = search.tree.progress[0].live
    for place in range(counts.present):
        label = labels.present[place]
        labels.emission[label] = of_ln(search.weights.acoustic_scale * row[label], logs)
        if search.weights.strict and labels.stamps[label].frame != counts.frames:
            labels.emission[label] = zero(logs)
    for entry in range(live):
        beam.next_blank[entry] = times(plus(beam.blank[entry], beam.token[entry], logs), blank, logs)
    for entry in range(live):
        beam.next_token[entry] = times(beam.token[entry], labels.emission[entries[entry].label], logs)
    for place in range(counts.linked):
        entry = beam.linked[place]
        label = entries[entry].label
        if labels.stamps[label].frame == counts.frames:
            slot = entries[entry].parent
            before = beam.blank[slot]
            if entries[slot].label != label:
                before = plus(before, beam.token[slot], logs)
            added = times(times(before, beam.factor[entry], logs), labels.emission[label], logs)
            beam.next_token[entry] = plus(beam.next_token[entry], added, logs)
    if logs is None:
        return _extremes(live, beam, search.heap)
    return _extremes_of_logs(live, beam, search.heap)


@inner
def lost(search: Search, row: np.ndarray, blanks: bool) -> bool:
    """Return whether the frame may leave an entry a plain mass too small to differ from none.

    `blanks` says whether a blank may come. An entry that the frame makes impossible has no mass, and is not lost.
    """
    beam = search.beam
    for entry in range(search.tree.progress[0].live):
        if beam.next_blank[entry] + beam.next_token[entry] < TINY:
            label = beam.entries[entry].label
            if (blanks and row[BLANK] > -np.inf) or (label != BLANK and row[label] > -np.inf):
                return True
    return False


@inner
def _extremes_of_logs(live: int, beam: Beam, heap: Heap) -> Stays:
    most, least, had, reach, undone = -np.inf, np.inf, -np.inf, -np.inf, -np.inf
    for entry in range(live):
        total = plus(beam.next_blank[entry], beam.next_token[entry], True)
        heap.mass[entry] = total
        most, least = max(most, total), min(least, total)
        total = plus(beam.blank[entry], beam.token[entry], True)
        had = max(had, total)
        reach = max(reach, total + beam.largest[entry])
        undone = max(undone, total + beam.undo[entry])
    return Stays(most, least, had, reach, undone)


@compiled(nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def _extremes(live: int, beam: Beam, heap: Heap) -> Stays:
    most, least, had, reach, undone = 0.0, np.inf, 0.0, 0.0, 0.0
    for entry in range(live):
        total = beam.next_blank[entry] + beam.next_token[entry]
        heap.mass[entry] = total
        most = max(most, total)
        least = min(least, total)
    for entry in range(live):
        total = beam.blank[entry] + beam.token[entry]
        had = max(had, total)
        reach = max(reach, total * beam.largest[entry])
        undone = max(undone, total * beam.undo[entry])
    return Stays(most, least, had, reach, undone)
