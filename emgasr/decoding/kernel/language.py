"""An n-gram model and the search's weights in, arrays that the compiled search multiplies by out, and their look-up.

Every context has ready the logarithm of the largest factor e^(weight ln p + bonus) that any symbol can get there. A
child is found by its bit in the context's mask and the number of bits below it: nothing is hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from emgasr.decoding.belonging import on_page
from emgasr.decoding.kernel.words import fixed
from emgasr.lm.ngram import MASKED_SYMBOLS, MISSING_UNKNOWN, MISSING_UNKNOWN_LOG10, UNKNOWN_ID, NGramModel
from emgasr.lm.trie import LN10, find
from emgasr.lm.words import WordModel
from emgasr.runtime.compiled import compiled
from emgasr.tokens import Tokens

# What `symbol_of` says of a token that the model is not asked about.
NOT_PRINTING, NO_MODEL, NOT_IN_MODEL, BY_WORDS = -1, -2, -3, -4


# Columns of `contexts` seen as 64-, 32-bit integers and floats: what is asked for together lies together, as a search
# spends its time waiting for memory.
MASK_LOW, MASK_HIGH = 0, 1
FIRST, FAIL = 4, 5
LOG10_BACKOFF, LARGEST = 6, 7
# Columns of `ngrams` seen as integers and floats.
BEHIND, LOG10_P = 0, 1


class Language(NamedTuple):
    """A language model under given weights, as the search multiplies it; see NGramModel for the trie."""

    symbol_of: np.ndarray  # (V,) int32: the model's symbol of each token, or one of the four above
    contexts: (
        np.ndarray
    )  # (C + 1, 4) uint64: the mask's words, the first child and fail link, back-off and largest factor
    ngrams: np.ndarray  # (G, 2) int32: the context behind and ln p
    symbol: np.ndarray  # (G,): read where there are no masks
    label_of: np.ndarray  # (128,) int32: the token of each symbol, -1 for none; (0,) where there are no masks
    weight: float


def tables(tokens: Tokens, lm: NGramModel | WordModel | None, weight: float, bonus: float) -> Language:
    """The arrays for `tokens`, with the n-gram model `lm` at `weight` (if it is one) and `bonus` nats a token."""
    symbol_of = np.full(len(tokens), NOT_PRINTING, np.int32)
    printing = [token for token in range(len(tokens)) if on_page(token, tokens, lm)]
    if lm is None or isinstance(lm, WordModel):
        symbol_of[printing] = NO_MODEL if lm is None else BY_WORDS
        contexts, ngrams, symbol = np.zeros((2, 4), np.uint64), np.zeros((0, 2), np.int32), np.zeros(0, np.uint8)
        contexts.view(np.float32)[:, LARGEST] = _above(bonus)
        label_of = np.zeros(0, np.int32)
        arrays = (fixed(symbol_of), fixed(contexts), fixed(ngrams), fixed(symbol), fixed(label_of))
        return Language(*arrays, 0.0)
    ids = {symbol: number for number, symbol in enumerate(lm.vocabulary)}
    others = NOT_IN_MODEL if lm.others == UNKNOWN_ID and not lm.has_unknown else lm.others
    for token in printing:
        symbol_of[token] = ids.get(tokens.symbols[token], others)
    ngrams = np.empty((len(lm.log10_p), 2), np.int32)
    ngrams[:, BEHIND] = lm.next
    ngrams.view(np.float32)[:, LOG10_P] = lm.log10_p
    contexts = np.zeros((len(lm.first), 4), np.uint64)
    label_of = np.full(MASKED_SYMBOLS if len(lm.mask) else 0, -1, np.int32)
    if len(lm.mask):
        contexts[:-1, :2] = lm.mask
        for token in reversed(printing):  # of several tokens that are unknown to the model, the first
            if symbol_of[token] >= 0:
                label_of[symbol_of[token]] = token
    contexts.view(np.int32)[:, FIRST] = lm.first
    contexts.view(np.int32)[:-1, FAIL] = lm.fail
    contexts.view(np.float32)[:-1, LOG10_BACKOFF] = lm.log10_backoff
    weighted = LN10 * weight * lm.log10_p.astype(np.float64)
    missing = weight * MISSING_UNKNOWN if (symbol_of == NOT_IN_MODEL).any() else -np.inf
    largest = _largest(lm.first, lm.fail, lm.log10_backoff, weighted, missing, LN10 * weight, lm.order)
    # What float32 may round the sums of log10 up by: bounds must not be below what they bound.
    sizes = np.abs(lm.log10_p).max(initial=100.0) + lm.order * np.abs(lm.log10_backoff).max(initial=0.0)
    largest += bonus + LN10 * abs(weight) * float(sizes) * lm.order * float(np.finfo(np.float32).eps)
    contexts.view(np.float32)[:-1, LARGEST] = _above(largest)
    arrays = (fixed(symbol_of), fixed(contexts), fixed(ngrams), fixed(lm.symbol), fixed(label_of))
    return Language(*arrays, float(weight))


def _above(bound: np.ndarray | float) -> np.ndarray:
    """The bound in float32, where rounding, of it or of what it bounds, must not make it too small."""
    return np.nextafter(np.float32(bound), np.float32(np.inf)) + np.float32(1e-6)


@compiled(nogil=True)
def child(contexts: np.ndarray, links: np.ndarray, symbol: np.ndarray, masked: bool, state: int, sought: int) -> int:
    """Which n-gram the symbol `sought` is in a context; -1 if there is none there. `links` are contexts as int32."""
    if masked:
        bit = np.uint64(1) << np.uint64(sought & 63)
        bits = contexts[state, sought >> 6]
        if not bits & bit:
            return -1
        place = links[state, FIRST] + ones(bits & (bit - np.uint64(1)))
        return place + ones(contexts[state, MASK_LOW]) if sought > 63 else place
    return find(links[:, FIRST], symbol, state, sought)


@compiled(nogil=True)
def ln_missing(links: np.ndarray, floats: np.ndarray, state: int, paid: np.ndarray) -> float:
    """ln p of a symbol that neither the model knows nor its <unk> stands for; `paid` is room for its back-offs.

    `links` and `floats` are contexts as int32 and float32.
    """
    levels = 0
    while state != 0:
        paid[levels] = floats[state, LOG10_BACKOFF]
        state = links[state, FAIL]
        levels += 1
    return LN10 * summed(MISSING_UNKNOWN_LOG10, paid, levels)


@compiled(nogil=True)
def summed(log10_p: float, paid: np.ndarray, levels: int) -> float:
    """log10 p with the back-offs paid, added in the order, and with the result, of `emgasr.lm.ngram.backed_off`."""
    total = log10_p
    for level in range(levels - 1, -1, -1):
        total += paid[level]
    return np.float64(total)


@compiled(nogil=True)
def _largest(
    first: np.ndarray,
    fail: np.ndarray,
    backoff: np.ndarray,
    weighted: np.ndarray,
    missing: float,
    weight: float,
    order: int,
) -> np.ndarray:
    largest = np.full(len(fail), -np.inf)
    largest[0] = missing
    for context in range(len(fail)):
        for place in range(first[context], first[context + 1]):
            largest[context] = max(largest[context], weighted[place])
    for _ in range(order):  # what fails, fails at most order - 1 times
        for context in range(1, len(fail)):
            largest[context] = max(largest[context], weight * backoff[context] + largest[fail[context]])
    return largest


def _count_ones(context: Any, bits: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(_: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


ones: Any = intrinsic(_count_ones)  # how many bits of a uint64 are set: one machine instruction
