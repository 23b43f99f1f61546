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

import numpy as np

from emgasr.decoding.kernel.begin import begin
from emgasr.decoding.kernel.entries import describe, lost, stay
from emgasr.decoding.kernel.heap import build
from emgasr.decoding.kernel.language import NOT_PRINTING, Language
from emgasr.decoding.kernel.lending import lend
from emgasr.decoding.kernel.masses import HUGE, TINY, TOO_LARGE, TOO_SMALL, of_ln, times, zero
from emgasr.decoding.kernel.nodes import node_of
from emgasr.decoding.kernel.rows import (
    DONE,
    FURTHER,
    MORE_BEAM,
    MORE_COMMITTED,
    MORE_NODES,
    MORE_WINDOW,
    NEARER,
    best_labels,
    check,
)
from emgasr.decoding.kernel.scratch import (
    BEGUN,
    BEHIND_IT,
    COMES_FROM,
    FRAMES,
    HEAP,
    IN_TOP,
    LEFT,
    STEP_TO_IT,
    TIMES_IT,
    TOP,
    WHICH,
    Scratch,
)
from emgasr.decoding.kernel.tree import (
    BLANK,
    COMMITTED,
    FILLED,
    FRAME,
    LIVE,
    LOGS_UNTIL,
    TOO_FAR,
    USED,
    WINDOW,
    Tree,
    commit,
    compact,
    shift_window,
)
from emgasr.decoding.kernel.weights import (
    BACKSPACE,
    BEAM,
    COMMIT_WITHIN,
    LN_BLANK,
    LN_BONUS,
    SCALE,
    STRICT,
    THRESHOLD,
    TOP_K,
)
from emgasr.decoding.kernel.words import Boosts, Words
from emgasr.runtime.compiled import compiled

COMMIT_EVERY = 4  # frames


