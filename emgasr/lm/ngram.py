"""Symbols in, natural-log probabilities out: an n-gram model with back-off, a trie of contexts in flat arrays."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.files.plain_text import normalized
from emgasr.lm.trie import LN10, MOST_ORDERS, Arrays, Table, build, find, owners
from emgasr.runtime.compiled import compiled

BEGIN = "<s>"
END = "</s>"
UNKNOWN = "<unk>"
SPECIALS = (UNKNOWN, BEGIN, END)
UNKNOWN_ID, BEGIN_ID, END_ID = range(3)

# What KenLM gives to unknown symbols when a model has no <unk>: ten to the power of minus one hundred.
MISSING_UNKNOWN_LOG10 = np.float32(-100)
MISSING_UNKNOWN = -100 * LN10

MASKED_SYMBOLS = 128  # with a larger vocabulary there are no masks of children

State = int  # a context: what the next symbol's probability depends on; 0 is the empty one


@dataclass(frozen=True)
class Sentence:
    """What a model says of one sentence, its end included: `ln_p` and how many symbols it did not know."""

    ln_p: float
    length: int
    unknown: int

    @property
    def perplexity(self) -> float:
        """Perplexity per symbol, the end of the sentence counted as one."""
        return exp(-self.ln_p / self.length)


@dataclass(frozen=True, eq=False)
class NGramModel:
    """An n-gram model as in ARPA files: an n-gram's probability, or its context's back-off times a shorter one's.

    A context is an n-gram that has children (longer n-grams that begin with it) or a back-off other than 0; context 0
    is the empty one. Contexts are numbered by length, n-grams by length and context. Arrays are read-only and may be
    memory-mapped: C contexts, G n-grams. Logarithms are kept to base ten in float32, as in ARPA files and KenLM, so
    that the scores of a line of any length add up to the same; methods return natural logarithms.
    """

    vocabulary: tuple[str, ...]  # symbols by id: <unk>, <s>, </s>, then the others
    counts: list[int]  # of n-grams of each length, 1-grams first
    first: np.ndarray  # int32 (C + 1): the children of context c are the n-grams first[c] to first[c + 1]
    fail: np.ndarray  # int32 (C): the context's longest proper suffix that is a context
    log10_backoff: np.ndarray  # float32 (C)
    symbol: np.ndarray  # uint8, uint32 if there are more than 256 (G): the n-gram's last; ascending in a context
    log10_p: np.ndarray  # float32 (G)
    next: np.ndarray  # int32 (G): the context after the n-gram, its longest suffix that is one
    others: int = UNKNOWN_ID  # what a symbol outside the vocabulary counts as
    notes: tuple[str, ...] = ()  # what reading it filled or passed over, a line each

    @classmethod
    def from_tables(cls, vocabulary: Sequence[str], tables: Sequence[Table]) -> NGramModel:
        """Build a model from a table a length, 1-grams first: (ids (n, k), ln p (n,), ln back-off (n,)).

        Ids count in `vocabulary`, which holds every symbol once, <s> and </s> among them; rows come in any order. The
        highest order's back-offs are left out. A missing suffix of an n-gram is only a step of back-off; a missing
        context, a duplicate, a symbol without a 1-gram, a probability above 1 or NaN is a LanguageModelError.
        """
        vocabulary, _ = composed(vocabulary)
        names = (*SPECIALS, *(symbol for symbol in vocabulary if symbol not in SPECIALS))
        ids = {symbol: id for id, symbol in enumerate(names)}
        if len(set(vocabulary)) < len(vocabulary):
            raise LanguageModelError("language model", "its vocabulary holds a symbol twice", "list each once")
        if len(tables) > MOST_ORDERS:
            raise LanguageModelError(
                "language model", f"has {len(tables)} orders", f"build one of {MOST_ORDERS} at most"
            )
        for needed in (BEGIN, END):
            if needed not in vocabulary:
                raise LanguageModelError("language model", f"has no {needed} among its 1-grams", "rebuild it")
        renumbered = np.array([ids[symbol] for symbol in vocabulary], dtype=np.int32)
        return cls(names, [len(ln_p) for _, ln_p, _ in tables], *build(names, renumbered, tables))

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.counts)

    @property
    def has_unknown(self) -> bool:
        """Whether there is a 1-gram <unk>; without it unknown symbols get MISSING_UNKNOWN."""
        return self.counts[0] == len(self.vocabulary)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The symbols that the model knows, without <unk>, <s> and </s>."""
        return frozenset(self.vocabulary[len(SPECIALS) :])

    @cached_property
    def mask(self) -> np.ndarray:
        """Bit s of row c: symbol s is a child of context c; uint64 (C, 2), (0, 2) for more than 128 symbols."""
        contexts = len(self.fail) if len(self.vocabulary) <= MASKED_SYMBOLS else 0
        mask = np.zeros((contexts, 2), dtype=np.uint64)
        if contexts:
            _mark(self.first, self.symbol, mask)
        mask.flags.writeable = False
        return mask

    def start(self) -> State:
        """Return the state at the beginning of a sentence."""
        return int(self.next[find(self.first, self.symbol, 0, BEGIN_ID)])

    def score(self, state: State, symbol: str) -> tuple[float, State]:
        """Return ln p(symbol | state) and the state after it; one that the model does not know counts as `others`."""
        return self._score(state, self._id(symbol, self.others))

    def end(self, state: State) -> float:
        """Return ln p(the sentence ends | state)."""
        return self._score(state, END_ID)[0]

    def sentence(self, symbols: Sequence[str]) -> Sentence:
        """Score a whole sentence, from <s> to </s>."""
        ids = self.ids(symbols)
        ln_p = self.score_ids(np.append(ids, np.int32(END_ID))).sum()
        return Sentence(float(ln_p), len(ids) + 1, int((ids == UNKNOWN_ID).sum()))

    def unknown_symbols(self, symbols: Iterable[str]) -> list[str]:
        """Return those of `symbols` that the model does not know, in order."""
        return [symbol for symbol in symbols if normalized(symbol) not in self.symbols]

    def ids(self, symbols: Iterable[str]) -> np.ndarray:
        """Return the ids of a text's symbols, int32; unknown ones are 0, and so is what looks like <s> or </s>."""
        symbols = normalized(symbols) if isinstance(symbols, str) else symbols
        ids = np.fromiter((self._id(symbol, UNKNOWN_ID) for symbol in symbols), dtype=np.int32)
        ids[ids < len(SPECIALS)] = UNKNOWN_ID
        return ids

    def score_ids(self, ids: np.ndarray) -> np.ndarray:
        """Return ln p of each id (n,), float64; a sentence begins at the first and after each </s> (2)."""
        ids = np.ascontiguousarray(ids, dtype=np.int32)
        if len(ids) and not 0 <= ids.min() <= ids.max() < len(self.vocabulary):
            raise LanguageModelError("language model", "is asked for ids that it does not have", "use its vocabulary's")
        return _score_text(*self.arrays, self.start(), ids)

    def checksum(self) -> str:
        """SHA-256 (hex) of all that its scores come from, the same whatever kind of file it was read from."""
        digest = hashlib.sha256("\n".join(self.vocabulary).encode())
        for array in self.arrays:
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def table(self, order: int) -> Table:
        """Return the n-grams of one length as `from_tables` takes them, in the model's own numbering."""
        begin = sum(self.counts[: order - 1])
        end = begin + self.counts[order - 1]
        ids = np.empty((end - begin, order), dtype=np.int32)
        owner = owners(self.counts, self.next, len(self.fail))
        context_of = np.repeat(np.arange(len(self.fail), dtype=np.int32), np.diff(self.first))
        at = np.arange(begin, end)
        for column in reversed(range(order)):
            ids[:, column] = self.symbol[at]
            at = owner[context_of[at]]
        backoff = np.zeros(end - begin)
        mine = np.flatnonzero((owner[1:] >= begin) & (owner[1:] < end)) + 1
        backoff[owner[mine] - begin] = LN10 * self.log10_backoff[mine].astype(np.float64)
        return ids, LN10 * self.log10_p[begin:end].astype(np.float64), backoff

    def ngrams(self, order: int) -> Iterator[tuple[tuple[str, ...], float, float]]:
        """Yield each n-gram of one length with its ln p and its ln back-off, 0 where it is no context."""
        ids, ln_p, backoff = self.table(order)
        for row, p, b in zip(ids.tolist(), ln_p.tolist(), backoff.tolist(), strict=True):
            yield tuple(self.vocabulary[id] for id in row), p, b

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: id for id, symbol in enumerate(self.vocabulary)}

    def _id(self, symbol: str, default: int) -> int:
        return self._ids.get(normalized(symbol), default)

    @property
    def arrays(self) -> Arrays:
        """What the compiled functions take: first, fail, log10_backoff, symbol, log10_p and next."""
        return self.first, self.fail, self.log10_backoff, self.symbol, self.log10_p, self.next

    def _score(self, state: State, id: int) -> tuple[float, State]:
        ln_p, after = step(*self.arrays, state, id)
        return ln_p, after


