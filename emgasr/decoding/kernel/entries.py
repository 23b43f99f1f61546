"""The entries of the beam as they are: what frames ask of them, and what a frame leaves of each that stays."""

from __future__ import annotations

import numpy as np

from emgasr.decoding.kernel.masses import TINY, of_ln, plus, times, zero
from emgasr.decoding.kernel.scratch import (
    ABOVE,
    BEAMS,
    FACTOR_OF,
    FRAMES,
    HEAP,
    IN_BEAM,
    IN_TOP,
    LAST,
    LINKED,
    LINKED_COUNT,
    MOST_GAIN_OF,
    NEXT_CHILD,
    OLDER,
    PRESENT,
    PRESENT_COUNT,
    UNDO_OF,
)
from emgasr.decoding.kernel.tree import BLANK, FACTOR, LABEL, MOST_GAIN, PARENT, SLOT, UNDO
from emgasr.runtime.compiled import compiled

ONE, NONE = np.uint64(1), np.uint64(0)


@compiled(nogil=True)
def describe(
    live: int,
    beam: np.ndarray,
    links: np.ndarray,
    values: np.ndarray,
    symbol_of: np.ndarray,
    label_of: np.ndarray,
    places: np.ndarray,
    numbers: np.ndarray,
    children: np.ndarray,
    labels: np.ndarray,
    stamps: np.ndarray,
    counters: np.ndarray,
) -> None:
    """Gather what the frames ask of the beam's entries from their nodes: it stays the same until the beam changes."""
    counters[BEAMS] += 1
    present = linked = 0
    for entry in range(live):
        links[beam[entry], SLOT] = entry
        places[OLDER, entry] = -1
        children[0, entry] = children[1, entry] = NONE
    for entry in range(live):
        node = beam[entry]
        label, parent = links[node, LABEL], links[node, PARENT]
        places[LAST, entry], places[ABOVE, entry] = label, -1
        numbers[FACTOR_OF, entry], numbers[UNDO_OF, entry] = values[node, FACTOR], values[node, UNDO]
        numbers[MOST_GAIN_OF, entry] = values[node, MOST_GAIN]
        if label != BLANK and stamps[IN_BEAM, label] != counters[BEAMS]:
            stamps[IN_BEAM, label] = counters[BEAMS]
            labels[PRESENT, present] = label
            present += 1
        if parent < 0:
            continue
        slot = links[parent, SLOT]
        if slot < live and beam[slot] == parent:
            places[ABOVE, entry] = slot
            places[NEXT_CHILD, entry] = places[OLDER, slot]
            places[OLDER, slot] = entry
            places[LINKED, linked] = entry
            linked += 1
            symbol = symbol_of[label]
            if symbol >= 0 and len(label_of) > 0 and label_of[symbol] == label:
                children[symbol >> 6, slot] |= ONE << np.uint64(symbol & 63)
    counters[PRESENT_COUNT], counters[LINKED_COUNT] = present, linked


@compiled(nogil=True)
def stay(
    row: np.ndarray,
    scale: float,
    blank: float,
    live: int,
    mass: np.ndarray,
    places: np.ndarray,
    numbers: np.ndarray,
    labels: np.ndarray,
    stamps: np.ndarray,
    emission: np.ndarray,
    counters: np.ndarray,
    strict: bool,
    logs: bool | None,
) -> tuple[float, float, float, float, float]:
    """What each hypothesis has after the frame if it stays as it is, with what a live parent adds, on to mass[1].

    Return the most and the least that one has; the most that one had, that a symbol could make of it, and that an undo
    could, if their emissions were 1.
    """
    for place in range(counters[PRESENT_COUNT]):
        label = labels[PRESENT, place]
        emission[label] = of_ln(scale * row[label], logs)
        if strict and stamps[IN_TOP, label] != counters[FRAMES]:
            emission[label] = zero(logs)
    for entry in range(live):
        mass[1, 0, entry] = times(plus(mass[0, 0, entry], mass[0, 1, entry], logs), blank, logs)
    for entry in range(live):
        mass[1, 1, entry] = times(mass[0, 1, entry], emission[places[LAST, entry]], logs)
    for place in range(counters[LINKED_COUNT]):
        entry = places[LINKED, place]
        label = places[LAST, entry]
        if stamps[IN_TOP, label] == counters[FRAMES]:
            slot = places[ABOVE, entry]
            before = mass[0, 0, slot]
            if places[LAST, slot] != label:
                before = plus(before, mass[0, 1, slot], logs)
            added = times(times(before, numbers[FACTOR_OF, entry], logs), emission[label], logs)
            mass[1, 1, entry] = plus(mass[1, 1, entry], added, logs)
    if logs is None:
        return _extremes(live, mass, numbers)
    return _extremes_of_logs(live, mass, numbers)


@compiled(nogil=True)
def lost(row: np.ndarray, blanks: bool, live: int, mass: np.ndarray, places: np.ndarray) -> bool:
    """Whether the frame may leave an entry a plain mass too small to be told from none; `blanks`: whether one may come.

    An entry that the frame makes impossible has none, and is not lost.
    """
    for entry in range(live):
        if mass[1, 0, entry] + mass[1, 1, entry] < TINY:
            label = places[LAST, entry]
            if (blanks and row[BLANK] > -np.inf) or (label != BLANK and row[label] > -np.inf):
                return True
    return False


@compiled(nogil=True)
def _extremes_of_logs(live: int, mass: np.ndarray, numbers: np.ndarray) -> tuple[float, float, float, float, float]:
    best, least, had, reach, undone = -np.inf, np.inf, -np.inf, -np.inf, -np.inf
    for entry in range(live):
        total = plus(mass[1, 0, entry], mass[1, 1, entry], True)
        numbers[HEAP, entry] = total
        best, least = max(best, total), min(least, total)
        total = plus(mass[0, 0, entry], mass[0, 1, entry], True)
        had = max(had, total)
        reach = max(reach, total + numbers[MOST_GAIN_OF, entry])
        undone = max(undone, total + numbers[UNDO_OF, entry])
    return best, least, had, reach, undone


@compiled(nogil=True, fastmath={"nnan", "nsz", "reassoc"})
def _extremes(live: int, mass: np.ndarray, numbers: np.ndarray) -> tuple[float, float, float, float, float]:
    best, least, had, reach, undone = 0.0, np.inf, 0.0, 0.0, 0.0
    for entry in range(live):
        total = mass[1, 0, entry] + mass[1, 1, entry]
        numbers[HEAP, entry] = total
        best = max(best, total)
        least = min(least, total)
    for entry in range(live):
        total = mass[0, 0, entry] + mass[0, 1, entry]
        had = max(had, total)
        reach = max(reach, total * numbers[MOST_GAIN_OF, entry])
        undone = max(undone, total * numbers[UNDO_OF, entry])
    return best, least, had, reach, undone
