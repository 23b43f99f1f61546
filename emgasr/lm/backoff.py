"""The probabilities of a trie's n-grams in, back-offs with which every context sums to one out."""

from __future__ import annotations

import numpy as np

from emgasr.lm.ngram import step
from emgasr.lm.trie import LN10
from emgasr.runtime.compiled import compiled

ROUNDING = 1e-7  # of a float32: what a sum of probabilities can miss 1 by


@compiled(nogil=True)
def backoffs(first, fail, symbol, log10_p, after):  # type: ignore[no-untyped-def]
    """Return log10 of each context's back-off: what its n-grams leave over what they would have one order below."""
    backoff = np.zeros(len(fail), np.float32)
    for context in range(1, len(fail)):  # by length: those that it backs off to are done
        here, below = 0.0, 0.0
        for ngram in range(first[context], first[context + 1]):
            here += np.exp(LN10 * log10_p[ngram])
            below += np.exp(step(first, fail, backoff, symbol, log10_p, after, fail[context], symbol[ngram])[0])
        backoff[context] = np.log10(max(1.0 - here, ROUNDING) / max(1.0 - below, ROUNDING))
    return backoff
