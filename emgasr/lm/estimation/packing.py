"""Blocks of symbol ids in, sorted distinct n-grams with counts out: packed into 64-bit words, last symbol first.

A key has as many words as an order times the bits of a symbol need; keys compare as their n-grams read backward do.
"""

from __future__ import annotations

import numpy as np

from emgasr.lm.ngram import BEGIN_ID, END_ID
from emgasr.runtime.compiled import compiled

Run = tuple[np.ndarray, np.ndarray]  # sorted distinct keys (U, words) and how often each was seen (U)


def packed(text: np.ndarray, order: int, bits: int) -> np.ndarray:
    """Return the sorted keys (T, words) of the n-grams that end at each id of a text (T,) of whole sentences.

    A sentence ends at </s>; what is missing on its left is filled up by <s>.
    """
    keys = np.empty((len(text), _words(order, bits)), np.uint64)
    _pack_text(text, order, bits, keys)
    if keys.shape[1] > 1:
        return keys[np.lexsort(keys.T[::-1])]
    keys.ravel().sort()
    return keys


def repacked(keys: np.ndarray, order: int, old_bits: int, bits: int) -> np.ndarray:
    """Return keys with more bits a symbol, in the same order."""
    out = np.empty((len(keys), _words(order, bits)), np.uint64)
    _repack(keys, order, old_bits, bits, out)
    return out


def merged(first_keys: np.ndarray, first_counts: np.ndarray, keys: np.ndarray, counts: np.ndarray) -> Run:
    """Return two sorted runs as one, the counts of equal keys added."""
    out_keys = np.empty((len(first_keys) + len(keys), keys.shape[1]), np.uint64)
    out_counts = np.empty(len(out_keys), np.int64)
    size = _merge(first_keys, first_counts, keys, counts, out_keys, out_counts)
    return out_keys[:size].copy(), out_counts[:size].copy()


def _words(order: int, bits: int) -> int:
    return -(-order // (64 // bits))


@compiled(nogil=True)
def _pack(symbols: np.ndarray, order: int, bits: int, key: np.ndarray) -> None:
    """Write symbols, the last first, into a key's words, the highest bits first."""
    per_word = 64 // bits
    for word in range(len(key)):
        packed = np.uint64(0)
        for place in range(word * per_word, min((word + 1) * per_word, order)):
            packed = (packed << np.uint64(bits)) | np.uint64(symbols[place])
        key[word] = packed


@compiled(nogil=True)
def unpack(key: np.ndarray, order: int, bits: int, symbols: np.ndarray) -> None:
    per_word = 64 // bits
    low = (np.uint64(1) << np.uint64(bits)) - np.uint64(1)
    for word in range(len(key)):
        packed = key[word]
        for place in range(min((word + 1) * per_word, order) - 1, word * per_word - 1, -1):
            symbols[place] = packed & low
            packed >>= np.uint64(bits)


@compiled(nogil=True)
def _pack_text(text: np.ndarray, order: int, bits: int, keys: np.ndarray) -> None:
    symbols = np.full(order, BEGIN_ID, np.int64)
    for position in range(len(text)):
        for place in range(order - 1, 0, -1):
            symbols[place] = symbols[place - 1]
        symbols[0] = text[position]
        _pack(symbols, order, bits, keys[position])
        if symbols[0] == END_ID:
            symbols[:] = BEGIN_ID


@compiled(nogil=True)
def _repack(keys: np.ndarray, order: int, old_bits: int, bits: int, out: np.ndarray) -> None:
    symbols = np.empty(order, np.int64)
    for index in range(len(keys)):
        unpack(keys[index], order, old_bits, symbols)
        _pack(symbols, order, bits, out[index])


@compiled(nogil=True)
def _compare(first: np.ndarray, second: np.ndarray) -> int:
    for word in range(len(first)):
        if first[word] != second[word]:
            return -1 if first[word] < second[word] else 1
    return 0


@compiled(nogil=True)
def distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct keys of sorted ones, and how often each stands there."""
    size = 0
    for index in range(len(keys)):
        if index == 0 or _compare(keys[index], keys[index - 1]) != 0:
            size += 1
    distinct = np.empty((size, keys.shape[1]), np.uint64)
    counts = np.zeros(size, np.int64)
    at = -1
    for index in range(len(keys)):
        if index == 0 or _compare(keys[index], keys[index - 1]) != 0:
            at += 1
            distinct[at] = keys[index]
        counts[at] += 1
    return distinct, counts


@compiled(nogil=True)
def _merge(
    keys_a: np.ndarray,
    counts_a: np.ndarray,
    keys_b: np.ndarray,
    counts_b: np.ndarray,
    keys: np.ndarray,
    counts: np.ndarray,
) -> int:
    """Merge two sorted runs into one, adding the counts of equal keys; return how many keys there are."""
    a, b, size = 0, 0, 0
    while a < len(keys_a) or b < len(keys_b):
        if a == len(keys_a):
            order = 1
        elif b == len(keys_b):
            order = -1
        else:
            order = _compare(keys_a[a], keys_b[b])
        counts[size] = 0
        if order <= 0:
            keys[size] = keys_a[a]
            counts[size] += counts_a[a]
            a += 1
        if order >= 0:
            keys[size] = keys_b[b]
            counts[size] += counts_b[b]
            b += 1
        size += 1
    return size
