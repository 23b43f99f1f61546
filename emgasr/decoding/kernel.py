"""Log-probabilities of frames in, the beam of live hypotheses moved on: the compiled core of the prefix beam search.

A hypothesis is a node of a tree of token sequences, so that two alignments of one sequence meet in one node. Its mass
is its probability times exp(its part of the score that the emissions have no say in), in plain doubles, split by
whether its alignments end in blank or in its last token. Masses are scaled up when the best falls below 1e-60; what
lies more than about 500 nats below the best is lost, which no beam keeps.

A sequence that goes on living has one way in a frame (stay) and perhaps a second (its parent, if alive, emits its last
token); a new one has exactly one (its parent emits a token). So stays are summed first, and a new hypothesis is looked
at only if a bound on its mass (the parent's, times the emission, times the largest factor that the language model has
to offer there) exceeds that of the beam's last. The bound is exact: no hypothesis is lost by it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from emgasr.decoding.kernel_language import NOT_PRINTING, Language, ln_p_of, look_up
from emgasr.decoding.kernel_tree import (
    BELOW,
    BLANK,
    CHILD,
    COMMITTED,
    DEPTH,
    FACTOR,
    FILLED,
    FRAME,
    LABEL,
    LIVE,
    LN_P,
    PARENT,
    PRIOR,
    REFUSED,
    SIBLING,
    SLOT,
    STATE,
    TEXT,
    UNDO,
    USED,
    WINDOW,
    Tree,
    commit,
    compact,
    shift_window,
)

COMMIT_EVERY = 4  # frames
TOO_SMALL = 1e-60
LARGEST_LN = 600.0  # e^600 is still far from the largest double

# What `advance` answers.
DONE, NOT_A_NUMBER, NOT_NORMALIZED, MORE_NODES, MORE_BEAM, MORE_WINDOW, MORE_COMMITTED = range(7)


class Weights(NamedTuple):
    """What the search is asked, as SearchConfig has it, ready to multiply."""

    beam: int
    top_k: int
    backspace: int  # -1: there is none
    scale: float
    alpha: float
    ln_bonus: float
    bonus: float  # e^ln_bonus
    ln_undo: float  # bonus less the backspace's penalty
    ln_blank: float  # what a blank frame costs
    threshold: float  # e^-threshold: entries below this part of the best are dropped; 0 keeps all
    commit_within: int  # frames after which the best is committed whatever else lives


class Scratch(NamedTuple):
    """Room for one frame's work; it carries nothing from one frame to the next."""

    heap: np.ndarray  # (entries,) float64: masses of the best so far, smallest first
    which: np.ndarray  # (entries,) int32: whose they are, an entry's or (from `live` on) a candidate's
    parent: np.ndarray  # (entries,) int32: of a candidate
    label: np.ndarray  # (entries,) int32
    factor: np.ndarray  # (entries,) float64
    state: np.ndarray  # (entries,) int32
    older: np.ndarray  # (entries,) int32: the first live child of an entry
    next_child: np.ndarray  # (entries,) int32: the next live child of the same parent
    labels: np.ndarray  # (V,) int32: those that may begin, best first
    emission: np.ndarray  # (V,) float64: e^(scale ln p) of the labels that were asked for
    asked: np.ndarray  # (V,) int64: the frame for which `emission` was computed
    may_begin: np.ndarray  # (V,) int64: the last frame in which a label was among `labels`
    stamp: np.ndarray  # (1,) int64: the number of the frame at work, for the two above


def scratch(entries: int, labels: int) -> Scratch:
    """Room for a beam of `entries` and `labels` labels."""
    return Scratch(
        heap=np.zeros(entries),
        which=np.zeros(entries, np.int32),
        parent=np.zeros(entries, np.int32),
        label=np.zeros(entries, np.int32),
        factor=np.zeros(entries),
        state=np.zeros(entries, np.int32),
        older=np.zeros(entries, np.int32),
        next_child=np.zeros(entries, np.int32),
        labels=np.zeros(labels, np.int32),
        emission=np.zeros(labels),
        asked=np.zeros(labels, np.int64),
        may_begin=np.zeros(labels, np.int64),
        stamp=np.zeros(1, np.int64),
    )