def composed(symbols: Sequence[str]) -> tuple[list[str], int]:
    """Return different symbols in composed form, and of how many that would make two one: these stay as they are.

    Text is asked for in composed form (`emgasr.files.plain_text.normalized`), so that those never are.
    """
    taken, forms, kept = set(symbols), [], 0
    for symbol in symbols:
        form = normalized(symbol)
        if form != symbol and form in taken:
            form, kept = symbol, kept + 1
        taken.add(form)
        forms.append(form)
    return forms, kept


def exp(exponent: float) -> float:
    """Return e to a power, infinity where no double can hold it."""
    return math.exp(exponent) if exponent < 700 else math.inf


@compiled(nogil=True)
def step(first, fail, log10_backoff, symbol, log10_p, after, context, id):  # type: ignore[no-untyped-def]
    """Return ln p of a symbol and the context after it."""
    found, levels = context, 0
    ngram = find(first, symbol, found, id)
    while ngram < 0:
        if found == 0:  # only <unk> can be without a 1-gram
            return LN10 * backed_off(fail, log10_backoff, context, levels, MISSING_UNKNOWN_LOG10), 0
        found = fail[found]
        levels += 1
        ngram = find(first, symbol, found, id)
    return LN10 * backed_off(fail, log10_backoff, context, levels, log10_p[ngram]), after[ngram]


