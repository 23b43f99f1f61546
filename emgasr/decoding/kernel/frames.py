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

from emgasr.decoding.kernel.entries import describe, stay
from emgasr.decoding.kernel.heap import build, offer
from emgasr.decoding.kernel.language import (
    BACKOFF,
    BEHIND,
    BY_WORDS,
    FAIL,
    LARGEST,
    LN_P_STEP,
    NOT_IN_MODEL,
    TIMES,
    Language,
    child,
)
from emgasr.decoding.kernel.nodes import node_of
from emgasr.decoding.kernel.rows import DONE, MORE_BEAM, MORE_COMMITTED, MORE_NODES, MORE_WINDOW, best_labels, check
from emgasr.decoding.kernel.tree import (
    BLANK,
    COMMITTED,
    FILLED,
    FRAME,
    HOT,
    LIVE,
    NODE,
    OUTSIDE_LN_P,
    SPELLED,
    STATE,
    USED,
    WINDOW,
    Tree,
    commit,
    compact,
    shift_window,
)
from emgasr.decoding.kernel.weights import (
    ALPHA,
    BACKSPACE,
    BEAM,
    BONUS,
    COMMIT_WITHIN,
    LN_BLANK,
    SCALE,
    THRESHOLD,
    TOP_K,
)
from emgasr.decoding.kernel.words import Boosts, Words, word_step
from emgasr.lm.ngram import MISSING_UNKNOWN

COMMIT_EVERY = 4  # frames
TOO_SMALL = 1e-60


class Scratch(NamedTuple):
    """Room for one frame's work, which carries nothing from one frame to the next; few arrays, as each costs a call."""

    entry_ids: np.ndarray  # (8, entries) int32: see `advance`
    entry_masses: np.ndarray  # (6, entries) float64
    label_ids: np.ndarray  # (7, V) int32
    emission: np.ndarray  # (V,) float64: e^(scale ln p) of the labels that were asked for


def scratch(entries: int, labels: int) -> Scratch:
    """Room for a beam of `entries` and `labels` labels."""
    ids, masses = np.zeros((8, entries), np.int32), np.zeros((6, entries))
    return Scratch(ids, masses, np.zeros((7, labels), np.int32), np.zeros(labels))


