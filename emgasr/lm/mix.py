"""Language models in, one back-off model of their linear interpolation out; weights are found on held-out text.

Stolcke (2002), "SRILM - an extensible language modeling toolkit": the n-grams of all models with interpolated
probabilities, and back-offs that make every context sum to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.backoff import backoffs
from emgasr.lm.ngram import SPECIALS, UNKNOWN_ID, NGramModel, step
from emgasr.lm.perplexity import encoded
from emgasr.lm.trie import owners
from emgasr.runtime.compiled import compiled

SMALLEST = 1e-99  # ARPA's sign for impossible
_EM_STEPS = 1000
_EM_CHANGE = 1e-6


def mix(models: Sequence[NGramModel], weights: Sequence[float]) -> NGramModel:
    """Interpolate models into one; `weights` are not negative and are scaled to sum to one.

    A symbol that a model does not know gets an equal share of its <unk>, together with <unk> itself, so that every
    model sums to one over all symbols. N-grams that none of the models lists are backed off to, as in any of them.
    LanguageModelError for weights that do not fit.
    """
    shares = np.asarray(weights, np.float64)
    if len(models) < 2 or len(shares) != len(models):
        raise LanguageModelError("mix", f"{len(models)} models and {len(shares)} weights", "give two or more of each")
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise LanguageModelError("mix", f"weights {list(weights)} are no shares", "give numbers of 0 and above")
    vocabulary = joint_vocabulary(models)
    union = _union(models, vocabulary)
    own = np.zeros(sum(union.counts), np.int32)  # of each n-gram: the context that it is itself, 0 if it is none
    own[owners(union.counts, union.next, len(union.fail))[1:]] = np.arange(1, len(union.fail))
    p = np.zeros(len(own))
    for model, share in zip(models, shares / shares.sum(), strict=True):
        if share > 0:
            p += share * np.exp(_ln_p(union.first, union.symbol, own, *_renumbered(model, vocabulary), *model.arrays))
    log10_p = np.log10(np.clip(p, SMALLEST, 1.0)).astype(np.float32)
    log10_backoff = backoffs(union.first, union.fail, union.symbol, log10_p, union.next)
    for array in (log10_p, log10_backoff):
        array.flags.writeable = False
    return replace(union, log10_p=log10_p, log10_backoff=log10_backoff)


def tune_weights(models: Sequence[NGramModel], sentences: Iterable[Sequence[str]]) -> tuple[float, ...]:
    """Return the weights under which the interpolated models give held-out sentences the highest probability, by EM.

    Symbols that no model knows are left out. LanguageModelError for no sentences.
    """
    text = list(sentences)
    vocabulary = joint_vocabulary(models)
    known = None
    columns = []
    for model in models:
        ids = encoded(model, text) if text else np.zeros(0, np.int32)
        scores = model.score_ids(ids)
        scores[ids == UNKNOWN_ID] += _ln_share(model, vocabulary)
        columns.append(scores)
        known = (ids != UNKNOWN_ID) if known is None else known | (ids != UNKNOWN_ID)
    return shares_of(np.stack(columns, axis=1)[known])


def shares_of(scores: np.ndarray) -> tuple[float, ...]:
    """Return the shares of models, by EM, whose mixture makes symbols most probable; scores (n, M) are ln p of each.

    Raises:
        LanguageModelError: There is no symbol.
    """
    if not len(scores):
        raise LanguageModelError("held-out text", "holds no text", "give at least one line")
    p = np.exp(scores - scores.max(axis=1, keepdims=True))  # the models' ratio is all that counts, however small p is
    weights = np.full(scores.shape[1], 1.0 / scores.shape[1])
    for _ in range(_EM_STEPS):
        posterior = p * weights
        updated = (posterior / posterior.sum(axis=1, keepdims=True)).mean(axis=0)
        change = np.abs(updated - weights).max()
        weights = updated
        if change < _EM_CHANGE:
            break
    return tuple(weights.tolist())


def mixed_scores(first: np.ndarray, second: np.ndarray, second_share: float) -> np.ndarray:
    """Return ln p of symbols under the mixture of two models' ln p."""
    with np.errstate(divide="ignore"):
        return np.logaddexp(np.log1p(-second_share) + first, np.log(second_share) + second)


