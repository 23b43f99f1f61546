"""Log-probabilities of frames in, the beam of live hypotheses moved on: the compiled core of the prefix beam search.

A hypothesis is a node of a tree of token sequences, so that two alignments of one sequence meet in one node. Its mass
is its probability times exp(its part of the score that the emissions have no say in), in plain doubles or, where these
do not reach far enough, in logarithms (`masses.py`), split by whether its alignments end in blank or in its last token.

A sequence that goes on living has one way in a frame (stay) and perhaps a second (its parent, if alive, emits its last
token); a new one has exactly one (its parent emits a token). So stays are summed first, and a new hypothesis is looked
at only if a bound on its mass (the parent's, times the emission, times the largest factor that the language model has
to offer there) exceeds that of the beam's last. The bound is exact: no hypothesis is lost by it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from emgasr.decoding.kernel.arrays import Scratch, Search, opened
from emgasr.decoding.kernel.begin import Standing, begin
from emgasr.decoding.kernel.compiling import inlined, lend
from emgasr.decoding.kernel.entries import Stays, describe, lost, stay
from emgasr.decoding.kernel.heap import build
from emgasr.decoding.kernel.masses import HUGE, TINY, TOO_LARGE, TOO_SMALL, of_ln, times, zero
from emgasr.decoding.kernel.ngrams import NOT_PRINTING, NGramTables
from emgasr.decoding.kernel.nodes import node_of
from emgasr.decoding.kernel.rows import (
    DONE,
    FURTHER,
    MORE_BEAM,
    MORE_FINAL,
    MORE_NODES,
    MORE_WINDOW,
    NEARER,
    best_labels,
    check,
)
from emgasr.decoding.kernel.tree import BLANK, Tree, compact, finalize_shared, shift_window
from emgasr.decoding.kernel.weights import Weights
from emgasr.decoding.kernel.words import BoostTables, WordTables
from emgasr.runtime.compiled import compiled

FINALIZE_EVERY = 4  # frames


@compiled(nogil=True)
def advance(
    emissions: np.ndarray,
    first_row: int,
    lm: tuple[Any, ...],
    words: WordTables | None,
    boosts: BoostTables | None,
    weights: tuple[Any, ...],
    tree: tuple[Any, ...],
    scratch: tuple[Any, ...],
    logs: bool | None,
) -> tuple[int, int]:
    """Search on through rows `first_row` and up of emissions (F, V); return how far it came and why it stopped.

    Compiled apart for searches with and without words, boosts and logarithms, so that one costs nothing where it is
    not.
    """
    emissions = lend(emissions)
    search = opened(Weights(*weights), lend(NGramTables(*lm)), lend(Tree(*tree)), lend(Scratch(*scratch)))
    progress, asked, none = search.tree.progress[0], search.weights, zero(logs)
    threshold = of_ln(-asked.threshold, logs)
    changed = grown = True  # the beam since it was described; since what its hypotheses share was made final
    for row_number in range(first_row, len(emissions)):
        row = emissions[row_number]
        answer, compacted = _room(search)
        changed |= compacted
        if answer == DONE and logs is not None and progress.frame >= progress.logs_until:
            answer = NEARER
        if answer == DONE:
            answer = check(row)
        if answer != DONE:
            return row_number, answer
        _take_in(search, row)
        count, blanks = _labels(search, row)
        if changed:
            describe(search)
        blank = of_ln(asked.acoustic_scale * row[BLANK] - asked.blank_penalty, logs) if blanks else none
        stays = stay(search, row, blank, logs)
        standing = Standing(progress.live, 0, stays.most, none, False)
        floor = max(stays.least if progress.live == asked.beam else none, times(stays.most, threshold, logs))
        if _may_begin(search, row, count, stays, floor, logs):
            standing = begin(search, row, count, stays.most, stays.least, lend(words), lend(boosts), logs)
        floor = times(standing.best, threshold, logs)
        if logs is None and _too_far(search, row, blanks, stays, standing, floor):
            progress.open_to -= 1
            progress.frame -= 1
            return row_number, FURTHER
        changed = standing.candidates > 0 or stays.least == none or stays.least < floor
        if changed:
            _keep(search, standing, floor, lend(words), lend(boosts), logs)
            grown = True
        else:
            beam = search.beam
            for entry in range(progress.live):
                beam.blank[entry], beam.token[entry] = beam.next_blank[entry], beam.next_token[entry]
        if logs is None and standing.best > 0.0 and (standing.best < TOO_SMALL or standing.best > TOO_LARGE):
            _divide(search, standing.best)
        late = progress.open_to - progress.open_from > asked.finalize_within
        if progress.frame % FINALIZE_EVERY == 0 and (grown or late):
            changed |= finalize_shared(search.tree, asked.finalize_within, logs)
            grown = False
        if logs is None and progress.too_far:
            return row_number + 1, FURTHER
    return len(emissions), DONE


@inlined
def _room(search: Search) -> tuple[int, bool]:
    """Make room for a frame; return what must grow (DONE: nothing), and whether nodes were renumbered."""
    weights, tree, progress = search.weights, search.tree, search.tree.progress[0]
    wanted, compacted = min(weights.beam, progress.live * (weights.top_k + 1)), False
    if wanted > len(search.beam.nodes):
        return MORE_BEAM, False
    if progress.used + wanted > len(tree.nodes):
        compact(tree)
        compacted = True
        if progress.used + wanted > len(tree.nodes) // 2:  # rarely: compacting costs as much as many frames
            return MORE_NODES, True
    if progress.open_to == len(tree.window):
        shift_window(tree.window, progress)
        if progress.open_to > len(tree.window) // 2:
            return MORE_WINDOW, compacted
    if progress.finalized + progress.open_to - progress.open_from >= len(tree.final):
        return MORE_FINAL, compacted
    return DONE, compacted


@inlined
def _take_in(search: Search, row: np.ndarray) -> None:
    """Keep a frame's emissions in the window, and count the frame."""
    progress = search.tree.progress[0]
    for label in range(len(row)):
        search.tree.window[progress.open_to, label] = row[label]
    progress.open_to += 1
    progress.frame += 1
    search.counts[0].frames += 1


