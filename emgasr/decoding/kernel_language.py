"""An n-gram model and the search's weights in, arrays that the compiled search multiplies by out, and their look-up.

Every n-gram has its factor e^(weight ln p + bonus) ready, every context the largest factor that any symbol can get
there. A child is found by its bit in the context's mask and the number of bits below it: nothing is hashed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from emgasr.lm.ngram import MISSING_UNKNOWN, NGramModel
from emgasr.tokens import Tokens

# What `symbol_of` says of a token that the model is not asked about.
NOT_PRINTING, NO_MODEL, NOT_IN_MODEL = -1, -2, -3
UNKNOWN_ID = 0


class Language(NamedTuple):
    """A language model under given weights, as the search multiplies it; see NGramModel for the trie's arrays."""

    symbol_of: np.ndarray  # (V,) int32: the model's symbol of each token, or one of the three above
    first: np.ndarray
    fail: np.ndarray
    backoff: np.ndarray
    symbol: np.ndarray
    ln_p: np.ndarray
    next: np.ndarray
    mask: np.ndarray
    factor: np.ndarray  # (G,) float64: e^(weight ln p + bonus)
    largest: np.ndarray  # (C,) float32: no symbol's factor exceeds it
    weight: float
    missing: float  # the factor of a symbol that neither the model knows nor its <unk> stands for


def tables(tokens: Tokens, lm: NGramModel | None, weight: float, bonus: float) -> Language:
    """The arrays for `tokens`, with the n-gram model `lm` at `weight` (or none) and `bonus` nats a token."""
    symbol_of = np.full(len(tokens), NOT_PRINTING, np.int32)
    printing = [token for token in range(len(tokens)) if tokens.printing(token)]
    if lm is None:
        symbol_of[printing] = NO_MODEL
        nothing = (np.zeros(2, np.int32), np.zeros(1, np.int32), np.zeros(1, np.float32), np.zeros(0, np.uint8))
        ends = (np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros((1, 2), np.uint64))
        arrays = [_fixed(a) for a in (symbol_of, *nothing, *ends, np.zeros(0), np.zeros(1, np.float32))]
        return Language._make([*arrays, 0.0, 0.0])
    ids = {symbol: number for number, symbol in enumerate(lm.vocabulary)}
    has_unknown = UNKNOWN_ID in lm.symbol[lm.first[0] : lm.first[1]]
    for token in printing:
        symbol_of[token] = ids.get(tokens.symbols[token], UNKNOWN_ID if has_unknown else NOT_IN_MODEL)
    model = [_fixed(a) for a in (lm.first, lm.fail, lm.backoff, lm.symbol, lm.ln_p, lm.next, lm.mask)]
    factor = np.exp(weight * lm.ln_p.astype(np.float64) + bonus)
    missing = float(np.exp(weight * MISSING_UNKNOWN + bonus))
    largest = np.maximum(_largest(model[0], model[1], model[2], factor, weight, lm.order), missing)
    above = np.nextafter(largest.astype(np.float32), np.float32(np.inf))  # rounding must not make a bound too small
    return Language._make([_fixed(symbol_of), *model, _fixed(factor), _fixed(above), float(weight), missing])


def _fixed(array: np.ndarray) -> np.ndarray:
    """The array as one kind for the compiler, whether it lies in memory or in a file: contiguous, not to be written."""
    fixed = np.ascontiguousarray(array).view(np.ndarray)
    fixed = fixed.view()
    fixed.flags.writeable = False
    return fixed


@njit(cache=True, nogil=True)
def find(
    first: np.ndarray, symbol: np.ndarray, mask: np.ndarray, fail: np.ndarray, backoff: np.ndarray, state: int, sought: int
) -> tuple[int, float]:
    """Which n-gram says how probable the symbol `sought` is in a state, and the ln of the back-off on the way to it.

    Every symbol of the model is a child of context 0, so that it is found there at the latest.
    """
    ln_backoff = 0.0
    while True:
        place = -1
        if len(mask):
            bit = np.uint64(1) << np.uint64(sought & 63)
            bits = mask[state, sought >> 6]
            if bits & bit:
                place = first[state] + _ones(bits & (bit - np.uint64(1)))
                if sought > 63:
                    place += _ones(mask[state, 0])
        else:
            low, high = first[state], first[state + 1]
            while low < high:  # ascending: halve
                middle = (low + high) // 2
                if symbol[middle] < sought:
                    low = middle + 1
                else:
                    high = middle
            if low < first[state + 1] and symbol[low] == sought:
                place = low
        if place >= 0:
            return place, ln_backoff
        ln_backoff += backoff[state]
        state = fail[state]


@njit(cache=True, nogil=True)
def _largest(
    first: np.ndarray, fail: np.ndarray, backoff: np.ndarray, factor: np.ndarray, weight: float, order: int
) -> np.ndarray:
    largest = np.zeros(len(fail))
    for context in range(len(fail)):
        for place in range(first[context], first[context + 1]):
            largest[context] = max(largest[context], factor[place])
    for _ in range(order):  # what fails, fails at most order - 1 times
        for context in range(1, len(fail)):
            backed_off = np.exp(weight * backoff[context]) * largest[fail[context]]
            largest[context] = max(largest[context], backed_off)
    return largest


def _count_ones(context: Any, bits: Any) -> tuple[Any, Callable[..., Any]]:
    def generate(_: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


_ones: Any = intrinsic(_count_ones)  # how many bits of a uint64 are set: one machine instruction