def joint_vocabulary(models: Sequence[NGramModel]) -> tuple[str, ...]:
    """Return the symbols of all models, specials first, then as they come up."""
    symbols = dict.fromkeys(symbol for model in models for symbol in model.vocabulary)
    return (*SPECIALS, *(symbol for symbol in symbols if symbol not in SPECIALS))


def _ln_share(model: NGramModel, vocabulary: Sequence[str]) -> float:
    """Return ln of what each symbol that the model does not know gets of its <unk>."""
    return -float(np.log(1 + len(vocabulary) - len(model.vocabulary)))


def _renumbered(model: NGramModel, vocabulary: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the model's id of each symbol of a larger vocabulary, and what to add to its ln p."""
    mine = {symbol: id for id, symbol in enumerate(model.vocabulary)}
    ids = np.array([mine.get(symbol, UNKNOWN_ID) for symbol in vocabulary], np.int32)
    return ids, np.where(ids == UNKNOWN_ID, _ln_share(model, vocabulary), 0.0)


def _union(models: Sequence[NGramModel], vocabulary: tuple[str, ...]) -> NGramModel:
    """Return a model that lists the n-grams of all, with nothing known of their probabilities."""
    numbers = {symbol: id for id, symbol in enumerate(vocabulary)}
    new_ids = [np.array([numbers[symbol] for symbol in model.vocabulary], np.int64) for model in models]
    parents = [_parents(model) for model in models]
    begins = [np.concatenate([[0], np.cumsum(model.counts)]) for model in models]
    places = [np.zeros(1, np.int64) for _ in models]  # of the n-grams one shorter, in the table of all
    ids = np.zeros((1, 0), np.int32)
    tables = []
    for order in range(1, max(model.order for model in models) + 1):
        keys = []
        for model, new, parent, begin, place in zip(models, new_ids, parents, begins, places, strict=True):
            if order > model.order:
                keys.append(np.zeros(0, np.int64))
                continue
            mine = slice(begin[order - 1], begin[order])
            above = parent[mine] - begin[order - 2] if order > 1 else parent[mine] + 1
            keys.append(place[above] * len(vocabulary) + new[model.symbol[mine]])
        every, where = np.unique(np.concatenate(keys), return_inverse=True)
        places = np.split(where, np.cumsum([len(part) for part in keys])[:-1])
        context, symbol = np.divmod(every, len(vocabulary))
        ids = np.concatenate([ids[context], symbol[:, None].astype(np.int32)], axis=1)
        tables.append((ids, np.zeros(len(ids)), np.zeros(len(ids))))
    return NGramModel.from_tables(vocabulary, tables)


def _parents(model: NGramModel) -> np.ndarray:
    """Return the n-gram that each n-gram is without its last symbol, -1 for 1-grams."""
    context = np.repeat(np.arange(len(model.fail)), np.diff(model.first))
    return owners(model.counts, model.next, len(model.fail))[context]


@compiled(nogil=True)
def _ln_p(  # type: ignore[no-untyped-def]
    first, symbol, own, ids, extra, m_first, m_fail, m_log10_backoff, m_symbol, m_log10_p, m_next
):
    """Return ln p of every n-gram of the union, its last symbol after the others, under one model."""
    ln_p = np.empty(len(symbol))
    states = np.zeros(len(first) - 1, np.int32)
    for context in range(len(states)):
        for ngram in range(first[context], first[context + 1]):
            score, after = step(
                m_first, m_fail, m_log10_backoff, m_symbol, m_log10_p, m_next, states[context], ids[symbol[ngram]]
            )
            ln_p[ngram] = score + extra[symbol[ngram]]
            if own[ngram] != 0:  # numbered after the context that it extends
                states[own[ngram]] = after
    return ln_p
