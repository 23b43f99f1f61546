"""The beam's entries and a frame's best labels in, the new hypotheses that can get into the beam out, on its heap."""

from __future__ import annotations

import numpy as np

from emgasr.compiled import compiled
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
    ones,
    summed,
)
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
from emgasr.decoding.kernel.weights import ALPHA, BACKSPACE, BEAM, BONUS, LN_BONUS, SCALE, THRESHOLD
from emgasr.decoding.kernel.words import Boosts, Words, word_step
from emgasr.lm.ngram import MISSING_UNKNOWN
from emgasr.lm.trie import LN10, MOST_ORDERS


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
    missing: float,
    words: Words | None,
    boosts: Boosts | None,
    places: np.ndarray,
    numbers: np.ndarray,
    children: np.ndarray,
    labels: np.ndarray,
    wanted: np.ndarray,
    emission: np.ndarray,
) -> tuple[int, int, float]:
    """Put new hypotheses on the heap as long as one can get in; return its size, how many were put there, the best."""
    paid = np.empty(MOST_ORDERS, np.float32)  # log10 of the back-offs on the way down, the longest context's first
    masked = len(label_of) > 0
    size, candidates, most = live, 0, int(weights[BEAM])
    threshold, backspace, bonus = weights[THRESHOLD], int(weights[BACKSPACE]), weights[BONUS]
    alpha, ln_bonus, hot, undo_place, others = weights[ALPHA], weights[LN_BONUS], 0, count, 0
    likeliest = second = silent = 0.0  # emissions of the two likeliest that print, of the likeliest that does not
    first_label = -1
    # The labels by their symbols, a bit each, in masks that grow with their number; the others are gone through singly.
    wanted[0, 0] = wanted[1, 0] = NONE
    for place in range(count):
        label = labels[TOP, place]
        emission[label] = np.exp(weights[SCALE] * row[label])
        wanted[0, place + 1], wanted[1, place + 1] = wanted[0, place], wanted[1, place]
        sought = symbol_of[label]
        if label == backspace:
            undo_place = place
        elif sought == NOT_PRINTING:
            silent = max(silent, emission[label])
        elif first_label < 0:
            first_label, likeliest = label, emission[label]
        elif second == 0.0:
            second = emission[label]
        if sought >= 0 and masked and label_of[sought] == label:
            wanted[sought >> 6, place + 1] |= ONE << np.uint64(sought & 63)
        else:
            labels[OTHERS, others] = place
            others += 1
    floor = max(least if size == most else 0.0, best * threshold)
    for entry in range(live - 1, -1, -1):  # a heap's end is where the best are, and they raise the floor soonest
        total = mass[0, 0, entry] + mass[0, 1, entry]
        last = places[LAST, entry]
        gain = numbers[MOST_GAIN_OF, entry]
        highest = total * gain
        undone = total * numbers[UNDO_OF, entry] * emission[backspace] if undo_place < count else 0.0
        written = total * likeliest
        if last == first_label:  # again only after a blank
            written = max(mass[0, 0, entry] * likeliest, total * second)
        if gain * written <= floor and undone <= floor and total * bonus * silent <= floor:
            continue
        node = beam[entry]
        state = links[node, STATE]
        left = 0  # labels that the language model has still to be asked for singly, best first
        gained = 1.0  # at most, by boosts
        if boosts is not None:
            hot = links[node, HOT]
            gained = np.exp(boosts.most[hot])
        for other in range(others):
            place = labels[OTHERS, other]
            label = labels[TOP, place]
            undoes = place == undo_place
            sought = symbol_of[label]
            before = mass[0, 0, entry] if label == last else total
            if (undone if undoes else before * emission[label] * (bonus if sought == NOT_PRINTING else gain)) <= floor:
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
            times, behind, step = bonus, state, 0.0
            if undoes:
                times = numbers[UNDO_OF, entry]
            elif sought == NOT_IN_MODEL:
                times, behind, step = missing, 0, MISSING_UNKNOWN
            if words is not None and sought == BY_WORDS and not undoes:
                step, behind, _, _, _ = word_step(
                    words, label, state, links[node, NODE], links[node, SPELLED], values[node, OUTSIDE_LN_P]
                )
                times = bonus * np.exp(alpha * step)
            if boosts is not None and not undoes:
                times *= np.exp(boosts.gain[hot, label])
            here = before * emission[label] * times
            if here > floor:
                size, candidates = offer(
                    here, entry, int(label), int(behind), times, step, size, candidates, live, most, places, numbers
                )
                best = max(best, here)
                floor = max(numbers[HEAP, 0] if size == most else 0.0, best * threshold)
        # One walk down the back-offs for all labels; each level bounds what the next ones can give.
        ln_backoff, backed_off, levels = 0.0, 1.0, 0
        had_low, had_high = children[0, entry], children[1, entry]  # what lives, then also what was found
        reach = count if masked else 0
        sought = symbol_of[last]
        if reach and sought >= 0 and label_of[sought] == last and mass[0, 0, entry] * gain * emission[last] <= floor:
            if sought < 64:
                had_low |= ONE << np.uint64(sought)
            else:
                had_high |= ONE << np.uint64(sought & 63)
        while left or reach:
            while reach > 0 and highest * emission[labels[TOP, reach - 1]] <= floor:
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
                    if highest * emission[label] <= floor:
                        continue
                    before = mass[0, 0, entry] if label == last else total
                    ngram = first + ones(inside & below)
                    step = LN10 * summed(ngram_floats[ngram, LOG10_P], paid, levels)
                    times = np.exp(lm_weight * step + ln_bonus)
                    if boosts is not None:
                        times *= np.exp(boosts.gain[hot, label])
                    here = before * emission[label] * times
                    if here > floor:
                        behind = ngrams[ngram, BEHIND]
                        size, candidates = offer(
                            here,
                            entry,
                            int(label),
                            int(behind),
                            times,
                            step,
                            size,
                            candidates,
                            live,
                            most,
                            places,
                            numbers,
                        )
                        best = max(best, here)
                        floor = max(numbers[HEAP, 0] if size == most else 0.0, best * threshold)
                first += ones(inside_low)
            still = 0
            for place in range(left):
                label = labels[LEFT, place]
                if highest * emission[label] <= floor:
                    break
                ngram = child(contexts, context_links, symbol, masked, state, symbol_of[label])
                if ngram < 0:
                    labels[LEFT, still] = label
                    still += 1
                    continue
                step = LN10 * summed(ngram_floats[ngram, LOG10_P], paid, levels)
                times = np.exp(lm_weight * step + ln_bonus)
                if boosts is not None:
                    times *= np.exp(boosts.gain[hot, label])
                here = (mass[0, 0, entry] if label == last else total) * emission[label] * times
                if here > floor:
                    behind = ngrams[ngram, BEHIND]
                    size, candidates = offer(
                        here, entry, int(label), int(behind), times, step, size, candidates, live, most, places, numbers
                    )
                    best = max(best, here)
                    floor = max(numbers[HEAP, 0] if size == most else 0.0, best * threshold)
            left = still
            if left == 0 and (low & ~had_low) | (high & ~had_high) == NONE:
                break
            paid[levels] = context_floats[state, LOG10_BACKOFF]
            ln_backoff += LN10 * paid[levels]
            levels += 1
            backed_off = np.exp(lm_weight * ln_backoff)
            state = context_links[state, FAIL]
            highest = total * gained * backed_off * context_floats[state, LARGEST]
    return size, candidates, best
