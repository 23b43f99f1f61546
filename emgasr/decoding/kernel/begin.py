"""The beam's entries and a frame's best labels in, the new hypotheses that can get into the beam out, on its heap."""

from __future__ import annotations

import numpy as np

from emgasr.decoding.kernel.entries import NONE, ONE
from emgasr.decoding.kernel.heap import offer
from emgasr.decoding.kernel.language import (
    BEHIND,
    BY_WORDS,
    FAIL,
    FIRST,
    LARGEST,
    LOG10_BACKOFF,
    LOG10_P,
    NOT_IN_MODEL,
    NOT_PRINTING,
    child,
    ln_missing,
    ones,
    summed,
)
from emgasr.decoding.kernel.masses import TINY, of_ln, plus, times, zero
from emgasr.decoding.kernel.scratch import (
    HEAP,
    LAST,
    LEFT,
    MOST_GAIN_OF,
    NEXT_CHILD,
    OLDER,
    OTHERS,
    TOP,
    UNDO_OF,
)
from emgasr.decoding.kernel.tree import HOT, NODE, OUTSIDE_LN_P, SPELLED, STATE
from emgasr.decoding.kernel.weights import ALPHA, BACKSPACE, BEAM, LN_BONUS, SCALE, THRESHOLD, WORD_BONUS
from emgasr.decoding.kernel.words import Boosts, Words, word_step
from emgasr.lm.trie import LN10, MOST_ORDERS
from emgasr.runtime.compiled import compiled


