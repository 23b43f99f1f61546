"""The beam's entries and a frame's best labels in, the new hypotheses that can get into the beam out, on its heap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from emgasr.decoding.kernel.arrays import Search
from emgasr.decoding.kernel.compiling import inlined
from emgasr.decoding.kernel.entries import NONE, ONE
from emgasr.decoding.kernel.heap import Candidate, offer
from emgasr.decoding.kernel.masses import TINY, of_ln, plus, times, zero
from emgasr.decoding.kernel.ngrams import BY_WORDS, NOT_IN_MODEL, NOT_PRINTING, child, ln_missing, ones, summed
from emgasr.decoding.kernel.words import BoostTables, WordTables, word_step
from emgasr.lm.trie import LN10, MOST_ORDERS


class Standing(NamedTuple):
    """How a frame's candidates stand: a new one gets in if its mass is above the floor."""

    size: int  # of the heap
    candidates: int  # written down
    best: float  # mass
    floor: float
    passed: bool  # whether any that can be was passed over


class Bar(NamedTuple):
    """What the floor of a frame follows from."""

    live: int
    most: int  # hypotheses that the beam holds
    threshold: float  # factor
    least_kept: float  # the least mass that differs from none


class Likeliest(NamedTuple):
    """A frame's labels: the emissions of the two likeliest that print, and of the likeliest that does not."""

    label: int  # the likeliest that prints
    first: float
    second: float
    silent: float
    undo_place: int  # of the backspace among the labels, their number if it is not one of them
    others: int  # labels that the masks do not hold


class Parent(NamedTuple):
    """The entry that labels are tried behind."""

    entry: int
    label: int
    blank: float  # mass of its alignments that end in blank
    total: float
    hot: int  # state of the hotwords


@inlined
def begin(
    search: Search,
    row: np.ndarray,
    count: int,
    most: float,
    least: float,
    words: WordTables | None,
    boosts: BoostTables | None,
    logs: bool | None,
) -> Standing:
    """Put new hypotheses, each a parent and one of the `count` best labels, on the heap as long as one can get in.

    `most` and `least` are the masses of the entries as they stay.
    """
    weights, beam, entries = search.weights, search.beam, search.beam.entries
    emission, live, none = search.labels.emission, search.tree.progress[0].live, zero(logs)
    paid = np.empty(MOST_ORDERS, np.float32)  # log10 of the back-offs on the way down, the longest context's first
    bonus = of_ln(weights.ln_bonus, logs)
    likeliest = _emissions_of_labels(search, row, count, logs)
    bar = Bar(live, weights.beam, of_ln(-weights.threshold, logs), TINY if logs is None else -np.inf)
    floor = max(least if live == bar.most else none, times(most, bar.threshold, logs), bar.least_kept)
    standing = Standing(live, 0, most, floor, False)
    for number in range(live - 1, -1, -1):  # a heap's end is where the best are, and they raise the floor soonest
        label, blank, largest = entries[number].label, beam.blank[number], beam.largest[number]
        total = plus(blank, beam.token[number], logs)
        highest = times(total, largest, logs)
        undone = none
        if likeliest.undo_place < count:
            undone = times(times(total, beam.undo[number], logs), emission[weights.backspace], logs)
        written = times(highest, likeliest.first, logs)
        if label == likeliest.label:  # again only after a blank
            again = times(blank, largest, logs)
            written = max(times(again, likeliest.first, logs), times(highest, likeliest.second, logs))
        silent = times(times(total, bonus, logs), likeliest.silent, logs)
        if written <= standing.floor and undone <= standing.floor and silent <= standing.floor:
            standing = _passed(standing)
            continue
        hot = 0
        if boosts is not None:
            hot = search.tree.nodes[beam.nodes[number]].hot
        parent = Parent(number, label, blank, total, hot)
        standing, left = _try_others(search, parent, likeliest, standing, bar, paid, words, boosts, logs)
        standing = _walk_down(search, parent, count, left, standing, bar, paid, boosts, logs)
    return standing


