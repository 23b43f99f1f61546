"""Sentences in, n-gram model out: interpolated modified Kneser–Ney, n-gram by n-gram what KenLM's lmplz estimates.

Chen & Goodman (1998), "An empirical study of smoothing techniques for language modeling"; Heafield et al. (2013),
"Scalable modified Kneser-Ney language model estimation".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.ngram import BEGIN, END, SPECIALS, UNKNOWN, NGramModel

FALLBACK_DISCOUNTS = (0.0, 0.5, 1.0, 1.5)  # of counts 0, 1, 2 and 3 or more: lmplz --discount_fallback
_UNKNOWN, _BEGIN, _END = range(3)


@dataclass
class _Order:
    """The distinct n-grams of one order: n-gram = context + symbol, with `suffix` (its last n-1 symbols) one below."""

    context: np.ndarray  # index into the order below
    suffix: np.ndarray  # index into the order below
    first: np.ndarray  # id of the first symbol
    symbol: np.ndarray  # id of the last symbol
    counts: np.ndarray  # in the text


def estimate(sentences: Iterable[Sequence[str]], order: int) -> NGramModel:
    """Estimate a model of `order` from sentences of symbols; every sentence begins with <s> and ends with </s>.

    Lower orders count distinct left neighbors; discounts are per order, with `FALLBACK_DISCOUNTS` where a text is too
    small or odd to tell them. LanguageModelError for no sentences, or for special symbols among them.
    """
    if order < 1:
        raise LanguageModelError("language model", f"order {order} is impossible", "use 1 or more")
    names, text, starts = _numbered(sentences)
    orders = _count(text, starts, len(names), order)
    ngrams: list[tuple[str, ...]] = [(name,) for name in names]
    ln_p: dict[tuple[str, ...], float] = {}
    ln_backoff: dict[tuple[str, ...], float] = {}
    lower_p = np.full(1, 1.0 / (len(names) - 1))  # of the empty n-gram: uniform over all symbols but <s>
    for n, (table, adjusted) in enumerate(zip(orders, _adjusted_counts(orders), strict=True), 1):
        discounts = _discounts(_count_of_counts(orders, n, adjusted))
        p, gamma = _interpolate(table, adjusted, discounts, lower_p)
        if n == 1:
            p[_BEGIN] = 1.0
        else:
            below = ngrams
            ngrams = [(*below[c], names[s]) for c, s in zip(table.context.tolist(), table.symbol.tolist(), strict=True)]
            for index in np.unique(table.context).tolist():
                ln_backoff[below[index]] = math.log(gamma[index])
        ln_p.update(zip(ngrams, np.log(p).tolist(), strict=True))
        lower_p = p
    return NGramModel(ln_p, ln_backoff)


def _numbered(sentences: Iterable[Sequence[str]]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return symbol names by id (specials first), the text as ids, and the position of each sentence's <s>."""
    ids = {UNKNOWN: _UNKNOWN, BEGIN: _BEGIN, END: _END}
    text: list[int] = []
    starts: list[int] = []
    for sentence in sentences:
        starts.append(len(text))
        text.append(_BEGIN)
        for symbol in sentence:
            if symbol in SPECIALS or not symbol:
                raise LanguageModelError(f"sentence {len(starts)}", f"holds the symbol {symbol!r}", "leave it out")
            text.append(ids.setdefault(symbol, len(ids)))
        text.append(_END)
    if len(ids) == len(SPECIALS):
        raise LanguageModelError("language model", "there is no text to estimate it from", "give at least one symbol")
    return list(ids), np.array(text), np.array(starts)


def _count(text: np.ndarray, starts: np.ndarray, vocabulary: int, order: int) -> list[_Order]:
    """Tell the distinct n-grams of each order apart, those of an order numbered by (context, symbol)."""
    sentence = np.searchsorted(starts, np.arange(len(text)), side="right")
    unigrams = np.arange(vocabulary)
    counts = np.bincount(text, minlength=vocabulary)
    nothing = np.zeros(vocabulary, dtype=np.int64)
    orders = [_Order(nothing, nothing, unigrams, unigrams, counts)]
    index = text  # of the n-gram that begins at each position
    for n in range(2, order + 1):
        positions = np.arange(len(text) - n + 1)
        positions = positions[sentence[positions] == sentence[positions + n - 1]]
        if not len(positions):
            break  # no sentence is this long
        keys, at, inverse, counts = np.unique(
            index[positions] * vocabulary + text[positions + n - 1],
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        context, symbol = np.divmod(keys, vocabulary)
        suffix = index[positions[at] + 1]
        orders.append(_Order(context, suffix, text[positions[at]], symbol, counts))
        index = np.zeros(len(text), dtype=np.int64)
        index[positions] = inverse
    return orders


def _adjusted_counts(orders: list[_Order]) -> list[np.ndarray]:
    """Return the counts to estimate from: of the highest order those in the text, below it distinct left neighbors."""
    adjusted = []
    for table, above in pairwise(orders):
        neighbors = np.bincount(above.suffix, minlength=len(table.counts))
        adjusted.append(np.where(table.first == _BEGIN, table.counts, neighbors))  # nothing stands left of <s>
    adjusted.append(orders[-1].counts.copy())
    adjusted[0][[_UNKNOWN, _BEGIN]] = 0
    return adjusted


def _count_of_counts(orders: list[_Order], n: int, adjusted: np.ndarray) -> np.ndarray:
    """Return how many n-grams have an adjusted count of 0, 1, ... 4, as lmplz counts them.

    lmplz enters, of each lower order, the n-gram that it sorts last by its count in the text instead of its adjusted
    count; the discounts depend on it, so the same is done here.
    """
    counts = adjusted.copy()
    if n < len(orders):
        last = int(orders[0].symbol[-1])  # the symbol that came up last, then its latest left neighbor, and so on
        for length in range(2, n + 1):
            table = orders[length - 1]
            (candidates,) = np.nonzero(table.suffix == last)
            if not len(candidates):
                return np.bincount(np.minimum(counts, 5), minlength=6)  # it begins with <s> already
            last = int(candidates[np.argmax(table.first[candidates])])
        counts[last] = orders[n - 1].counts[last]
    return np.bincount(np.minimum(counts, 5), minlength=6)


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


def _interpolate(
    table: _Order, adjusted: np.ndarray, discounts: np.ndarray, lower_p: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each n-gram's probability, and for each context the weight of the order below (its back-off)."""
    discount = discounts[np.minimum(adjusted, 3)]
    seen = np.bincount(table.context, weights=adjusted)
    with np.errstate(invalid="ignore"):  # n-grams that are no context have no back-off: 0 / 0
        gamma = np.bincount(table.context, weights=discount) / seen
    p = (adjusted - discount) / seen[table.context] + gamma[table.context] * lower_p[table.suffix]
    return p, gamma