@compiled(nogil=True)
def advance(
    emissions: np.ndarray,
    first_row: int,
    language: Language,
    words: Words | None,
    boosts: Boosts | None,
    weights: np.ndarray,
    tree: Tree,
    scratch: Scratch,
    logs: bool | None,
) -> tuple[int, int]:
    """Search on through rows `first_row` and up of emissions (F, V); return how far it came and why it stopped.

    Compiled apart for searches with and without words, boosts and logarithms, so that one costs nothing where it is
    not.
    """
    # Arrays are taken out of their tuples, and from their owners, here, once: see lending.py.
    emissions, weights = lend(emissions), lend(weights)
    tree = Tree(
        lend(tree.links), lend(tree.values), lend(tree.beam), lend(tree.mass), lend(tree.window), lend(tree.committed),
        lend(tree.confidence), lend(tree.marks), lend(tree.ln_scale),
    )  # fmt: skip
    links, values, window, marks, mass = tree.links, tree.values, tree.window, tree.marks, tree.mass
    beam, after = tree.beam[0], tree.beam[1]
    places, numbers, children, labels, stamps = (
        lend(scratch.places), lend(scratch.numbers), lend(scratch.children), lend(scratch.labels), lend(scratch.stamps),
    )  # fmt: skip
    wanted, emission, lanes, counters = (
        lend(scratch.wanted), lend(scratch.emission), lend(scratch.lanes), lend(scratch.counters),
    )  # fmt: skip
    symbol_of, label_of, symbol, contexts, ngrams = (
        lend(language.symbol_of), lend(language.label_of), lend(language.symbol), lend(language.contexts),
        lend(language.ngrams),
    )  # fmt: skip
    top, near = labels[TOP], labels[LEFT]
    context_links, context_floats = contexts.view(np.int32), contexts.view(np.float32)
    ngram_floats = ngrams.view(np.float32)
    most, top_k, scale, backspace = int(weights[BEAM]), int(weights[TOP_K]), weights[SCALE], int(weights[BACKSPACE])
    strict, ln_threshold, none = weights[STRICT] > 0.0, -weights[THRESHOLD], zero(logs)
    threshold, bonus = of_ln(ln_threshold, logs), of_ln(weights[LN_BONUS], logs)
    room = len(tree.committed)
    changed = grown = True  # the beam since it was described; since what its hypotheses share was committed
    for row_number in range(first_row, len(emissions)):
        row = emissions[row_number]
        live = marks[LIVE]
        wanted_entries = min(most, live * (top_k + 1))
        if wanted_entries > len(beam):
            return row_number, MORE_BEAM
        if marks[USED] + wanted_entries > len(links):
            compact(tree)
            changed = True
            if marks[USED] + wanted_entries > len(links) // 2:  # rarely: compacting costs as much as many frames
                return row_number, MORE_NODES
        if marks[FILLED] == len(window):
            shift_window(tree)
            if marks[FILLED] > len(window) // 2:
                return row_number, MORE_WINDOW
        if marks[COMMITTED] + marks[FILLED] - marks[WINDOW] >= room:
            return row_number, MORE_COMMITTED
        if logs is not None and marks[FRAME] >= marks[LOGS_UNTIL]:
            return row_number, NEARER
        refused = check(row)
        if refused:
            return row_number, refused
        for label in range(len(row)):
            window[marks[FILLED], label] = row[label]
        marks[FILLED] += 1
        marks[FRAME] += 1
        counters[FRAMES] += 1
        count, blanks = best_labels(row, top_k, lanes, near, top), True
        if strict:
            blanks = count < top_k or row[BLANK] >= row[top[count - 1]]
            count = min(count, top_k - 1) if blanks else count
        prints = silent = -np.inf  # ln p of the likeliest label that prints, and of the likeliest that does not
        for place in range(count - 1, -1, -1):
            stamps[IN_TOP, top[place]] = counters[FRAMES]
            if symbol_of[top[place]] != NOT_PRINTING:
                prints = row[top[place]]
            elif top[place] != backspace:
                silent = row[top[place]]
        if changed:
            describe(
                live, beam, links, values, symbol_of, label_of, places, numbers, children, labels, stamps, counters
            )
        blank = of_ln(scale * row[BLANK] - weights[LN_BLANK], logs) if blanks else none
        best, least, had, reach, undone = stay(
            row, scale, blank, live, mass, places, numbers, labels, stamps, emission, counters, strict, logs
        )
        size, candidates, lacking = live, 0, False
        floor = max(least if live == most else none, times(best, threshold, logs))
        begins = times(reach, of_ln(scale * prints, logs), logs) > floor
        begins |= times(times(had, bonus, logs), of_ln(scale * silent, logs), logs) > floor
        begins |= backspace >= 0 and times(undone, of_ln(scale * row[backspace], logs), logs) > floor
        if logs is None and floor < TINY:  # what is below may still be kept, though it cannot be told from nothing
            begins = count > 0
        if begins:
            size, candidates, best, lacking = begin(
                row, best, least, live, count, weights, beam, mass, links, values, symbol_of, label_of, symbol,
                contexts, context_links, context_floats, ngrams, ngram_floats, language.weight, words, boosts, places,
                numbers, children, labels, wanted, emission, logs,
            )  # fmt: skip
        floor = times(best, threshold, logs)
        if logs is None:
            kept_from = numbers[HEAP, 0] if candidates > 0 else least
            if least < TINY and not lacking and max(kept_from if size == most else 0.0, floor) < TINY:
                lacking = lost(row, blanks, live, mass, places)
            if lacking or not best < HUGE:
                marks[FILLED] -= 1
                marks[FRAME] -= 1
                return row_number, FURTHER
        changed = candidates > 0 or least == none or least < floor
        if not changed:
            for entry in range(live):
                mass[0, 0, entry], mass[0, 1, entry] = mass[1, 0, entry], mass[1, 1, entry]
        else:
            kept = 0
            if candidates == 0:
                build(places, numbers, live)
            for place in range(size):
                share, index = numbers[HEAP, place], places[WHICH, place]
                if share == none or share < floor:
                    continue
                if index < live:
                    after[kept], mass[0, 0, kept], mass[0, 1, kept] = beam[index], mass[1, 0, index], mass[1, 1, index]
                else:
                    spot = index - live
                    after[kept] = node_of(
                        beam[places[COMES_FROM, spot]], places[BEGUN, spot], numbers[TIMES_IT, spot],
                        numbers[STEP_TO_IT, spot], places[BEHIND_IT, spot], weights, links, values, marks, symbol_of,
                        context_floats, words, boosts, logs,
                    )  # fmt: skip
                    mass[0, 0, kept], mass[0, 1, kept] = none, share
                kept += 1
            for entry in range(kept):
                beam[entry] = after[entry]
            marks[LIVE] = kept
            grown = True
        if logs is None and best > 0.0 and (best < TOO_SMALL or best > TOO_LARGE):
            for entry in range(marks[LIVE]):
                mass[0, 0, entry] /= best
                mass[0, 1, entry] /= best
            tree.ln_scale[0] += np.log(best)
        if marks[FRAME] % COMMIT_EVERY == 0 and (grown or marks[FILLED] - marks[WINDOW] > weights[COMMIT_WITHIN]):
            changed |= commit(tree, int(weights[COMMIT_WITHIN]), logs)
            grown = False
        if logs is None and marks[TOO_FAR]:
            return row_number + 1, FURTHER
    return len(emissions), DONE