@inlined
def _emissions_of_labels(search: Search, row: np.ndarray, count: int, logs: bool | None) -> Likeliest:
    """Look the labels' emissions up, and part those that the masks hold from the others."""
    labels, lm, weights = search.labels, search.lm, search.weights
    masked, none = len(lm.label_of) > 0, zero(logs)
    first, second, silent = none, none, none
    likeliest, undo_place, others = -1, count, 0
    low, high = NONE, NONE
    labels.wanted_low[0], labels.wanted_high[0] = low, high
    for place in range(count):
        label = labels.top[place]
        emission = of_ln(weights.acoustic_scale * row[label], logs)
        labels.emission[label] = emission
        symbol = lm.symbol_of[label]
        if label == weights.backspace:
            undo_place = place
        elif symbol == NOT_PRINTING:
            silent = max(silent, emission)
        elif likeliest < 0:
            likeliest, first = label, emission
        elif second == none:
            second = emission
        if symbol >= 0 and masked and lm.label_of[symbol] == label:
            if symbol < 64:
                low |= ONE << np.uint64(symbol)
            else:
                high |= ONE << np.uint64(symbol & 63)
        else:
            labels.others[others] = place
            others += 1
        labels.wanted_low[place + 1], labels.wanted_high[place + 1] = low, high
    return Likeliest(likeliest, first, second, silent, undo_place, others)


@inlined
def _try_others(
    search: Search,
    parent: Parent,
    likeliest: Likeliest,
    standing: Standing,
    bar: Bar,
    paid: np.ndarray,
    words: WordTables | None,
    boosts: BoostTables | None,
    logs: bool | None,
) -> tuple[Standing, int]:
    """Try the labels that the masks do not hold, one by one.

    Return also how many of them the n-gram model is still to be asked for; they are `labels.left`, best first.
    """
    weights, labels, beam, entries = search.weights, search.labels, search.beam, search.beam.entries
    node, none = search.tree.nodes[beam.nodes[parent.entry]], zero(logs)
    bonus, left = of_ln(weights.ln_bonus, logs), 0
    for other in range(likeliest.others):
        place = labels.others[other]
        label = labels.top[place]
        undoes = place == likeliest.undo_place
        symbol, emission = search.lm.symbol_of[label], labels.emission[label]
        before = _before(parent, label)
        if undoes:
            bound = times(times(parent.total, beam.undo[parent.entry], logs), emission, logs)
        else:
            most = bonus if symbol == NOT_PRINTING else beam.largest[parent.entry]
            bound = times(times(before, most, logs), emission, logs)
        if bound <= standing.floor:
            if before > none:
                standing = _passed(standing)
            continue
        sibling = entries[parent.entry].child  # a sequence that lives had its mass counted already
        while sibling >= 0 and entries[sibling].label != label:
            sibling = entries[sibling].sibling
        if sibling >= 0:
            continue
        if symbol >= 0 and not undoes:
            labels.left[left] = label
            left += 1
            continue
        state, ln_p, ln_factor = node.state, 0.0, weights.ln_bonus
        if symbol == NOT_IN_MODEL:
            ln_p, state = ln_missing(search.lm.contexts, node.state, paid), 0
            ln_factor += weights.lm_weight * ln_p
        if words is not None and symbol == BY_WORDS and not undoes:
            ln_p, state, _, _, _, begun = word_step(words, label, node.state, node.lexicon, node.spelled, node.outside)
            ln_factor += weights.lm_weight * ln_p + weights.word_bonus * begun
        if boosts is not None:
            ln_factor += boosts.gain[parent.hot, label]
        factor = beam.undo[parent.entry] if undoes else of_ln(ln_factor, logs)
        candidate = Candidate(parent.entry, label, np.int64(state), factor, ln_p)
        mass = times(times(before, factor, logs), emission, logs)
        standing = _offered(search, standing, bar, candidate, before, mass, logs)
    return standing, left