@njit(cache=True, nogil=True)
def advance(
    emissions: np.ndarray, first: int, language: Language, weights: Weights, tree: Tree, scratch: Scratch
) -> tuple[int, int]:
    """Search on through rows `first` and up of emissions (F, V); return how far it came and why it stopped."""
    marks = tree.marks
    for row in range(first, len(emissions)):
        live = marks[LIVE]
        wanted = min(weights.beam, live * (weights.top_k + 1))
        if wanted > tree.beam.shape[1]:
            return row, MORE_BEAM
        if marks[USED] + wanted > len(tree.links):
            compact(tree)
            if marks[USED] + wanted > len(tree.links) // 2:  # rarely: compacting costs as much as many frames
                return row, MORE_NODES
        if marks[FILLED] == len(tree.window):
            shift_window(tree)
            if marks[FILLED] > len(tree.window) // 2:
                return row, MORE_WINDOW
        if marks[COMMITTED] + marks[FILLED] - marks[WINDOW] >= len(tree.committed):
            return row, MORE_COMMITTED
        refused = _check(emissions[row])
        if refused:
            marks[REFUSED] = row
            return row, refused
        tree.window[marks[FILLED]] = emissions[row]
        marks[FILLED] += 1
        _frame(tree.window[marks[FILLED] - 1], language, weights, tree, scratch)
        marks[FRAME] += 1
        if marks[FRAME] % COMMIT_EVERY == 0:
            commit(tree, weights.commit_within)
    return len(emissions), DONE


@njit(cache=True, nogil=True)
def _check(row: np.ndarray) -> int:
    total = 0.0
    for value in row:
        total += np.exp(value)
    if abs(total - 1.0) <= 1e-3:
        return DONE
    for value in row:
        if np.isnan(value) or value == np.inf:
            return NOT_A_NUMBER
    return NOT_NORMALIZED