@njit(cache=True, nogil=True)
def advance(
    emissions: np.ndarray,
    first_row: int,
    language: Language,
    words: Words | None,
    boosts: Boosts | None,
    weights: np.ndarray,
    tree: Tree,
    scratch: Scratch,
) -> tuple[int, int]:
    """Search on through rows `first_row` and up of emissions (F, V); return how far it came and why it stopped.

    Compiled apart for searches with and without words and boosts, so that one costs nothing where it is not.
    """
    # Arrays are taken out of their tuples here, once: in a loop every access to a tuple would count references.
    links, values, window, marks = tree.links, tree.values, tree.window, tree.marks
    beam, after, mass = tree.beam[0], tree.beam[1], tree.mass
    in_blank, in_token, stay_blank, stay_token = mass[0, 0], mass[0, 1], mass[1, 0], mass[1, 1]
    # Of the heap of the best so far, the least first: masses, and whose they are (from `live` on a candidate's).
    heap, which = scratch.entry_masses[0], scratch.entry_ids[0]
    # Of a candidate: parent, label, factor, ln p and the language model's state behind.
    parents, begun, states = scratch.entry_ids[1], scratch.entry_ids[2], scratch.entry_ids[3]
    factors, steps = scratch.entry_masses[1], scratch.entry_masses[2]
    # Of an entry, at hand as long as the beam is the same: its label, where in the beam its parent is (-1: nowhere),
    # its first live child, the next of its parent's; its factor, what an undo gives, what another token can at most.
    last, above = scratch.entry_ids[4], scratch.entry_ids[5]
    older, next_child = scratch.entry_ids[6], scratch.entry_ids[7]
    factor, undo, most_gain = scratch.entry_masses[3], scratch.entry_masses[4], scratch.entry_masses[5]
    # Labels that may begin, best first; those that the language model is still to be asked for; the latest frame in
    # which a label's emission was computed; in which it was among the best; room for the check of rows; the frame.
    labels, left = scratch.label_ids[0], scratch.label_ids[1]
    asked, may_begin = scratch.label_ids[2], scratch.label_ids[3]
    powers, parts, stamp = scratch.label_ids[4], scratch.label_ids[5].view(np.float32), scratch.label_ids[6]
    emission = scratch.emission
    most, scale = int(weights[BEAM]), weights[SCALE]
    symbol_of, symbol, contexts, ngrams = language.symbol_of, language.symbol, language.contexts, language.ngrams
    context_links, context_floats = contexts.view(np.int32), contexts.view(np.float32)
    ngram_links, ngram_floats = ngrams.view(np.int32), ngrams.view(np.float32)
    changed = True
    for row_number in range(first_row, len(emissions)):
        row = emissions[row_number]
        live = marks[LIVE]
        wanted = min(most, live * (int(weights[TOP_K]) + 1))
        if wanted > len(beam):
            return row_number, MORE_BEAM
        if marks[USED] + wanted > len(links):
            compact(tree)
            if marks[USED] + wanted > len(links) // 2:  # rarely: compacting costs as much as many frames
                return row_number, MORE_NODES
        if marks[FILLED] == len(window):
            shift_window(tree)
            if marks[FILLED] > len(window) // 2:
                return row_number, MORE_WINDOW
        if marks[COMMITTED] + marks[FILLED] - marks[WINDOW] >= len(tree.committed):
            return row_number, MORE_COMMITTED
        refused = check(row, powers, parts)
        if refused:
            return row_number, refused
        window[marks[FILLED]] = row
        marks[FILLED] += 1
        marks[FRAME] += 1
        stamp[0] += 1
        now = stamp[0]
        count = best_labels(row, int(weights[TOP_K]), scale, now, labels, emission, asked, may_begin)
        blank = np.exp(scale * row[BLANK] - weights[LN_BLANK])
        if changed:
            describe(
                live, beam, links, values, context_floats, words, boosts, weights, last, above, older, next_child,
                factor, undo, most_gain,
            )  # fmt: skip
        best, least = stay(
            row, scale, blank, now, live, in_blank, in_token, last, above, factor, emission, asked, may_begin,
            stay_blank, stay_token, heap,
        )  # fmt: skip
        size, candidates, best = _begin(
            best, least, live, count, weights, beam, in_blank, in_token, links, values, labels, emission, left, last,
            older, next_child, undo, most_gain, symbol_of, symbol, contexts, context_links, context_floats, ngrams,
            ngram_links, ngram_floats, language.masked, language.weight, language.missing, words, boosts, heap, which,
            parents, begun, factors, steps, states,
        )  # fmt: skip
        floor = best * weights[THRESHOLD]
        changed = candidates > 0 or least == 0.0 or least < floor
        if not changed:
            in_blank[:live] = stay_blank[:live]
            in_token[:live] = stay_token[:live]
        else:
            kept = 0
            if candidates == 0:
                build(heap, which, live)
            for place in range(size):
                share, index = heap[place], which[place]
                if share == 0.0 or share < floor:
                    continue
                if index < live:
                    after[kept], in_blank[kept], in_token[kept] = beam[index], stay_blank[index], stay_token[index]
                else:
                    spot = index - live
                    after[kept] = node_of(
                        parents[spot], begun[spot], factors[spot], steps[spot], states[spot], weights, links, values,
                        marks, symbol_of, words, boosts,
                    )  # fmt: skip
                    in_blank[kept], in_token[kept] = 0.0, share
                kept += 1
            beam[:kept] = after[:kept]
            marks[LIVE] = kept
        if best < TOO_SMALL and best > 0.0:
            in_blank[: marks[LIVE]] /= best
            in_token[: marks[LIVE]] /= best
            tree.ln_scale[0] += np.log(best)
        if marks[FRAME] % COMMIT_EVERY == 0:
            changed |= commit(tree, int(weights[COMMIT_WITHIN]))
    return len(emissions), DONE


