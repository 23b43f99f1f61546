"""Tables of n-grams in any order in, the flat arrays of a language model's trie out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.runtime.compiled import compiled

LN10 = math.log(10)

Table = tuple[np.ndarray, np.ndarray, np.ndarray]  # ids (n, k) int32, ln p (n,), ln back-off (n,)
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]

LARGEST = 1e30  # log10 of anything: sums over all orders fit in a float32 then, and are never NaN
MOST_ORDERS = 64  # of any model that is read
SMALL_VOCABULARY = 256  # whose symbols are stored in a byte each


class BadNGram(LanguageModelError):
    """An n-gram that cannot stand in a model; `order` and `row` say where in the tables it is."""

    def __init__(self, order: int, row: int, wrong: str) -> None:
        super().__init__("language model", wrong, "rebuild it")
        self.order = order
        self.row = row


class MissingContext(BadNGram):
    """An n-gram whose first symbols are no n-gram themselves."""


def build(names: Sequence[str], renumbered: np.ndarray, tables: Sequence[Table]) -> Arrays:
    """Return first, fail, log10_backoff, symbol, log10_p and next of NGramModel, read-only.

    `names` holds the symbols by their new ids, specials first; `renumbered` the new id of each id in the tables.
    BadNGram for duplicates, missing contexts, symbols without a 1-gram (<unk> may lack it), and impossible values.
    """
    total = sum(len(ln_p) for _, ln_p, _ in tables)
    if total >= 2**31:
        raise LanguageModelError("language model", f"has {total} n-grams, 2^31 and more", "prune it or lower its order")
    symbol = np.empty(total, dtype=symbol_type(len(names)))
    log10_p = np.empty(total, dtype=np.float32)
    log10_backoff = np.zeros(total, dtype=np.float32)  # of each n-gram
    children = np.zeros(total + 1, dtype=np.int32)  # those of n-gram g are children[g] to children[g + 1]
    unigrams = np.full(len(names), -1, dtype=np.int32)
    begin = below = 0  # where the n-grams of this length and those of the length below begin
    for order, (ids, table_ln_p, table_backoff) in enumerate(tables, 1):
        ids = renumbered[ids]
        _check_values(names, order, ids, table_ln_p, table_backoff)
        end = begin + len(ids)
        contexts = _contexts(unigrams, children, symbol, ids)
        if len(missing := np.flatnonzero(contexts < 0)):
            raise MissingContext(
                order, missing[0], f"the context of {_text(names, ids[missing[0]])} is not among the n-grams"
            )
        rows = _sorted(names, order, ids, contexts)
        symbol[begin:end] = ids[rows, -1]
        log10_p[begin:end] = table_ln_p[rows] / LN10
        if order < len(tables):
            log10_backoff[begin:end] = table_backoff[rows] / LN10
        if order == 1:
            unigrams[symbol[:end]] = np.arange(end)
            if len(missing := np.flatnonzero(unigrams[1:] < 0)):  # all but <unk>, the first, must be there
                raise LanguageModelError(
                    "language model", f"has no {names[missing[0] + 1]} among its 1-grams", "rebuild it"
                )
        else:
            held = np.bincount(contexts - below, minlength=begin - below)
            children[below:begin] = begin
            children[below + 1 : begin + 1] = begin + np.cumsum(held)
        children[end:] = end
        children[begin:end] = end
        begin, below = end, begin
    return _linked(children, log10_backoff, symbol, log10_p)


def symbol_type(vocabulary: int) -> np.dtype:
    """Return what holds the id of one of so many symbols."""
    return np.dtype(np.uint8 if vocabulary <= SMALL_VOCABULARY else np.uint32)


def owners(counts: Sequence[int], after: np.ndarray, contexts: int) -> np.ndarray:
    """Return the n-gram that each context is, int64 (C,); -1 for the empty one."""
    owner = np.full(contexts, -1, dtype=np.int64)
    begin, known = 0, 1
    for count in counts:
        # The context after an n-gram is the n-gram itself, or shorter than it: one of those numbered before.
        (itself,) = np.nonzero(after[begin : begin + count] >= known)
        owner[known : known + len(itself)] = begin + itself
        known += len(itself)
        begin += count
    return owner


def _check_values(names: Sequence[str], order: int, ids: np.ndarray, ln_p: np.ndarray, ln_backoff: np.ndarray) -> None:
    """BadNGram for the first probability above 1 or NaN and the first back-off that is no number."""
    for what, values, good in (
        ("probability", ln_p, (np.abs(ln_p) <= LARGEST * 2 * LN10) & (ln_p <= 0)),
        ("back-off", ln_backoff, np.abs(ln_backoff) <= LARGEST * 2 * LN10),
    ):
        if len(bad := np.flatnonzero(~good)):
            row = bad[0]
            raise BadNGram(order, row, f"the {what} of {_text(names, ids[row])} is e^{values[row]:g}")


def _sorted(names: Sequence[str], order: int, ids: np.ndarray, contexts: np.ndarray) -> np.ndarray:
    """Return the rows by context and symbol; BadNGram for the first that comes a second time."""
    keys = contexts.astype(np.int64) * len(names) + ids[:, -1]
    rows = np.argsort(keys)
    keys = keys[rows]
    if (keys[1:] == keys[:-1]).any():
        _, firsts = np.unique(contexts.astype(np.int64) * len(names) + ids[:, -1], return_index=True)
        row = np.setdiff1d(np.arange(len(ids)), firsts)[0]
        raise BadNGram(order, row, f"{_text(names, ids[row])} comes a second time")
    return rows


def _linked(children: np.ndarray, log10_backoff: np.ndarray, symbol: np.ndarray, log10_p: np.ndarray) -> Arrays:
    """Find which n-grams are contexts, number them, and link each context and n-gram to its suffixes."""
    is_context = (np.diff(children) > 0) | (log10_backoff != 0)
    (owner,) = np.nonzero(is_context)
    first = np.zeros(len(owner) + 2, dtype=np.int32)
    first[1:-1] = children[owner]
    first[-1] = len(symbol)
    number = np.where(is_context, np.cumsum(is_context), 0).astype(np.int32)
    fail = np.zeros(len(owner) + 1, dtype=np.int32)
    after = np.zeros(len(symbol), dtype=np.int32)
    _link(first, symbol, number, fail, after)
    arrays = first, fail, np.append(np.float32(0), log10_backoff[owner]), symbol, log10_p, after
    for array in arrays:
        array.flags.writeable = False
    return arrays


def _text(names: Sequence[str], ids: np.ndarray) -> str:
    return repr(" ".join(names[id].replace(" ", "␣") for id in ids))


@compiled(nogil=True)
def find(first, symbol, context, id):  # type: ignore[no-untyped-def]
    """Return which n-gram the context and the symbol after it are, -1 if they are none."""
    low, high = first[context], first[context + 1]
    while low < high:
        middle = (low + high) >> 1
        if symbol[middle] < id:
            low = middle + 1
        else:
            high = middle
    return low if low < first[context + 1] and symbol[low] == id else -1


@compiled(nogil=True)
def _contexts(unigrams, children, symbol, ids):  # type: ignore[no-untyped-def]
    """Return the n-gram that each row of ids is without its last symbol; 0 for 1-grams, -1 for those missing."""
    found = np.zeros(len(ids), dtype=np.int32)
    for row in range(len(ids)):
        if ids.shape[1] > 1:
            found[row] = unigrams[ids[row, 0]]
        for column in range(1, ids.shape[1] - 1):
            if found[row] >= 0:
                found[row] = find(children, symbol, found[row], ids[row, column])
    return found


@compiled(nogil=True)
def _link(first, symbol, number, fail, after):  # type: ignore[no-untyped-def]
    """Fill `fail` and `after`; `number` is each n-gram's own as a context, 0 if it is none."""
    for context in range(len(fail)):
        for ngram in range(first[context], first[context + 1]):
            suffix, shorter = context, -1
            while suffix != 0 and shorter < 0:
                suffix = fail[suffix]
                shorter = find(first, symbol, suffix, symbol[ngram])
            end = np.int32(0) if shorter < 0 else after[shorter]
            if number[ngram] != 0:
                fail[number[ngram]] = end
                end = number[ngram]
            after[ngram] = end
