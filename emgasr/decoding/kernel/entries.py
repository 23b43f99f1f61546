"""The entries of the beam as they are: what frames ask of them, and what a frame leaves of each that stays."""

from __future__ import annotations

import numpy as np
from numba import njit

from emgasr.decoding.kernel.language import LARGEST
from emgasr.decoding.kernel.tree import BLANK, FACTOR, FINISH, HOT, LABEL, PARENT, SLOT, STATE, UNDO
from emgasr.decoding.kernel.weights import ALPHA, BONUS
from emgasr.decoding.kernel.words import Boosts, Words


@njit(cache=True, nogil=True)
def describe(
    live: int,
    beam: np.ndarray,
    links: np.ndarray,
    values: np.ndarray,
    context_floats: np.ndarray,
    words: Words | None,
    boosts: Boosts | None,
    weights: np.ndarray,
    last: np.ndarray,
    above: np.ndarray,
    older: np.ndarray,
    next_child: np.ndarray,
    factor: np.ndarray,
    undo: np.ndarray,
    most_gain: np.ndarray,
) -> None:
    """Gather what the frames ask of the beam's entries from their nodes: it stays the same until the beam changes."""
    for entry in range(live):
        links[beam[entry], SLOT] = entry
        older[entry] = -1
    for entry in range(live):
        node = beam[entry]
        last[entry], factor[entry], undo[entry] = links[node, LABEL], values[node, FACTOR], values[node, UNDO]
        parent = links[node, PARENT]
        above[entry] = -1
        if parent >= 0:
            slot = links[parent, SLOT]
            if slot < live and beam[slot] == parent:
                above[entry] = slot
                next_child[entry] = older[slot]
                older[slot] = entry
        gain = max(context_floats[links[node, STATE], LARGEST], weights[BONUS])
        if words is not None:
            # Within a word its worth only falls: it rises where a word ends, and if unknown words have a bonus.
            rises = max(values[node, FINISH], 0.0) + max(-words.penalty, 0.0)
            gain = weights[BONUS] * np.exp(weights[ALPHA] * rises) if weights[ALPHA] >= 0 else np.inf
        if boosts is not None:
            gain *= np.exp(boosts.most[links[node, HOT]])
        most_gain[entry] = gain


@njit(cache=True, nogil=True)
def stay(
    row: np.ndarray,
    scale: float,
    blank: float,
    now: int,
    live: int,
    in_blank: np.ndarray,
    in_token: np.ndarray,
    last: np.ndarray,
    above: np.ndarray,
    factor: np.ndarray,
    emission: np.ndarray,
    asked: np.ndarray,
    may_begin: np.ndarray,
    stay_blank: np.ndarray,
    stay_token: np.ndarray,
    heap: np.ndarray,
) -> tuple[float, float]:
    """What each hypothesis has after the frame if it stays as it is, with what a live parent adds; most and least."""
    best, least = 0.0, np.inf
    for entry in range(live):
        label = last[entry]
        stays = 0.0
        if label != BLANK:
            if asked[label] != now:
                asked[label] = now
                emission[label] = np.exp(scale * row[label])
            stays = in_token[entry] * emission[label]
            slot = above[entry]
            if slot >= 0 and may_begin[label] == now:
                before = in_blank[slot]
                if last[slot] != label:
                    before += in_token[slot]
                stays += before * emission[label] * factor[entry]
        stay_blank[entry] = (in_blank[entry] + in_token[entry]) * blank
        stay_token[entry] = stays
        heap[entry] = stay_blank[entry] + stays
        best = max(best, heap[entry])
        least = min(least, heap[entry])
    return best, least
