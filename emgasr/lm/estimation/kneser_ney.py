"""Sentences in, n-gram model out: interpolated modified Kneser–Ney, n-gram by n-gram what KenLM's lmplz estimates.

Chen & Goodman (1998), "An empirical study of smoothing techniques for language modeling"; Heafield et al. (2013),
"Scalable modified Kneser-Ney language model estimation".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.estimation.counting import Counted, Level, count
from emgasr.lm.ngram import BEGIN_ID, END_ID, NGramModel
from emgasr.lm.trie import Table
from emgasr.runtime.compiled import compiled

FALLBACK_DISCOUNTS = (0.0, 0.5, 1.0, 1.5)  # of counts 0, 1, 2 and 3 or more: lmplz --discount_fallback
HIGHEST_ORDER = 8
SMALLEST = 1e-99  # ARPA's sign for impossible: a back-off of 0 has no logarithm


def estimate(sentences: Iterable[Sequence[str]], order: int, *, prune: Sequence[int] = ()) -> NGramModel:
    """Estimate a model of `order` (1 to 8) from sentences of symbols; every one begins with <s> and ends with </s>.

    Lower orders count distinct left neighbors; discounts are per order, with `FALLBACK_DISCOUNTS` where a text is too
    small or odd to give them. `prune` as lmplz's --prune: n-grams that stand in the text at most so many times are
    left out, a threshold an order, none below the one before it, the last for all higher orders. An order longer than
    any sentence, or pruned away, stops short. LanguageModelError for no text, or for special symbols in it.
    """
    thresholds = checked_prune(order, prune)
    counted = count(sentences, order)
    tables = _tables(counted, thresholds)
    used = np.zeros(len(counted.vocabulary), np.bool_)
    used[tables[0][0]] = True
    if used.all():
        return NGramModel.from_tables(counted.vocabulary, tables)
    kept = [symbol for symbol, keep in zip(counted.vocabulary, used.tolist(), strict=True) if keep]
    new_ids = np.cumsum(used, dtype=np.int32) - 1
    return NGramModel.from_tables(kept, [(new_ids[ids], ln_p, ln_backoff) for ids, ln_p, ln_backoff in tables])


def checked_prune(order: int, prune: Sequence[int]) -> list[int]:
    """Return a threshold for each order; a LanguageModelError for an impossible order or impossible thresholds."""
    if not 1 <= order <= HIGHEST_ORDER:
        raise LanguageModelError("language model", f"order {order} is impossible", f"use 1 to {HIGHEST_ORDER}")
    thresholds = list(prune) or [0]
    if len(thresholds) > order:
        advice = "give at most one an order"
        raise LanguageModelError("language model", f"{len(thresholds)} thresholds to prune order {order}", advice)
    if thresholds[0] < 0 or thresholds != sorted(thresholds):
        shown = " ".join(map(str, thresholds))
        advice = "begin at 0 or above and let none be below the one before"
        raise LanguageModelError("language model", f"thresholds {shown} would leave n-grams without a context", advice)
    return thresholds + thresholds[-1:] * (order - len(thresholds))


def _tables(counted: Counted, thresholds: Sequence[int]) -> list[Table]:
    """Return ids (n, k), ln p and ln back-off of the n-grams of each order that are kept, the lowest order first."""
    levels = counted.levels
    context = np.zeros(len(levels[0]), np.int32)  # of each n-gram: its index in the level below
    extensions = np.array([0, len(levels[0])], np.int32)  # of the empty n-gram
    ids = np.arange(len(levels[0]), dtype=np.int32)[:, None]
    lower_p = np.zeros(1)
    rows, gammas = [], []
    for order, level in enumerate(levels, 1):
        kept = level.counts > thresholds[order - 1] if thresholds[order - 1] else np.ones(len(level), np.bool_)
        if order == 1:
            kept[: END_ID + 1] = True
            lower_p[0] = 1.0 / (np.count_nonzero(kept) - 1)  # uniform over all symbols but <s>
        else:
            below = levels[order - 2]
            context = _contexts(context, extensions, below.first, below.extensions, level.first)
            extensions = below.extensions
            ids = np.concatenate([level.first[:, None], np.repeat(ids, np.diff(extensions), axis=0)], axis=1)
        if not kept.any():
            break  # and none longer: thresholds never fall, and a part stands in the text as often as the whole
        adjusted = _adjusted_counts(level, highest=order == len(levels))
        discounts = _discounts(_count_of_counts(counted, order, adjusted))
        p, gamma = _interpolate(adjusted, kept, context, extensions, discounts, lower_p)
        if order == 1:
            p[BEGIN_ID] = 1.0
        rows.append((ids[kept], np.minimum(np.log(p[kept]), 0.0), kept))
        gammas.append(gamma)
        lower_p = p
    ln_backoffs = [np.log(np.maximum(gamma, SMALLEST)) for gamma in gammas[1:]] + [np.zeros(len(rows[-1][2]))]
    return [(ids, ln_p, ln_b[kept]) for (ids, ln_p, kept), ln_b in zip(rows, ln_backoffs, strict=True)]


def _adjusted_counts(level: Level, highest: bool) -> np.ndarray:
    """Return the counts to estimate from: of the highest order those in the text, below it distinct left neighbors."""
    if highest:
        return level.counts
    return np.where(level.first == BEGIN_ID, level.counts, np.diff(level.extensions))  # nothing stands left of <s>


def _count_of_counts(counted: Counted, order: int, adjusted: np.ndarray) -> np.ndarray:
    """Return how many n-grams have an adjusted count of 0, 1, ... 4, as lmplz counts them, pruned ones too.

    lmplz enters, of each lower order, the n-gram that it sorts last by its count in the text instead of its adjusted
    count; the discounts depend on it, so the same is done here.
    """
    tally = np.bincount(np.minimum(adjusted, 5), minlength=6)
    if order < len(counted.levels) and order <= counted.last_order:
        tally[min(adjusted[-1], 5)] -= 1
        tally[min(counted.levels[order - 1].counts[-1], 5)] += 1
    return tally


def _discounts(count_of_counts: np.ndarray) -> np.ndarray:
    """Return what to take off counts of 0, 1, 2 and 3 or more (Chen & Goodman's equation 26), or the fallback."""
    t = count_of_counts.astype(float)
    if (t[1:4] == 0).any():
        return np.array(FALLBACK_DISCOUNTS)
    y = t[1] / (t[1] + 2 * t[2])
    discounts = np.array([0.0, *(j - (j + 1) * y * t[j + 1] / t[j] for j in (1, 2, 3))])
    if (discounts < 0).any() or (discounts > np.arange(4)).any():
        return np.array(FALLBACK_DISCOUNTS)
    return discounts


@compiled(nogil=True)
def _contexts(
    below_context: np.ndarray,
    below_extensions: np.ndarray,
    first: np.ndarray,
    extensions: np.ndarray,
    above_first: np.ndarray,
) -> np.ndarray:
    """Return the index, in their level, of the n-grams without the last symbol of those in the level above.

    An n-gram's ending (without its first symbol) has a context itself, and the n-gram's context is the extension of
    that context by the n-gram's first symbol.
    """
    context = np.empty(len(above_first), np.int32)
    for ending in range(len(first)):
        start = below_extensions[below_context[ending]]
        end = below_extensions[below_context[ending] + 1]
        for ngram in range(extensions[ending], extensions[ending + 1]):
            low, high = start, end
            while low < high:
                middle = (low + high) >> 1
                if first[middle] < above_first[ngram]:
                    low = middle + 1
                else:
                    high = middle
            context[ngram] = low
            start = low + 1
    return context


@compiled(nogil=True)
def _interpolate(
    adjusted: np.ndarray,
    kept: np.ndarray,
    context: np.ndarray,
    extensions: np.ndarray,
    discounts: np.ndarray,
    lower_p: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return each n-gram's probability, and for each context the weight of the order below (its back-off).

    `extensions` of the level below name the n-grams that end in each of its own. A context's back-off takes what was
    discounted and all that was pruned; it is 1 where nothing follows.
    """
    seen = np.zeros(len(lower_p))
    gamma = np.zeros(len(lower_p))
    for ngram in range(len(adjusted)):
        seen[context[ngram]] += adjusted[ngram]
        gamma[context[ngram]] += discounts[min(adjusted[ngram], 3)] if kept[ngram] else adjusted[ngram]
    for index in range(len(lower_p)):
        gamma[index] = gamma[index] / seen[index] if seen[index] > 0 else 1.0
    p = np.empty(len(adjusted))
    for ending in range(len(lower_p)):
        for ngram in range(extensions[ending], extensions[ending + 1]):
            above = adjusted[ngram] - discounts[min(adjusted[ngram], 3)]
            p[ngram] = above / seen[context[ngram]] + gamma[context[ngram]] * lower_p[ending]
    return p, gamma
