"""A candidate in, its node of the tree out: what its text is, how it scores and what a backspace would undo."""

from __future__ import annotations

from typing import Any

import numpy as np

from emgasr.decoding.kernel.arrays import Search
from emgasr.decoding.kernel.compiling import inlined, inner
from emgasr.decoding.kernel.masses import LARGEST_LN, of_ln
from emgasr.decoding.kernel.ngrams import NOT_PRINTING
from emgasr.decoding.kernel.tree import Tree
from emgasr.decoding.kernel.weights import Weights
from emgasr.decoding.kernel.words import BoostTables, WordTables, word_finish, word_step
from emgasr.runtime.compiled import compiled


@inlined
def node_of(
    search: Search, candidate: Any, words: WordTables | None, boosts: BoostTables | None, logs: bool | None
) -> int:
    """Return the node of a CANDIDATE: the one that it was before, as something grown from it may live, or a new one."""
    nodes, weights, progress = search.tree.nodes, search.weights, search.tree.progress[0]
    above, label = search.beam.nodes[candidate.entry], candidate.label
    child = nodes[above].child
    while child >= 0:
        if nodes[child].label == label:
            return child
        child = nodes[child].sibling
    number = progress.used
    progress.used += 1
    node, parent = nodes[number], nodes[above]
    node.parent, node.label, node.depth = above, label, parent.depth + 1
    node.child, node.sibling, node.slot, node.text = -1, parent.child, 0, -1
    parent.child = number
    text = parent.text
    if label == weights.backspace:
        change = weights.ln_undo_nothing if nodes[text].below == text else weights.ln_undo
        text = nodes[text].below
        change += weights.lm_weight * (nodes[text].ln_p - parent.ln_p) + nodes[text].boost - parent.boost
    elif search.lm.symbol_of[label] == NOT_PRINTING:
        change = weights.ln_bonus
    else:
        gain, hot = 0.0, 0
        if boosts is not None:
            gain, hot = boosts.gain[parent.hot, label], boosts.goto[parent.hot, label]
        node.state, node.text, node.below, node.hot = candidate.state, number, text, hot
        if words is not None:
            _, _, at, spelled, outside, begun = word_step(
                words, label, parent.state, parent.lexicon, parent.spelled, parent.outside
            )
            node.lexicon, node.spelled, node.outside = at, spelled, outside
            node.ln_finish, _ = word_finish(words, candidate.state, at, spelled, outside)
            gain += weights.word_bonus * begun
        node.ln_p, node.boost = parent.ln_p + candidate.ln_p, parent.boost + gain
        change = weights.lm_weight * candidate.ln_p + gain + weights.ln_bonus
        ln_undo = weights.ln_undo - weights.lm_weight * candidate.ln_p - gain
        largest = ln_largest(node, weights, search.lm.contexts, words, boosts)
        if max(ln_undo, largest) > LARGEST_LN:
            progress.too_far = 1
        node.undo, node.largest = of_ln(ln_undo, logs), of_ln(largest, logs)
    if node.text != number:  # the text that was there before: all that is known of it
        known = nodes[text]
        node.text, node.below = text, text
        node.state, node.lexicon, node.spelled, node.hot = known.state, known.lexicon, known.spelled, known.hot
        node.ln_p, node.boost, node.undo, node.largest = known.ln_p, known.boost, known.undo, known.largest
        node.outside, node.ln_finish = known.outside, known.ln_finish
    node.factor, node.prior = candidate.factor, parent.prior + change
    return number


@inner
def ln_largest(
    node: Any, weights: Weights, contexts: np.ndarray, words: WordTables | None, boosts: BoostTables | None
) -> float:
    """Return ln of the largest factor that a printing token can have behind the text of a NODE."""
    if words is not None:
        # Within a word its worth only falls: it rises where a word ends, and if unknown words have a bonus.
        rises = max(node.ln_finish, 0.0) + max(-words.penalty, 0.0)
        ln_factor = weights.lm_weight * rises if weights.lm_weight >= 0 and words.most_ended < 2 else np.inf
        ln_factor += weights.ln_bonus + max(weights.word_bonus, 0.0) * words.most_begun + 1e-6
    else:
        ln_factor = np.float64(contexts[node.state].ln_largest)  # e^-104 is nothing in float32
    if boosts is not None:
        ln_factor += boosts.most[node.hot]
    return ln_factor


@compiled(nogil=True)
def rewrite_factors(
    tree: Tree,
    weights: Weights,
    contexts: np.ndarray,
    words: WordTables | None,
    boosts: BoostTables | None,
    logs: bool | None,
) -> float:
    """Write every node's factors as `logs` has them; return the largest logarithm of any, of those below 1 its size.

    They follow from what nodes keep beside them, so that masses can change their form at any frame.
    """
    nodes, largest = tree.nodes, 0.0
    for number in range(tree.progress[0].used):
        node, text = nodes[number], nodes[nodes[number].text]
        change = node.prior - nodes[node.parent].prior if node.parent >= 0 else 0.0
        ln_undo = weights.ln_undo_nothing
        if text.below != node.text:
            below = nodes[text.below]
            ln_undo = weights.ln_undo - weights.lm_weight * (text.ln_p - below.ln_p)
            ln_undo -= text.boost - below.boost
        ln_most = ln_largest(node, weights, contexts, words, boosts)
        largest = max(largest, abs(change), ln_undo, ln_most)
        node.factor, node.undo, node.largest = of_ln(change, logs), of_ln(ln_undo, logs), of_ln(ln_most, logs)
    return largest
