"""N-grams written by hand in, a model out, and a model's n-grams back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from emgasr.lm import NGramModel

NGrams = Mapping[tuple[str, ...], tuple[float, float]]  # n-gram -> ln p, ln back-off


def model_of(ngrams: NGrams) -> NGramModel:
    vocabulary = [ngram[0] for ngram in ngrams if len(ngram) == 1]
    tables = []
    for order in range(1, max(map(len, ngrams)) + 1):
        rows = {ngram: values for ngram, values in ngrams.items() if len(ngram) == order}
        ids = np.array([[vocabulary.index(symbol) for symbol in ngram] for ngram in rows], dtype=np.int32)
        ln_p, ln_backoff = np.array(list(rows.values()), dtype=np.float64).reshape(-1, 2).T
        tables.append((ids.reshape(-1, order), ln_p, ln_backoff))
    return NGramModel.from_tables(vocabulary, tables)


def ngrams_of(model: NGramModel) -> NGrams:
    orders = range(1, model.order + 1)
    return {ngram: values for order in orders for ngram, *values in model.ngrams(order)}