@inlined
def _labels(search: Search, row: np.ndarray) -> tuple[int, bool]:
    """Find the labels that may begin; return how many they are, and whether a blank may come."""
    labels, top_k = search.labels, search.weights.top_k
    count, blanks = best_labels(row, top_k, search.lanes, labels.left, labels.top), True
    if search.weights.strict:
        blanks = count < top_k or row[BLANK] >= row[labels.top[count - 1]]
        count = min(count, top_k - 1) if blanks else count
    for place in range(count):
        labels.stamps[labels.top[place]].frame = search.counts[0].frames
    return count, blanks


@inlined
def _may_begin(search: Search, row: np.ndarray, count: int, stays: Stays, floor: float, logs: bool | None) -> bool:
    """Return whether a bound on the mass of all new hypotheses is above the floor."""
    labels, weights, scale = search.labels, search.weights, search.weights.acoustic_scale
    if logs is None and floor < TINY:  # what is below may still be kept, though it does not differ from nothing
        return count > 0
    prints = silent = -np.inf  # ln p of the likeliest label that prints, and of the likeliest that does not
    for place in range(count - 1, -1, -1):
        label = labels.top[place]
        if search.lm.symbol_of[label] != NOT_PRINTING:
            prints = row[label]
        elif label != weights.backspace:
            silent = row[label]
    if times(stays.reach, of_ln(scale * prints, logs), logs) > floor:
        return True
    bonus = of_ln(weights.ln_bonus, logs)
    if times(times(stays.before, bonus, logs), of_ln(scale * silent, logs), logs) > floor:
        return True
    return weights.backspace >= 0 and times(stays.undone, of_ln(scale * row[weights.backspace], logs), logs) > floor


@inlined
def _too_far(search: Search, row: np.ndarray, blanks: bool, stays: Stays, standing: Standing, floor: float) -> bool:
    """Return whether plain masses cannot hold what the frame leaves: something below TINY may have to be kept."""
    kept_from = search.heap.mass[0] if standing.candidates > 0 else stays.least
    lacking = standing.passed and standing.floor == TINY
    if stays.least < TINY and not lacking:
        full = standing.size == search.weights.beam
        if max(kept_from if full else 0.0, floor) < TINY:
            lacking = lost(search, row, blanks)
    return lacking or not standing.best < HUGE


@inlined
def _keep(
    search: Search,
    standing: Standing,
    floor: float,
    words: WordTables | None,
    boosts: BoostTables | None,
    logs: bool | None,
) -> None:
    """Make the beam of what is on the heap."""
    beam, heap, progress, none = search.beam, search.heap, search.tree.progress[0], zero(logs)
    live, kept = progress.live, 0
    if standing.candidates == 0:
        build(heap, live)
    for place in range(standing.size):
        mass, which = heap.mass[place], heap.which[place]
        if mass == none or mass < floor:
            continue
        if which < live:
            beam.next_nodes[kept] = beam.nodes[which]
            beam.blank[kept], beam.token[kept] = beam.next_blank[which], beam.next_token[which]
        else:
            beam.next_nodes[kept] = node_of(search, heap.candidates[which - live], words, boosts, logs)
            beam.blank[kept], beam.token[kept] = none, mass
        kept += 1
    for entry in range(kept):
        beam.nodes[entry] = beam.next_nodes[entry]
    progress.live = kept


@inlined
def _divide(search: Search, best: float) -> None:
    """Divide plain masses by the best, so that it is 1 again."""
    beam = search.beam
    for entry in range(search.tree.progress[0].live):
        beam.blank[entry] /= best
        beam.token[entry] /= best
    search.tree.progress[0].ln_scale += np.log(best)
