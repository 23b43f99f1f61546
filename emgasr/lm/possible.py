"""A language model's numbers in, what cannot be out: NaN, infinities, probabilities above 1, also by back-offs."""

from __future__ import annotations

import numpy as np

from emgasr.lm.ngram import BEGIN_ID, NGramModel
from emgasr.lm.trie import LARGEST, find
from emgasr.runtime.compiled import compiled

ROUNDING = 0.01  # of log10: how far above 1 a probability may come by numbers that were written with few digits


def impossible(model: NGramModel) -> str:
    """Return what is wrong with the first value that no model has, "" if none is."""
    for values in (model.log10_p, model.log10_backoff):
        if not (np.abs(values) <= 2 * LARGEST).all():
            return "holds a logarithm that is no number, or larger than any"
    if (model.log10_p > 0).any():
        return f"holds the log-probability {model.log10_p.max():g}, above zero"
    context, ngram, log10_p = _above_one(model.first, model.fail, model.log10_backoff, model.symbol, model.log10_p)
    if context < 0:
        return ""
    backoff, symbol = model.log10_backoff[context], model.vocabulary[model.symbol[ngram]]
    return f"a back-off of {backoff:g} gives {symbol!r} a log-probability of {log10_p:.3g}, above zero"


@compiled(nogil=True)
def _above_one(first, fail, log10_backoff, symbol, log10_p):  # type: ignore[no-untyped-def]
    """Return a context, an n-gram that it backs off to, and log10 p above zero of that; -1, -1 and 0 if there is none.

    Only contexts with back-offs above 1 can have one, and of those few can by the largest p that they back off to.
    """
    largest = np.full(len(fail), -np.inf)
    for context in range(len(fail)):
        for ngram in range(first[context], first[context + 1]):
            if symbol[ngram] != BEGIN_ID:  # which nothing is asked for, and many files give 1
                largest[context] = max(largest[context], np.float64(log10_p[ngram]))
    for context in range(1, len(fail)):
        paid, below = 0.0, context
        while below != 0:
            paid += log10_backoff[below]
            below = fail[below]
            if paid + largest[below] <= ROUNDING:
                continue
            for ngram in range(first[below], first[below + 1]):
                if paid + log10_p[ngram] <= ROUNDING or symbol[ngram] == BEGIN_ID:
                    continue
                nearer = context  # a symbol that is found before is not backed off to
                while nearer != below and find(first, symbol, nearer, symbol[ngram]) < 0:
                    nearer = fail[nearer]
                if nearer == below:
                    return context, ngram, paid + log10_p[ngram]
    return -1, -1, 0.0
