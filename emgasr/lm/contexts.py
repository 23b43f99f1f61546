"""Tables of n-grams of which some lack their contexts in, a model that has them out, with what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from emgasr.lm.ngram import NGramModel, step
from emgasr.lm.trie import LN10, Table, find


def with_contexts(vocabulary: Sequence[str], tables: Sequence[Table]) -> tuple[NGramModel, int]:
    """Build a model from tables as `NGramModel.from_tables` does, contexts that they lack filled in; and their number.

    Models that were pruned by counts list "a b c" without "a b". Such a context gets the probability that the model
    gives it by backing off, and no back-off of its own, so that it changes none of the model's answers.
    """
    full = list(tables)
    filled: list[np.ndarray] = [np.zeros((0, order), np.int32) for order in range(1, len(full) + 1)]
    for order in range(len(full), 1, -1):
        ids, ln_p, backoff = full[order - 2]
        contexts = full[order - 1][0][:, :-1]
        _, first = np.unique(np.concatenate([ids, contexts]), axis=0, return_index=True)
        filled[order - 2] = missing = contexts[np.sort(first[first >= len(ids)]) - len(ids)]
        nothing = np.zeros(len(missing))
        full[order - 2] = (
            np.concatenate([ids, missing]),
            np.concatenate([ln_p, nothing]),
            np.concatenate([backoff, nothing]),
        )
    model = NGramModel.from_tables(vocabulary, full)
    log10_p = np.array(model.log10_p)
    model = replace(model, log10_p=log10_p)
    renumbered = {symbol: number for number, symbol in enumerate(model.vocabulary)}
    names = np.array([renumbered[symbol] for symbol in vocabulary], np.int32)
    for ids in filled:  # the shorter first: the longer back off to them
        for row in names[ids].tolist():
            context = 0
            for id in row[:-1]:
                context = int(model.next[find(model.first, model.symbol, context, id)])
            ngram = find(model.first, model.symbol, context, row[-1])
            ln_p, _ = step(*model.arrays, int(model.fail[context]), row[-1])
            log10_p[ngram] = min(0.0, float(model.log10_backoff[context]) + ln_p / LN10)
    log10_p.flags.writeable = False
    return model, sum(map(len, filled))
