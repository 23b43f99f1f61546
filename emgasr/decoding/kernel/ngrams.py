"""An n-gram model and the search's weights in, arrays that the compiled search multiplies by out, and their look-up.

Every context holds the logarithm of the largest factor e^(weight · ln p + bonus) that any symbol can get there. A child
is found by its bit in the context's mask and the number of bits below it: nothing is hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from emgasr.decoding.belonging import on_page
from emgasr.decoding.kernel.compiling import fixed, inlined, inner
from emgasr.lm.ngram import MASKED_SYMBOLS, MISSING_UNKNOWN, MISSING_UNKNOWN_LOG10, UNKNOWN_ID, NGramModel
from emgasr.lm.trie import LN10, find
from emgasr.lm.words import WordModel
from emgasr.runtime.compiled import compiled
from emgasr.tokens import Tokens

# What `symbol_of` says of a token that the n-gram model is not asked for.
NOT_PRINTING, NO_MODEL, NOT_IN_MODEL, BY_WORDS = -1, -2, -3, -4

# What is read together lies together, as a search spends its time waiting for memory.
CONTEXT = np.dtype(
    [
        ("low", np.uint64),  # the context's children, a bit each: symbols 0 to 63
        ("high", np.uint64),  # symbols 64 to 127
        ("first", np.int32),  # its first child among the n-grams
        ("fail", np.int32),  # the context to back off to
        ("log10_backoff", np.float32),
        ("ln_largest", np.float32),  # ln of the largest factor of any symbol here
    ],
    align=True,
)
NGRAM = np.dtype([("behind", np.int32), ("log10_p", np.float32)], align=True)  # the context behind it


class NGramTables(NamedTuple):
    """An n-gram model under given weights, as the search multiplies it; see NGramModel for the trie."""

    symbol_of: np.ndarray  # (V,) int32: the model's symbol of each token, or one of the four above
    contexts: np.ndarray  # (C + 1,) CONTEXT
    ngrams: np.ndarray  # (G,) NGRAM
    symbol: np.ndarray  # (G,): read where there are no masks
    label_of: np.ndarray  # (128,) int32: the token of each symbol, -1 for none; (0,) where there are no masks


def ngram_tables(tokens: Tokens, lm: NGramModel | WordModel | None, weight: float, bonus: float) -> NGramTables:
    """Return the tables for `tokens`, with `lm` (if it is an n-gram model) at `weight` and `bonus` nats a token."""
    symbol_of = np.full(len(tokens), NOT_PRINTING, np.int32)
    printing = [token for token in range(len(tokens)) if on_page(token, tokens, lm)]
    if lm is None or isinstance(lm, WordModel):
        symbol_of[printing] = NO_MODEL if lm is None else BY_WORDS
        contexts, ngrams, symbol = np.zeros(2, CONTEXT), np.zeros(0, NGRAM), np.zeros(0, np.uint8)
        contexts["ln_largest"] = _above(bonus)
        return NGramTables(*map(fixed, (symbol_of, contexts, ngrams, symbol, np.zeros(0, np.int32))))
    ids = {symbol: number for number, symbol in enumerate(lm.vocabulary)}
    others = NOT_IN_MODEL if lm.others == UNKNOWN_ID and not lm.has_unknown else lm.others
    for token in printing:
        symbol_of[token] = ids.get(tokens.symbols[token], others)
    ngrams = np.empty(len(lm.log10_p), NGRAM)
    ngrams["behind"], ngrams["log10_p"] = lm.next, lm.log10_p
    contexts = np.zeros(len(lm.first), CONTEXT)
    label_of = np.full(MASKED_SYMBOLS if len(lm.mask) else 0, -1, np.int32)
    if len(lm.mask):
        contexts["low"][:-1], contexts["high"][:-1] = lm.mask.T
        for token in reversed(printing):  # of several tokens that are unknown to the model, the first
            if symbol_of[token] >= 0:
                label_of[symbol_of[token]] = token
    contexts["first"] = lm.first
    contexts["fail"][:-1], contexts["log10_backoff"][:-1] = lm.fail, lm.log10_backoff
    ln_factors = LN10 * weight * lm.log10_p.astype(np.float64)
    missing = weight * MISSING_UNKNOWN if (symbol_of == NOT_IN_MODEL).any() else -np.inf
    largest = _largest(lm.first, lm.fail, lm.log10_backoff, ln_factors, missing, LN10 * weight, lm.order)
    # What float32 may round the sums of log10 up by: bounds must not be below what they bound.
    sizes = np.abs(lm.log10_p).max(initial=100.0) + lm.order * np.abs(lm.log10_backoff).max(initial=0.0)
    largest += bonus + LN10 * abs(weight) * float(sizes) * lm.order * float(np.finfo(np.float32).eps)
    contexts["ln_largest"][:-1] = _above(largest)
    return NGramTables(*map(fixed, (symbol_of, contexts, ngrams, lm.symbol, label_of)))


def _above(bound: np.ndarray | float) -> np.ndarray:
    """Return the bound in float32, where rounding, of it or of what it bounds, must not make it too small."""
    return np.nextafter(np.float32(bound), np.float32(np.inf)) + np.float32(1e-6)


@inner
def child(tables: NGramTables, state: int, sought: int) -> int:
    """Return which n-gram the symbol `sought` is in a context; -1 if there is none there."""
    if len(tables.label_of) > 0:
        context = tables.contexts[state]
        bit = np.uint64(1) << np.uint64(sought & 63)
        bits = context.low if sought < 64 else context.high
        if not bits & bit:
            return -1
        place = context.first + ones(bits & (bit - np.uint64(1)))
        return place + ones(context.low) if sought > 63 else place
    return find(tables.contexts["first"], tables.symbol, state, sought)


@inner
def ln_missing(contexts: np.ndarray, state: int, paid: np.ndarray) -> float:
    """Return ln p of a symbol that neither the model knows nor its <unk> stands for; `paid` is room for back-offs."""
    levels = 0
    while state != 0:
        paid[levels] = contexts[state].log10_backoff
        state = contexts[state].fail
        levels += 1
    return LN10 * summed(MISSING_UNKNOWN_LOG10, paid, levels)


@inlined
def summed(log10_p: float, paid: np.ndarray, levels: int) -> float:
    """Return log10 p with the back-offs paid, added in the order, and with the result, of `lm.ngram.backed_off`."""
    total = log10_p
    for level in range(levels - 1, -1, -1):
        total += paid[level]
    return np.float64(total)


@compiled(nogil=True)
def _largest(
    first: np.ndarray,
    fail: np.ndarray,
    log10_backoff: np.ndarray,
    ln_factors: np.ndarray,
    missing: float,
    weight: float,
    order: int,
) -> np.ndarray:
    """Return ln of the largest factor of any symbol in each context, its back-offs included."""
    largest = np.full(len(fail), -np.inf)
    largest[0] = missing
    for context in range(len(fail)):
        for place in range(first[context], first[context + 1]):
            largest[context] = max(largest[context], ln_factors[place])
    for _ in range(order):  # what fails, fails at most order - 1 times
        for context in range(1, len(fail)):
            largest[context] = max(largest[context], weight * log10_backoff[context] + largest[fail[context]])
    return largest


def _count_ones(_: Any, bits: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(_: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


ones: Any = intrinsic(_count_ones)  # how many bits of a uint64 are set: one machine instruction