@njit(cache=True, nogil=True)
def _frame(row: np.ndarray, language: Language, weights: Weights, tree: Tree, scratch: Scratch) -> None:
    marks, links, values = tree.marks, tree.links, tree.values
    scratch.stamp[0] += 1
    live, now = marks[LIVE], scratch.stamp[0]
    beam = tree.beam[0]
    in_blank, in_token = tree.mass[0, 0], tree.mass[0, 1]
    count = _best_labels(row, weights, scratch, now)
    blank = np.exp(weights.scale * row[BLANK] - weights.ln_blank)

    # Stays, and what a live parent adds to them.
    for entry in range(live):
        links[beam[entry], SLOT] = entry
        scratch.older[entry] = -1
    heap, which = scratch.heap, scratch.which
    stay_blank, stay_token = tree.mass[1, 0], tree.mass[1, 1]
    best = 0.0
    for entry in range(live):
        node = beam[entry]
        label = links[node, LABEL]
        stays = 0.0
        if label != BLANK:
            emission = _emission(row, label, weights, scratch, now)
            stays = in_token[entry] * emission
            parent = links[node, PARENT]
            if scratch.may_begin[label] == now and parent >= 0:
                slot = links[parent, SLOT]
                if slot < live and beam[slot] == parent:
                    before = in_blank[slot]
                    if links[parent, LABEL] != label:
                        before += in_token[slot]
                    stays += before * emission * values[node, FACTOR]
                    scratch.next_child[entry] = scratch.older[slot]
                    scratch.older[slot] = entry
        stay_blank[entry] = (in_blank[entry] + in_token[entry]) * blank
        stay_token[entry] = stays
        mass = stay_blank[entry] + stays
        best = max(best, mass)
        heap[entry] = mass
        which[entry] = entry
    for root in range(live // 2 - 1, -1, -1):
        _sift_down(heap, which, root, live)

    # New hypotheses, as long as one of them can still get in.
    size, candidates = live, 0
    for entry in range(live):
        node = beam[entry]
        total = in_blank[entry] + in_token[entry]
        last, state = links[node, LABEL], links[node, STATE]
        bound = total * max(language.largest[state], weights.bonus)
        for place in range(count):
            label = scratch.labels[place]
            emission = scratch.emission[label]
            floor = max(heap[0] if size == weights.beam else 0.0, best * weights.threshold)
            if label == weights.backspace:
                if total * emission * values[node, UNDO] <= floor:
                    continue
            elif bound * emission <= floor:
                if place >= count - 1 or weights.backspace < 0:
                    break
                continue
            before = in_blank[entry] if label == last else total
            if before == 0.0 or _lives(entry, label, beam, links, scratch):
                continue
            if label == weights.backspace:
                factor, following = values[node, UNDO], np.int32(0)
            else:
                factor, following = look_up(language, state, language.symbol_of[label], weights.bonus)
            mass = before * emission * factor
            if mass <= floor:
                continue
            best = max(best, mass)
            if size < weights.beam:
                spot, index = candidates, live + candidates
                candidates += 1
                _sift_up(heap, which, size, mass, index)
                size += 1
            else:
                out = which[0]
                if out < live:
                    spot, index = candidates, live + candidates
                    candidates += 1
                else:
                    spot, index = out - live, out
                heap[0] = mass
                which[0] = index
                _sift_down(heap, which, 0, size)
            scratch.parent[spot] = node
            scratch.label[spot] = label
            scratch.factor[spot] = factor
            scratch.state[spot] = following

    _settle(size, live, best * weights.threshold, language, weights, tree, scratch)
    if best < TOO_SMALL and best > 0.0:
        tree.mass[0, :, : marks[LIVE]] /= best
        tree.ln_scale[0] += np.log(best)


@njit(cache=True, nogil=True)
def _best_labels(row: np.ndarray, weights: Weights, scratch: Scratch, now: int) -> int:
    """Put the labels that may begin in this frame into `scratch.labels`, best first; return how many they are."""
    labels, count = scratch.labels, 0
    for label in range(1, len(row)):
        value = row[label]
        if value == -np.inf or (count == weights.top_k and value <= row[labels[count - 1]]):
            continue
        place = count if count < weights.top_k else count - 1
        count = min(count + 1, weights.top_k)
        while place > 0 and row[labels[place - 1]] < value:
            labels[place] = labels[place - 1]
            place -= 1
        labels[place] = label
    for place in range(count):
        scratch.may_begin[labels[place]] = now
        _emission(row, labels[place], weights, scratch, now)
    return count


@njit(cache=True, nogil=True)
def _emission(row: np.ndarray, label: int, weights: Weights, scratch: Scratch, now: int) -> float:
    if scratch.asked[label] != now:
        scratch.asked[label] = now
        scratch.emission[label] = np.exp(weights.scale * row[label])
    return scratch.emission[label]


@njit(cache=True, nogil=True)
def _lives(entry: int, label: int, beam: np.ndarray, links: np.ndarray, scratch: Scratch) -> bool:
    """Whether the sequence of `entry` and `label` is in the beam, where its mass was counted already."""
    child = scratch.older[entry]
    while child >= 0:
        if links[beam[child], LABEL] == label:
            return True
        child = scratch.next_child[child]
    return False


@njit(cache=True, nogil=True)
def _sift_down(heap: np.ndarray, which: np.ndarray, root: int, size: int) -> None:
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
def _sift_up(heap: np.ndarray, which: np.ndarray, place: int, mass: float, index: int) -> None:
    while place > 0:
        above = (place - 1) // 2
        if heap[above] <= mass:
            break
        heap[place], which[place] = heap[above], which[above]
        place = above
    heap[place], which[place] = mass, index


@njit(cache=True, nogil=True)
def _settle(
    size: int, live: int, floor: float, language: Language, weights: Weights, tree: Tree, scratch: Scratch
) -> None:
    """Make the heap the next beam; new hypotheses become nodes."""
    count = 0
    for place in range(size):
        mass, index = scratch.heap[place], scratch.which[place]
        if mass == 0.0 or mass < floor:
            continue
        if index < live:
            tree.beam[1, count] = tree.beam[0, index]
            in_blank, in_token = tree.mass[1, 0, index], tree.mass[1, 1, index]
        else:
            tree.beam[1, count] = _child(index - live, language, weights, tree, scratch)
            in_blank, in_token = 0.0, mass
        tree.mass[0, 0, count], tree.mass[0, 1, count] = in_blank, in_token
        count += 1
    tree.beam[0, :count] = tree.beam[1, :count]
    tree.marks[LIVE] = count


@njit(cache=True, nogil=True)
def _child(candidate: int, language: Language, weights: Weights, tree: Tree, scratch: Scratch) -> int:
    """The node of a candidate: the one that it was before, as something grown from it may live, or a new one."""
    links, values = tree.links, tree.values
    parent, label = scratch.parent[candidate], scratch.label[candidate]
    child = links[parent, CHILD]
    while child >= 0:
        if links[child, LABEL] == label:
            return child
        child = links[child, SIBLING]
    node = tree.marks[USED]
    tree.marks[USED] += 1
    links[node, PARENT], links[node, LABEL], links[node, DEPTH] = parent, label, links[parent, DEPTH] + 1
    links[node, CHILD], links[node, SIBLING], links[node, SLOT] = -1, links[parent, CHILD], 0
    links[parent, CHILD] = node
    values[node, FACTOR] = scratch.factor[candidate]
    text, symbol = links[parent, TEXT], language.symbol_of[label]
    if label == weights.backspace:
        text = links[text, BELOW]
        links[node, STATE], links[node, TEXT], links[node, BELOW] = links[text, STATE], text, text
        values[node, LN_P], values[node, UNDO] = values[text, LN_P], values[text, UNDO]
        change = weights.alpha * (values[text, LN_P] - values[parent, LN_P]) + weights.ln_undo
    elif symbol == NOT_PRINTING:
        links[node, STATE], links[node, TEXT], links[node, BELOW] = links[parent, STATE], text, text
        values[node, LN_P], values[node, UNDO] = values[parent, LN_P], values[parent, UNDO]
        change = weights.ln_bonus
    else:
        ln_p = ln_p_of(language, links[parent, STATE], symbol)
        links[node, STATE], links[node, TEXT], links[node, BELOW] = scratch.state[candidate], node, text
        values[node, LN_P] = values[parent, LN_P] + ln_p
        values[node, UNDO] = np.exp(min(weights.ln_undo - weights.alpha * ln_p, LARGEST_LN))
        change = weights.alpha * ln_p + weights.ln_bonus
    values[node, PRIOR] = values[parent, PRIOR] + change
    return node
