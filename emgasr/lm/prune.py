"""A language model in, one with fewer n-grams out: those go whose loss changes the model's distribution least.

Stolcke (1998), "Entropy-based pruning of backoff language models". A history is weighed by how often it comes in text
that the model itself writes, as the paper asks. The product of the lower orders' probabilities, which is easier to
have, is something else under Kneser–Ney smoothing (Chelba et al., 2010, "Study on interaction between entropy pruning
and Kneser-Ney smoothing").
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.backoff import ROUNDING, backoffs
from emgasr.lm.ngram import BEGIN_ID, END_ID, NGramModel, step
from emgasr.lm.trie import LN10, owners
from emgasr.runtime.compiled import compiled

_ROUNDS = 2000  # of the model's text, a symbol each
_CHANGE = 1e-9  # of all contexts' frequencies together, after which they stand still
_MOST_DECIMALS = 9


def prune(
    model: NGramModel, *, threshold: float | None = None, ngrams: int | None = None, decimals: int | None = None
) -> NGramModel:
    """Drop the n-grams that a model loses least by: those below a threshold, or as many as leave `ngrams` at most.

    The n-grams that stay keep their probabilities; back-offs make every context sum to one. 1-grams, and the contexts
    of n-grams that stay, always stay.

    Args:
        model: language model of two orders or more.
        threshold: relative growth of the perplexity below which an n-gram is dropped, above 0; SRILM's -prune.
        ngrams: n-grams of all lengths that stay at most, no fewer than the model's 1-grams.
        decimals: decimals that base-10 logarithms are rounded to, 1 to 9, which makes ARPA files smaller.

    Raises:
        LanguageModelError: Not one of `threshold` and `ngrams` is given, or a number is out of range.
    """
    if (threshold is None) == (ngrams is None):
        raise LanguageModelError("prune", "needs a threshold or a number of n-grams", "give one of them")
    if decimals is not None and not 1 <= decimals <= _MOST_DECIMALS:
        raise LanguageModelError("prune", f"{decimals} decimals are impossible", f"give 1 to {_MOST_DECIMALS}")
    worth = _subtree_worth(model, losses(model))
    if threshold is not None:
        if not threshold > 0 or not math.isfinite(threshold):
            raise LanguageModelError("prune", f"a threshold of {threshold:g} is impossible", "give one above 0")
        kept = worth >= math.log1p(threshold)
    else:
        assert ngrams is not None
        if ngrams < model.counts[0]:
            advice = f"give {model.counts[0]} or more"
            raise LanguageModelError("prune", f"{ngrams} n-grams would not hold the model's 1-grams", advice)
        kept = worth > (np.sort(worth)[::-1][ngrams] if ngrams < len(worth) else -math.inf)
    return _only(model, kept, decimals)


def losses(model: NGramModel) -> np.ndarray:
    """Return what the model loses without each n-gram, (G,) float64: nats of relative entropy a symbol; 1-grams: inf.

    This is D(p || p') of Stolcke's equation 3, in which the history's back-off follows the loss, for each n-gram alone.
    """
    lower, _ = _lower(*model.arrays)
    lost = _losses(model.first, model.log10_p, lower, history_frequencies(model))
    lost[: model.counts[0]] = math.inf
    return lost


def history_frequencies(model: NGramModel) -> np.ndarray:
    """Return of each context the share of the places in the model's own text that it stands before, (C,) float64.

    Text is symbols and ends of sentences, a place before each; after an end a sentence begins. Context 0 has all.
    """
    lower, lower_next = _lower(*model.arrays)
    start = model.start()
    share = np.zeros(len(model.fail))  # of the places whose longest context is this one
    share[start] = 1.0
    for _ in range(_ROUNDS):
        following = _one_symbol_on(*model.arrays, lower, lower_next, start, share)
        # The mean of two places comes to rest even where all sentences are of one length.
        following = 0.5 * (share + following / following.sum())
        change = np.abs(following - share).sum()
        share = following
        if change < _CHANGE:
            break
    _add_to_suffixes(model.fail, share)
    return share


def _subtree_worth(model: NGramModel, lost: np.ndarray) -> np.ndarray:
    """Return of each n-gram the greatest loss among it and the longer n-grams that begin with it."""
    worth = np.maximum(lost, 0.0)
    owner = owners(model.counts, model.next, len(model.fail))
    for context in range(len(model.fail) - 1, 0, -1):  # the longest first
        begin, end = model.first[context], model.first[context + 1]
        if end > begin:
            worth[owner[context]] = max(worth[owner[context]], worth[begin:end].max())
    return worth


def _only(model: NGramModel, kept: np.ndarray, decimals: int | None) -> NGramModel:
    """Return the model with the n-grams that are kept, its back-offs made anew."""
    tables = []
    begin = 0
    for order, count in enumerate(model.counts, 1):
        ids, ln_p, _ = model.table(order)
        rows = kept[begin : begin + count]
        begin += count
        if not rows.any():
            break
        tables.append((ids[rows], ln_p[rows], np.zeros(int(rows.sum()))))
    bare = NGramModel.from_tables(model.vocabulary, tables)
    log10_p = bare.log10_p if decimals is None else np.minimum(np.round(bare.log10_p.astype(np.float64), decimals), 0.0)
    log10_p = log10_p.astype(np.float32)
    log10_backoff = backoffs(bare.first, bare.fail, bare.symbol, log10_p, bare.next)
    if decimals is not None:
        log10_backoff = np.round(log10_backoff.astype(np.float64), decimals).astype(np.float32)
    for array in (log10_p, log10_backoff):
        array.flags.writeable = False
    return replace(bare, log10_p=log10_p, log10_backoff=log10_backoff, others=model.others)


@compiled(nogil=True)
def _lower(first, fail, log10_backoff, symbol, log10_p, after):  # type: ignore[no-untyped-def]
    """Return of each n-gram p of its last symbol one order below and the context after it there; 0 for 1-grams."""
    lower = np.zeros(len(symbol))
    lower_after = np.zeros(len(symbol), np.int32)
    for context in range(1, len(fail)):
        for ngram in range(first[context], first[context + 1]):
            ln_p, lower_after[ngram] = step(
                first, fail, log10_backoff, symbol, log10_p, after, fail[context], symbol[ngram]
            )
            lower[ngram] = np.exp(ln_p)
    return lower, lower_after


@compiled(nogil=True)
def _one_symbol_on(  # type: ignore[no-untyped-def]
    first, fail, log10_backoff, symbol, log10_p, after, lower, lower_after, start, share
):
    """Return how often each context is the longest one a symbol further on, in time linear in the n-grams.

    What backs off goes to the shorter context as a whole; the symbols that the longer one lists are taken off again.
    """
    here = share.copy()
    there = np.zeros(len(share))
    for context in range(len(share) - 1, -1, -1):  # the longest first: those that back off to it are done
        if here[context] == 0.0:
            continue
        backed_off = here[context] * np.exp(LN10 * log10_backoff[context]) if context else 0.0
        for ngram in range(first[context], first[context + 1]):
            if symbol[ngram] == BEGIN_ID:  # no text has it but before its first symbol
                continue
            ended = symbol[ngram] == END_ID
            there[start if ended else after[ngram]] += here[context] * np.exp(LN10 * log10_p[ngram])
            there[start if ended else lower_after[ngram]] -= backed_off * lower[ngram]
        if context:
            here[fail[context]] += backed_off
    return np.maximum(there, 0.0)


@compiled(nogil=True)
def _add_to_suffixes(fail, share):  # type: ignore[no-untyped-def]
    """Add to each context what the longer ones have that end in it."""
    for context in range(len(fail) - 1, 0, -1):
        share[fail[context]] += share[context]


@compiled(nogil=True)
def _losses(first, log10_p, lower, frequency):  # type: ignore[no-untyped-def]
    """Return D of each n-gram: its own part, and that of the symbols which its context does not list."""
    lost = np.zeros(len(log10_p))
    for context in range(1, len(frequency)):
        left, left_below = 1.0, 1.0
        for ngram in range(first[context], first[context + 1]):
            left -= np.exp(LN10 * log10_p[ngram])
            left_below -= lower[ngram]
        left, left_below = max(left, ROUNDING), max(left_below, ROUNDING)
        ln_backoff = np.log(left / left_below)
        for ngram in range(first[context], first[context + 1]):
            p = np.exp(LN10 * log10_p[ngram])
            ln_without = np.log((left + p) / (left_below + lower[ngram]))
            ln_ratio = LN10 * log10_p[ngram] - ln_without - np.log(lower[ngram])
            lost[ngram] = frequency[context] * (p * ln_ratio + left * (ln_backoff - ln_without))
    return lost