@compiled(nogil=True)
def backed_off(fail, log10_backoff, context, levels, log10_p):  # type: ignore[no-untyped-def]
    """Return log10 p with the back-offs of `context` and the levels - 1 contexts below it, as KenLM adds them.

    In float32, the shortest context's first: rounded so, a symbol's score is KenLM's own, and those of a line of any
    length add up to the same in float64.
    """
    total = log10_p
    for level in range(levels - 1, -1, -1):
        at = context
        for _ in range(level):
            at = fail[at]
        total += log10_backoff[at]
    return np.float64(total)


@compiled(nogil=True)
def _score_text(first, fail, log10_backoff, symbol, log10_p, after, start, ids):  # type: ignore[no-untyped-def]
    scores = np.empty(len(ids))
    context = start
    for i in range(len(ids)):
        scores[i], context = step(first, fail, log10_backoff, symbol, log10_p, after, context, ids[i])
        if ids[i] == END_ID:
            context = start
    return scores


@compiled(nogil=True)
def _mark(first, symbol, mask):  # type: ignore[no-untyped-def]
    for context in range(len(mask)):
        for ngram in range(first[context], first[context + 1]):
            mask[context, symbol[ngram] >> 6] |= np.uint64(1) << np.uint64(symbol[ngram] & 63)
