"""English text in, an ARPA file out: the char 6-gram over keystroke symbols that every decoder of a run gets.

The little text at hand gives fewer n-grams than the 1.35 M of the published comparisons, and a small model is kinder to
caches. So n-grams are added with the probability that back-off gives them: the model is as large, and says the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from emgasr.errors import DataError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.texts import read_texts, sentences

ORDER = 6
NGRAMS = 1_350_000
_BEST_SHARES = {5: 1 / 3, 6: 1.0}  # of what is still missing, the part to be added at an order


def keystroke_model(text: Iterable[str], folder: Path | None = None) -> NGramModel:
    """Estimate the model from lines of text and from the .txt files of a folder, in lower case as most people type."""
    files = sorted(folder.glob("*.txt")) if folder else []
    if folder and not files:
        raise DataError(folder, "holds no .txt file", "give a folder of English text")
    lines = [*read_texts(files, lowercase=True), *(line.lower() for line in text)]
    return filled(estimate(sentences(lines, "keystrokes"), ORDER), NGRAMS)


def filled(model: NGramModel, ngrams: int) -> NGramModel:
    """Return a model of (at most) `ngrams` n-grams with the same probabilities: the likeliest missing are added."""
    size = len(model.vocabulary)
    tables = [model.table(order) for order in range(1, model.order + 1)]
    for order, share in _BEST_SHARES.items():
        ids, ln_p, ln_backoff = tables[order - 1]
        missing = round(share * max(ngrams - sum(len(table[1]) for table in tables), 0))
        shorter, shorter_ln_p, shorter_backoff = tables[order - 2]
        keys = _keys(shorter, size)
        ranked = np.argsort(keys)
        # The symbols after a context's suffix lie side by side in the sorted table one order below.
        begin = np.searchsorted(keys[ranked], _keys(shorter[:, 1:], size) * size)
        end = np.searchsorted(keys[ranked], (_keys(shorter[:, 1:], size) + 1) * size)
        context = np.repeat(np.arange(len(shorter)), end - begin)
        within = np.arange(len(context)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin)
        suffix = ranked[begin[context] + within]
        new = ~np.isin(keys[context] * size + shorter[suffix, -1], _keys(ids, size))
        context, suffix = context[new], suffix[new]
        likely = shorter_backoff[context] + shorter_ln_p[suffix]
        best = np.argsort(-likely, kind="stable")[:missing]
        added = np.concatenate([shorter[context[best]], shorter[suffix[best], -1:]], axis=1)
        zeros = np.zeros(len(added), dtype=ln_backoff.dtype)
        tables[order - 1] = (
            np.concatenate([ids, added]),
            np.concatenate([ln_p, likely[best]]),
            np.concatenate([ln_backoff, zeros]),
        )
    return NGramModel.from_tables(model.vocabulary, tables)


def _keys(ids: np.ndarray, size: int) -> np.ndarray:
    """Return one number an n-gram, which sorts as its symbols do."""
    return ids.astype(np.int64) @ (size ** np.arange(ids.shape[1] - 1, -1, -1, dtype=np.int64))