@inlined
def _walk_down(
    search: Search,
    parent: Parent,
    count: int,
    left: int,
    standing: Standing,
    bar: Bar,
    paid: np.ndarray,
    boosts: BoostTables | None,
    logs: bool | None,
) -> Standing:
    """Try the labels that the n-gram model scores, in one walk down the back-offs for all of them.

    Each level bounds what the next ones can give.
    """
    weights, labels, lm, beam, none = search.weights, search.labels, search.lm, search.beam, zero(logs)
    top, emission = labels.top, labels.emission
    masked = len(lm.label_of) > 0
    entry, largest = beam.entries[parent.entry], beam.largest[parent.entry]
    highest = times(parent.total, largest, logs)
    ln_gained = 0.0  # at most, by boosts
    if boosts is not None:
        ln_gained = boosts.most[parent.hot]
    state = search.tree.nodes[beam.nodes[parent.entry]].state
    ln_backoff, levels = 0.0, np.int64(0)
    had_low, had_high = entry.low, entry.high  # what lives, then also what was found
    reach = count if masked else 0
    symbol = lm.symbol_of[parent.label]
    again = times(times(parent.blank, largest, logs), emission[parent.label], logs)
    if reach and symbol >= 0 and lm.label_of[symbol] == parent.label and again <= standing.floor:
        if parent.blank > none:
            standing = _passed(standing)
        if symbol < 64:
            had_low |= ONE << np.uint64(symbol)
        else:
            had_high |= ONE << np.uint64(symbol & 63)
    while left or reach:
        while reach > 0 and times(highest, emission[top[reach - 1]], logs) <= standing.floor:
            standing = _passed(standing)
            reach -= 1
        low, high = labels.wanted_low[reach] & ~had_low, labels.wanted_high[reach] & ~had_high
        if left == 0 and low | high == NONE:
            break
        context = lm.contexts[state]
        had_low |= low & context.low
        had_high |= high & context.high
        first = context.first
        for half in range(2):
            found = low & context.low if half == 0 else high & context.high
            inside = context.low if half == 0 else context.high
            while found != NONE:
                below = (found & (~found + ONE)) - ONE
                found &= found - ONE
                label = lm.label_of[ones(below) + 64 * half]
                if times(highest, emission[label], logs) <= standing.floor:
                    standing = _passed(standing)
                    continue
                ngram = first + ones(inside & below)
                standing = _score(search, parent, label, ngram, standing, bar, paid, levels, boosts, logs)
            first += ones(inside)
        still = 0
        for place in range(left):
            label = labels.left[place]
            if times(highest, emission[label], logs) <= standing.floor:
                standing = _passed(standing)
                break
            ngram = child(lm, state, lm.symbol_of[label])
            if ngram < 0:
                labels.left[still] = label
                still += 1
                continue
            standing = _score(search, parent, label, ngram, standing, bar, paid, levels, boosts, logs)
        left = still
        if left == 0 and (low & ~had_low) | (high & ~had_high) == NONE:
            break
        paid[levels] = context.log10_backoff
        ln_backoff += LN10 * paid[levels]
        levels += 1
        state = context.fail
        ln_most = weights.lm_weight * ln_backoff + lm.contexts[state].ln_largest + ln_gained
        highest = times(parent.total, of_ln(ln_most, logs), logs)
    return standing


@inlined
def _score(
    search: Search,
    parent: Parent,
    label: int,
    ngram: int,
    standing: Standing,
    bar: Bar,
    paid: np.ndarray,
    levels: int,
    boosts: BoostTables | None,
    logs: bool | None,
) -> Standing:
    """Offer a label whose n-gram was found behind `levels` back-offs."""
    weights, found = search.weights, search.lm.ngrams[ngram]
    ln_p = LN10 * summed(found.log10_p, paid, levels)
    ln_factor = weights.lm_weight * ln_p + weights.ln_bonus
    if boosts is not None:
        ln_factor += boosts.gain[parent.hot, label]
    before, factor = _before(parent, label), of_ln(ln_factor, logs)
    mass = times(times(before, factor, logs), search.labels.emission[label], logs)
    candidate = Candidate(parent.entry, label, np.int64(found.behind), factor, ln_p)
    return _offered(search, standing, bar, candidate, before, mass, logs)


@inlined
def _offered(
    search: Search,
    standing: Standing,
    bar: Bar,
    candidate: Candidate,
    before: float,
    mass: float,
    logs: bool | None,
) -> Standing:
    """Put a candidate on the heap if its mass is above the floor; `before` is the mass that it can follow."""
    if not mass > standing.floor:
        return _passed(standing) if before > zero(logs) else standing
    size, candidates = offer(search.heap, mass, candidate, standing.size, standing.candidates, bar.live, bar.most)
    best = max(standing.best, mass)
    full = search.heap.mass[0] if size == bar.most else zero(logs)
    return Standing(
        size, candidates, best, max(full, times(best, bar.threshold, logs), bar.least_kept), standing.passed
    )


@inlined
def _passed(standing: Standing) -> Standing:
    return Standing(standing.size, standing.candidates, standing.best, standing.floor, True)


@inlined
def _before(parent: Parent, label: int) -> float:
    """Return the mass that a label can follow: the parent's last label comes again only after a blank."""
    return parent.blank if label == parent.label else parent.total