@compiled(nogil=True)
def begin(
    row: np.ndarray,
    best: float,
    least: float,
    live: int,
    count: int,
    weights: np.ndarray,
    beam: np.ndarray,
    mass: np.ndarray,
    links: np.ndarray,
    values: np.ndarray,
    symbol_of: np.ndarray,
    label_of: np.ndarray,
    symbol: np.ndarray,
    contexts: np.ndarray,
    context_links: np.ndarray,
    context_floats: np.ndarray,
    ngrams: np.ndarray,
    ngram_floats: np.ndarray,
    lm_weight: float,
    words: Words | None,
    boosts: Boosts | None,
    places: np.ndarray,
    numbers: np.ndarray,
    children: np.ndarray,
    labels: np.ndarray,
    wanted: np.ndarray,
    emission: np.ndarray,
    logs: bool | None,
) -> tuple[int, int, float, bool]:
    """Put new hypotheses on the heap as long as one can get in.

    Return the heap's size, how many were put there, the best, and whether any was passed over whose plain mass would
    be below TINY.
    """
    paid = np.empty(MOST_ORDERS, np.float32)  # log10 of the back-offs on the way down, the longest context's first
    masked = len(label_of) > 0
    size, candidates, most = live, 0, int(weights[BEAM])
    threshold, backspace = of_ln(-weights[THRESHOLD], logs), int(weights[BACKSPACE])
    alpha, ln_bonus, hot, undo_place, others = weights[ALPHA], weights[LN_BONUS], 0, count, 0
    bonus = of_ln(ln_bonus, logs)
    none, lacking = zero(logs), False
    # Emissions of the two likeliest that print, of the likeliest that does not.
    likeliest, second, silent = none, none, none
    first_label = -1
    # The labels by their symbols, a bit each, in masks that grow with their number; the others are gone through singly.
    wanted[0, 0] = wanted[1, 0] = NONE
    for place in range(count):
        label = labels[TOP, place]
        emission[label] = of_ln(weights[SCALE] * row[label], logs)
        wanted[0, place + 1], wanted[1, place + 1] = wanted[0, place], wanted[1, place]
        sought = symbol_of[label]
        if label == backspace:
            undo_place = place
        elif sought == NOT_PRINTING:
            silent = max(silent, emission[label])
        elif first_label < 0:
            first_label, likeliest = label, emission[label]
        elif second == none:
            second = emission[label]
        if sought >= 0 and masked and label_of[sought] == label:
            wanted[sought >> 6, place + 1] |= ONE << np.uint64(sought & 63)
        else:
            labels[OTHERS, others] = place
            others += 1
    least_kept = TINY if logs is None else -np.inf
    floor = max(least if size == most else none, times(best, threshold, logs), least_kept)
    for entry in range(live - 1, -1, -1):  # a heap's end is where the best are, and they raise the floor soonest
        total = plus(mass[0, 0, entry], mass[0, 1, entry], logs)
        last = places[LAST, entry]
        gain = numbers[MOST_GAIN_OF, entry]
        highest = times(total, gain, logs)
        undone = none
        if undo_place < count:
            undone = times(times(total, numbers[UNDO_OF, entry], logs), emission[backspace], logs)
        written = times(highest, likeliest, logs)
        if last == first_label:  # again only after a blank
            again = times(mass[0, 0, entry], gain, logs)
            written = max(times(again, likeliest, logs), times(highest, second, logs))
        if written <= floor and undone <= floor and times(times(total, bonus, logs), silent, logs) <= floor:
            lacking |= floor == least_kept
            continue
        node = beam[entry]
        state = links[node, STATE]
        left = 0  # labels that the language model has still to be asked for singly, best first
        ln_gained = 0.0  # at most, by boosts
        if boosts is not None:
            hot = links[node, HOT]
            ln_gained = boosts.most[hot]
        for other in range(others):
            place = labels[OTHERS, other]
            label = labels[TOP, place]
            undoes = place == undo_place
            sought = symbol_of[label]
            before = mass[0, 0, entry] if label == last else total
            bound = undone
            if not undoes:
                bound = times(times(before, bonus if sought == NOT_PRINTING else gain, logs), emission[label], logs)
            if bound <= floor:
                lacking |= floor == least_kept and before > none
                continue
            sibling = places[OLDER, entry]  # a sequence that lives had its mass counted already
            while sibling >= 0 and places[LAST, sibling] != label:
                sibling = places[NEXT_CHILD, sibling]
            if sibling >= 0:
                continue
            if sought >= 0 and not undoes:
                labels[LEFT, left] = label
                left += 1
                continue
            behind, step, ln_factor = state, 0.0, ln_bonus
            if sought == NOT_IN_MODEL:
                step, behind = ln_missing(context_links, context_floats, state, paid), 0
                ln_factor += alpha * step
            if words is not None and sought == BY_WORDS and not undoes:
                step, behind, _, _, _, begun = word_step(
                    words, label, state, links[node, NODE], links[node, SPELLED], values[node, OUTSIDE_LN_P]
                )
                ln_factor += alpha * step + weights[WORD_BONUS] * begun
            if boosts is not None:
                ln_factor += boosts.gain[hot, label]
            factor = numbers[UNDO_OF, entry] if undoes else of_ln(ln_factor, logs)
            here = times(times(before, factor, logs), emission[label], logs)
            if here > floor:
                size, candidates = offer(
                    here, entry, int(label), int(behind), factor, step, size, candidates, live, most, places, numbers
                )
                best = max(best, here)
                floor = max(numbers[HEAP, 0] if size == most else none, times(best, threshold, logs), least_kept)
            else:
                lacking |= floor == least_kept and before > none
        # One walk down the back-offs for all labels; each level bounds what the next ones can give.
        ln_backoff, levels = 0.0, 0
        had_low, had_high = children[0, entry], children[1, entry]  # what lives, then also what was found
        reach = count if masked else 0
        sought = symbol_of[last]
        again = times(times(mass[0, 0, entry], gain, logs), emission[last], logs)
        if reach and sought >= 0 and label_of[sought] == last and again <= floor:
            lacking |= floor == least_kept and mass[0, 0, entry] > none
            if sought < 64:
                had_low |= ONE << np.uint64(sought)
            else:
                had_high |= ONE << np.uint64(sought & 63)
        while left or reach:
            while reach > 0 and times(highest, emission[labels[TOP, reach - 1]], logs) <= floor:
                lacking |= floor == least_kept
                reach -= 1
            low, high = wanted[0, reach] & ~had_low, wanted[1, reach] & ~had_high
            if left == 0 and low | high == NONE:
                break
            inside_low, inside_high = contexts[state, 0], contexts[state, 1]
            had_low |= low & inside_low
            had_high |= high & inside_high
            first = context_links[state, FIRST]
            for half in range(2):
                found = low & inside_low if half == 0 else high & inside_high
                inside = inside_low if half == 0 else inside_high
                while found != NONE:
                    below = (found & (~found + ONE)) - ONE
                    found &= found - ONE
                    label = label_of[ones(below) + 64 * half]
                    if times(highest, emission[label], logs) <= floor:
                        lacking |= floor == least_kept
                        continue
                    before = mass[0, 0, entry] if label == last else total
                    ngram = first + ones(inside & below)
                    step = LN10 * summed(ngram_floats[ngram, LOG10_P], paid, levels)
                    ln_factor = lm_weight * step + ln_bonus
                    if boosts is not None:
                        ln_factor += boosts.gain[hot, label]
                    factor = of_ln(ln_factor, logs)
                    here = times(times(before, factor, logs), emission[label], logs)
                    if here > floor:
                        behind = ngrams[ngram, BEHIND]
                        size, candidates = offer(
                            here,
                            entry,
                            int(label),
                            int(behind),
                            factor,
                            step,
                            size,
                            candidates,
                            live,
                            most,
                            places,
                            numbers,
                        )
                        best = max(best, here)
                        floor = max(
                            numbers[HEAP, 0] if size == most else none, times(best, threshold, logs), least_kept
                        )
                    else:
                        lacking |= floor == least_kept and before > none
                first += ones(inside_low)
            still = 0
            for place in range(left):
                label = labels[LEFT, place]
                if times(highest, emission[label], logs) <= floor:
                    lacking |= floor == least_kept
                    break
                ngram = child(contexts, context_links, symbol, masked, state, symbol_of[label])
                if ngram < 0:
                    labels[LEFT, still] = label
                    still += 1
                    continue
                before = mass[0, 0, entry] if label == last else total
                step = LN10 * summed(ngram_floats[ngram, LOG10_P], paid, levels)
                ln_factor = lm_weight * step + ln_bonus
                if boosts is not None:
                    ln_factor += boosts.gain[hot, label]
                factor = of_ln(ln_factor, logs)
                here = times(times(before, factor, logs), emission[label], logs)
                if here > floor:
                    behind = ngrams[ngram, BEHIND]
                    size, candidates = offer(
                        here,
                        entry,
                        int(label),
                        int(behind),
                        factor,
                        step,
                        size,
                        candidates,
                        live,
                        most,
                        places,
                        numbers,
                    )
                    best = max(best, here)
                    floor = max(numbers[HEAP, 0] if size == most else none, times(best, threshold, logs), least_kept)
                else:
                    lacking |= floor == least_kept and before > none
            left = still
            if left == 0 and (low & ~had_low) | (high & ~had_high) == NONE:
                break
            paid[levels] = context_floats[state, LOG10_BACKOFF]
            ln_backoff += LN10 * paid[levels]
            levels += 1
            state = context_links[state, FAIL]
            ln_most = lm_weight * ln_backoff + context_floats[state, LARGEST] + ln_gained
            highest = times(total, of_ln(ln_most, logs), logs)
    return size, candidates, best, lacking and floor == least_kept
