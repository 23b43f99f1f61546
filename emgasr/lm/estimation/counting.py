"""Sentences in, their n-grams with counts out, as a trie of suffixes: counted in sorted blocks of packed keys.

Sorted keys stand in the order in which KenLM's lmplz works (suffix order), so that the n-grams of all lower orders lie
along the way (Heafield et al. 2013, "Scalable modified Kneser-Ney language model estimation"). Memory: a block of the
text with its keys, and the distinct n-grams.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.files.plain_text import normalized
from emgasr.lm.estimation.packing import distinct, merged, packed, repacked, unpack
from emgasr.lm.formats.arpa_symbols import RESERVED
from emgasr.lm.ngram import BEGIN, BEGIN_ID, END, END_ID, SPECIALS, UNKNOWN, UNKNOWN_ID
from emgasr.runtime.compiled import compiled

BLOCK = 1 << 21  # symbols of text that are packed and sorted at a time: 16 MB of keys where a key is one word
_LARGEST = np.iinfo(np.int32).max  # n-grams of one order that a model's indices can tell apart


@dataclass(frozen=True)
class Level:
    """The distinct n-grams of one order in suffix order, in which those that end alike are neighbors.

    Of n n-grams: `first` (n) the id of the first symbol, `counts` (n) in the text, `extensions` (n + 1): those of the
    next level that end in n-gram i are extensions[i] to extensions[i + 1].
    """

    first: np.ndarray
    counts: np.ndarray
    extensions: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Counted:
    """The symbols by id (<unk>, <s>, </s> first) and a level for each order; `last_order` of the n-gram sorted last.

    In the first level the index of a 1-gram is its symbol's id. `last_order` is how long the very last n-gram in suffix
    order is, up to its <s>: its ends are the last n-grams of the levels below.
    """

    vocabulary: tuple[str, ...]
    levels: tuple[Level, ...]
    last_order: int


def count(sentences: Iterable[Sequence[str]], order: int) -> Counted:
    """Count the n-grams up to `order`, every sentence between <s> and </s>; longer than any sentence there are none.

    LanguageModelError for no symbols at all, or for special or empty symbols, with the sentence's number.
    """
    ids = _Ids()
    runs = _Runs(order)
    text = array("i")
    for number, sentence in enumerate(sentences, 1):
        try:
            text.extend(map(ids.__getitem__, _composed(sentence)))
        except KeyError as error:
            raise LanguageModelError(
                f"sentence {number}", f"holds the symbol {error.args[0]!r}", "leave it out"
            ) from None
        text.append(END_ID)
        if len(text) >= BLOCK:
            runs.add(np.frombuffer(text, np.int32), ids.size)
            text = array("i")
    if not ids:
        raise LanguageModelError("language model", "there is no text to estimate it from", "give at least one symbol")
    if text:
        runs.add(np.frombuffer(text, np.int32), ids.size)
    keys, counts = runs.all()
    return _trie(keys, counts, (UNKNOWN, BEGIN, END, *ids), order, runs.bits)


def _composed(sentence: Sequence[str]) -> Iterable[str]:
    return normalized(sentence) if isinstance(sentence, str) else map(normalized, sentence)


class _Ids(dict[str, int]):
    """Ids of symbols, given as they come up."""

    @property
    def size(self) -> int:
        return len(SPECIALS) + len(self)

    def __missing__(self, symbol: str) -> int:
        if symbol in RESERVED or not symbol:
            raise KeyError(symbol)
        self[symbol] = identity = self.size
        return identity


class _Runs:
    """Sorted runs of distinct keys, merged as in a binary counter: every key is copied O(log) times."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.bits = 0  # of a symbol
        self.runs: list[tuple[np.ndarray, np.ndarray]] = []

    def add(self, text: np.ndarray, symbols: int) -> None:
        """Count a block of whole sentences, given as ids of which there are `symbols` so far."""
        bits = (symbols - 1).bit_length()
        if bits > self.bits:
            self.runs = [(repacked(keys, self.order, self.bits, bits), counts) for keys, counts in self.runs]
            self.bits = bits
        self.runs.append(distinct(packed(text, self.order, bits)))
        while len(self.runs) > 1 and len(self.runs[-2][0]) <= 2 * len(self.runs[-1][0]):
            self._merge_last()

    def all(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all keys (U, words) and their counts (U)."""
        while len(self.runs) > 1:
            self._merge_last()
        return self.runs[0]

    def _merge_last(self) -> None:
        second, first = self.runs.pop(), self.runs.pop()
        self.runs.append(merged(*first, *second))


def _trie(keys: np.ndarray, counts: np.ndarray, vocabulary: tuple[str, ...], order: int, bits: int) -> Counted:
    sizes = np.zeros(order + 1, np.int64)  # of level k at sizes[k - 1]; what stands above the highest is empty
    _count_nodes(keys, order, bits, sizes)
    sizes[0] += END_ID  # <unk> and <s> end no n-gram but have a 1-gram each
    levels_found = int(np.count_nonzero(sizes))
    if sizes.max() > _LARGEST:
        raise LanguageModelError("language model", f"has {sizes.max()} n-grams of one order", "choose a lower order")
    offsets = np.concatenate(
        [[0], np.cumsum(sizes[:levels_found] + 1)]
    )  # each level has a slot to spare, for the last end
    first = np.empty(offsets[-1], np.int32)
    totals = np.zeros(offsets[-1], np.int64)
    extensions = np.zeros(offsets[-1], np.int32)
    last_order = _fill(keys, counts, order, bits, offsets, first, totals, extensions)
    levels = tuple(
        Level(first[start : end - 1], totals[start : end - 1], extensions[start:end])
        for start, end in pairwise(offsets)
    )
    return Counted(vocabulary, levels, last_order)


@compiled(nogil=True)
def _length(symbols: np.ndarray) -> int:
    """How many symbols, from the last back to the sentence's <s>, make the longest n-gram."""
    for place in range(len(symbols)):
        if symbols[place] == BEGIN_ID:
            return place + 1
    return len(symbols)


@compiled(nogil=True)
def _shared(symbols: np.ndarray, previous: np.ndarray) -> int:
    """How many symbols the n-gram has in common with the previous one, from the last."""
    for place in range(len(symbols)):
        if symbols[place] != previous[place]:
            return place
    return len(symbols)


@compiled(nogil=True)
def _count_nodes(keys: np.ndarray, order: int, bits: int, sizes: np.ndarray) -> None:
    symbols = np.empty(order, np.int64)
    previous = np.full(order, -1, np.int64)
    for index in range(len(keys)):
        unpack(keys[index], order, bits, symbols)
        for level in range(_shared(symbols, previous), _length(symbols)):
            sizes[level] += 1
        previous[:] = symbols


@compiled(nogil=True)
def _fill(
    keys: np.ndarray,
    counts: np.ndarray,
    order: int,
    bits: int,
    offsets: np.ndarray,
    first: np.ndarray,
    totals: np.ndarray,
    extensions: np.ndarray,
) -> int:
    """Fill the levels, which stand one after another from `offsets` on; return the length of the last n-gram."""
    symbols = np.empty(order, np.int64)
    previous = np.full(order, -1, np.int64)
    sizes = np.zeros(order + 1, np.int64)
    sizes[0] = END_ID
    first[UNKNOWN_ID], first[BEGIN_ID] = UNKNOWN_ID, BEGIN_ID
    length = 0
    for index in range(len(keys)):
        unpack(keys[index], order, bits, symbols)
        length = _length(symbols)
        for level in range(_shared(symbols, previous), length):
            node = offsets[level] + sizes[level]
            sizes[level] += 1
            first[node] = symbols[level]
            extensions[node] = sizes[level + 1]
        for level in range(length):
            totals[offsets[level] + sizes[level] - 1] += counts[index]
        previous[:] = symbols
    for level in range(len(offsets) - 1):
        extensions[offsets[level] + sizes[level]] = sizes[level + 1]
    return length
