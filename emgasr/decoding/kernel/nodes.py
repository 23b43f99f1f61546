"""A candidate in, its node of the tree out: what its text is, how it scores and what a backspace would undo."""

from __future__ import annotations

import numpy as np

from emgasr.decoding.kernel.language import LARGEST, NOT_PRINTING
from emgasr.decoding.kernel.masses import LARGEST_LN, of_ln
from emgasr.decoding.kernel.tree import (
    BELOW,
    BOOST,
    CHILD,
    DEPTH,
    FACTOR,
    FINISH,
    HOT,
    LABEL,
    LN_P,
    MOST_GAIN,
    NODE,
    OUTSIDE_LN_P,
    PARENT,
    PRIOR,
    SIBLING,
    SLOT,
    SPELLED,
    STATE,
    TEXT,
    TOO_FAR,
    UNDO,
    USED,
    Tree,
)
from emgasr.decoding.kernel.weights import ALPHA, BACKSPACE, LN_BONUS, LN_UNDO, LN_UNDO_NOTHING, WORD_BONUS
from emgasr.decoding.kernel.words import Boosts, Words, word_finish, word_step
from emgasr.runtime.compiled import compiled


@compiled(nogil=True)
def node_of(
    parent: int,
    label: int,
    factor: float,
    step: float,
    state: int,
    weights: np.ndarray,
    links: np.ndarray,
    values: np.ndarray,
    marks: np.ndarray,
    symbol_of: np.ndarray,
    context_floats: np.ndarray,
    words: Words | None,
    boosts: Boosts | None,
    logs: bool | None,
) -> int:
    """The node of a candidate: the one that it was before, as something grown from it may live, or a new one."""
    child = links[parent, CHILD]
    while child >= 0:
        if links[child, LABEL] == label:
            return child
        child = links[child, SIBLING]
    node = marks[USED]
    marks[USED] += 1
    links[node, PARENT], links[node, LABEL], links[node, DEPTH] = parent, label, links[parent, DEPTH] + 1
    links[node, CHILD], links[node, SIBLING], links[node, SLOT], links[node, TEXT] = -1, links[parent, CHILD], 0, -1
    links[parent, CHILD] = node
    text = links[parent, TEXT]
    if label == weights[BACKSPACE]:
        change = weights[LN_UNDO_NOTHING if links[text, BELOW] == text else LN_UNDO]
        text = links[text, BELOW]
        back = values[text, LN_P] - values[parent, LN_P]
        change += weights[ALPHA] * back + values[text, BOOST] - values[parent, BOOST]
    elif symbol_of[label] == NOT_PRINTING:
        change = weights[LN_BONUS]
    else:
        gain, hot = 0.0, 0
        if boosts is not None:
            gain, hot = boosts.gain[links[parent, HOT], label], boosts.goto[links[parent, HOT], label]
        links[node, STATE], links[node, TEXT], links[node, BELOW], links[node, HOT] = state, node, text, hot
        if words is not None:
            at, spelled, outside = links[parent, NODE], links[parent, SPELLED], values[parent, OUTSIDE_LN_P]
            _, _, at, spelled, outside, begun = word_step(words, label, links[parent, STATE], at, spelled, outside)
            links[node, NODE], links[node, SPELLED], values[node, OUTSIDE_LN_P] = at, spelled, outside
            values[node, FINISH], _ = word_finish(words, state, at, spelled, outside)
            gain += weights[WORD_BONUS] * begun
        values[node, LN_P] = values[parent, LN_P] + step
        values[node, BOOST] = values[parent, BOOST] + gain
        change = weights[ALPHA] * step + gain + weights[LN_BONUS]
        ln_undo = weights[LN_UNDO] - weights[ALPHA] * step - gain
        most = most_gain(state, values[node, FINISH], hot, weights, context_floats, words, boosts)
        if max(ln_undo, most) > LARGEST_LN:
            marks[TOO_FAR] = 1
        values[node, UNDO], values[node, MOST_GAIN] = of_ln(ln_undo, logs), of_ln(most, logs)
    if links[node, TEXT] != node:  # the text that was there before: all that is known of it
        for column in (STATE, NODE, SPELLED, HOT):
            links[node, column] = links[text, column]
        for column in (LN_P, BOOST, UNDO, OUTSIDE_LN_P, FINISH, MOST_GAIN):
            values[node, column] = values[text, column]
        links[node, TEXT], links[node, BELOW] = text, text
    values[node, FACTOR] = factor
    values[node, PRIOR] = values[parent, PRIOR] + change
    return node


@compiled(nogil=True)
def most_gain(
    state: int,
    finish: float,
    hot: int,
    weights: np.ndarray,
    context_floats: np.ndarray,
    words: Words | None,
    boosts: Boosts | None,
) -> float:
    """The logarithm of the largest factor that a printing token can have behind a text."""
    if words is not None:
        # Within a word its worth only falls: it rises where a word ends, and if unknown words have a bonus.
        rises = max(finish, 0.0) + max(-words.penalty, 0.0)
        gain = weights[ALPHA] * rises if weights[ALPHA] >= 0 and words.most_ended < 2 else np.inf
        gain += weights[LN_BONUS] + max(weights[WORD_BONUS], 0.0) * words.most_begun + 1e-6
    else:
        gain = np.float64(context_floats[state, LARGEST])  # e^-104 is nothing in float32
    if boosts is not None:
        gain += boosts.most[hot]
    return gain


@compiled(nogil=True)
def told_anew(
    tree: Tree,
    weights: np.ndarray,
    contexts: np.ndarray,
    words: Words | None,
    boosts: Boosts | None,
    logs: bool | None,
) -> float:
    """Write every node's factors anew, as `logs` has them; return the largest logarithm of any, smaller than 1 or not.

    They follow from what is kept of nodes beside: masses can be told either way at any frame.
    """
    links, values, context_floats, largest = tree.links, tree.values, contexts.view(np.float32), 0.0
    for node in range(tree.marks[USED]):
        parent, text = links[node, PARENT], links[node, TEXT]
        change = values[node, PRIOR] - values[parent, PRIOR] if parent >= 0 else 0.0
        below = links[text, BELOW]
        undo = weights[LN_UNDO_NOTHING]
        if below != text:
            undo = weights[LN_UNDO] - weights[ALPHA] * (values[text, LN_P] - values[below, LN_P])
            undo -= values[text, BOOST] - values[below, BOOST]
        most = most_gain(
            links[node, STATE], values[node, FINISH], links[node, HOT], weights, context_floats, words, boosts
        )
        largest = max(largest, abs(change), undo, most)
        values[node, FACTOR] = of_ln(change, logs)
        values[node, UNDO], values[node, MOST_GAIN] = of_ln(undo, logs), of_ln(most, logs)
    return largest