@njit(cache=True, nogil=True)
def _begin(
    best: float,
    least: float,
    live: int,
    count: int,
    weights: np.ndarray,
    beam: np.ndarray,
    in_blank: np.ndarray,
    in_token: np.ndarray,
    links: np.ndarray,
    values: np.ndarray,
    labels: np.ndarray,
    emission: np.ndarray,
    remaining: np.ndarray,
    last: np.ndarray,
    older: np.ndarray,
    next_child: np.ndarray,
    undo: np.ndarray,
    most_gain: np.ndarray,
    symbol_of: np.ndarray,
    symbol: np.ndarray,
    contexts: np.ndarray,
    context_links: np.ndarray,
    context_floats: np.ndarray,
    ngrams: np.ndarray,
    ngram_links: np.ndarray,
    ngram_floats: np.ndarray,
    masked: bool,
    lm_weight: float,
    missing: float,
    words: Words | None,
    boosts: Boosts | None,
    heap: np.ndarray,
    which: np.ndarray,
    parents: np.ndarray,
    begun: np.ndarray,
    factors: np.ndarray,
    steps: np.ndarray,
    states: np.ndarray,
) -> tuple[int, int, float]:
    """Put new hypotheses on the heap as long as one can get in; return its size, how many were put there, the best."""
    size, candidates, most = live, 0, int(weights[BEAM])
    threshold, backspace, bonus = weights[THRESHOLD], int(weights[BACKSPACE]), weights[BONUS]
    alpha, hot, undo_place = weights[ALPHA], 0, count
    for place in range(count):
        if labels[place] == backspace:
            undo_place = place
    floor = max(least if size == most else 0.0, best * threshold)
    for entry in range(live - 1, -1, -1):  # a heap's end is where the best are, and they raise the floor soonest
        total = in_blank[entry] + in_token[entry]
        highest = total * most_gain[entry]
        undone = total * undo[entry] * emission[backspace] if undo_place < count else 0.0
        if highest * emission[labels[0]] <= floor and undone <= floor:
            continue
        node = beam[entry]
        state = links[node, STATE]
        left = 0  # labels that the language model has still to be asked for, best first
        gained = 1.0  # at most, by boosts
        if boosts is not None:
            hot = links[node, HOT]
            gained = np.exp(boosts.most[hot])
        for place in range(count):
            label = labels[place]
            undoes = place == undo_place
            if highest * emission[label] <= floor and not undoes:
                if place >= undo_place or undone <= floor:
                    break  # those that follow are no likelier
                continue
            if undoes and undone <= floor:
                continue
            before = in_blank[entry] if label == last[entry] else total
            if before == 0.0:
                continue
            sibling = older[entry]  # a sequence that lives had its mass counted already
            while sibling >= 0 and last[sibling] != label:
                sibling = next_child[sibling]
            if sibling >= 0:
                continue
            sought = symbol_of[label]
            if sought >= 0 and not undoes:
                remaining[left] = label
                left += 1
                continue
            times, behind, step = bonus, state, 0.0
            if undoes:
                times = undo[entry]
            elif sought == NOT_IN_MODEL:
                times, behind, step = missing, 0, MISSING_UNKNOWN
            if words is not None and sought == BY_WORDS and not undoes:
                step, behind, _, _, _ = word_step(
                    words, label, state, links[node, NODE], links[node, SPELLED], values[node, OUTSIDE_LN_P]
                )
                times = bonus * np.exp(alpha * step)
            if boosts is not None and not undoes:
                times *= np.exp(boosts.gain[hot, label])
            mass = before * emission[label] * times
            if mass > floor:
                spot, size, candidates = offer(mass, size, candidates, live, most, heap, which)
                parents[spot], begun[spot], states[spot] = node, label, behind
                factors[spot], steps[spot] = times, step
                best = max(best, mass)
                floor = max(heap[0] if size == most else 0.0, best * threshold)
        # One walk down the back-offs for all labels; each level bounds what the next ones can give.
        ln_backoff, backed_off = 0.0, 1.0
        while left:
            still, highest = 0, total * gained * backed_off * context_floats[state, LARGEST]
            for place in range(left):
                label = remaining[place]
                if highest * emission[label] <= floor:
                    break
                found = child(contexts, context_links, symbol, masked, state, symbol_of[label])
                if found < 0:
                    remaining[still] = label
                    still += 1
                    continue
                times = backed_off * ngrams[found, TIMES]
                if boosts is not None:
                    times *= np.exp(boosts.gain[hot, label])
                mass = (in_blank[entry] if label == last[entry] else total) * emission[label] * times
                if mass > floor:
                    spot, size, candidates = offer(mass, size, candidates, live, most, heap, which)
                    parents[spot], begun[spot], states[spot] = node, label, ngram_links[found, BEHIND]
                    factors[spot], steps[spot] = times, ln_backoff + ngram_floats[found, LN_P_STEP]
                    best = max(best, mass)
                    floor = max(heap[0] if size == most else 0.0, best * threshold)
            left = still
            if left:
                ln_backoff += context_floats[state, BACKOFF]
                backed_off = np.exp(lm_weight * ln_backoff)
                state = context_links[state, FAIL]
    return size, candidates, best
