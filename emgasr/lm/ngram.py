"""Symbols in, natural-log probabilities out: an n-gram model with back-off, queried one symbol at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emgasr.errors import LanguageModelError

BEGIN = "<s>"
END = "</s>"
UNKNOWN = "<unk>"
SPECIALS = (UNKNOWN, BEGIN, END)

# What KenLM gives to unknown symbols when a model has no <unk>: ten to the power of minus one hundred.
MISSING_UNKNOWN = -100 * math.log(10)

State = tuple[str, ...]  # the symbols that the next probability depends on, oldest first


@dataclass(frozen=True)
class Sentence:
    """What a model says of one sentence, its end included: `ln_p` and how many symbols it did not know."""

    ln_p: float
    length: int
    unknown: int

    @property
    def perplexity(self) -> float:
        """Perplexity per symbol, the end of the sentence counted as one."""
        return math.exp(-self.ln_p / self.length)


class NGramModel:
    """An n-gram model as in ARPA files: an n-gram's probability, or its context's back-off times a shorter one's."""

    def __init__(self, ln_p: Mapping[tuple[str, ...], float], ln_backoff: Mapping[tuple[str, ...], float]) -> None:
        """Take natural logs: `ln_p` of every n-gram, `ln_backoff` of contexts (a missing one is 0)."""
        self.ln_p = ln_p
        self.ln_backoff = ln_backoff
        self.order = max(map(len, ln_p), default=0)
        for needed in (BEGIN, END):
            if (needed,) not in ln_p:
                raise LanguageModelError("language model", f"has no {needed} among its 1-grams", "rebuild it")

    @property
    def symbols(self) -> frozenset[str]:
        """The symbols that the model knows, without <unk>, <s> and </s>."""
        return frozenset(ngram[0] for ngram in self.ln_p if len(ngram) == 1).difference(SPECIALS)

    @property
    def counts(self) -> list[int]:
        """How many n-grams there are of each order, 1-grams first."""
        counts = [0] * self.order
        for ngram in self.ln_p:
            counts[len(ngram) - 1] += 1
        return counts

    def start(self) -> State:
        """Return the state at the beginning of a sentence."""
        return self._context((BEGIN,))

    def score(self, state: State, symbol: str) -> tuple[float, State]:
        """Return ln p(symbol | state) and the state after it; a symbol that the model does not know counts as <unk>."""
        if (symbol,) not in self.ln_p:
            symbol = UNKNOWN
            if (symbol,) not in self.ln_p:
                return MISSING_UNKNOWN, ()
        ln_p = 0.0
        context = state
        while (ngram := (*context, symbol)) not in self.ln_p:
            ln_p += self.ln_backoff.get(context, 0.0)
            context = context[1:]
        return ln_p + self.ln_p[ngram], self._context(ngram)

    def end(self, state: State) -> float:
        """Return ln p(the sentence ends | state)."""
        return self.score(state, END)[0]

    def sentence(self, symbols: Sequence[str]) -> Sentence:
        """Score a whole sentence, from <s> to </s>."""
        known = self.symbols
        state, ln_p = self.start(), 0.0
        for symbol in symbols:
            step, state = self.score(state, symbol)
            ln_p += step
        unknown = sum(symbol not in known for symbol in symbols)
        return Sentence(ln_p + self.end(state), len(symbols) + 1, unknown)

    def unknown_symbols(self, symbols: Iterable[str]) -> list[str]:
        """Return those of `symbols` that the model does not know, in order."""
        known = self.symbols
        return [symbol for symbol in symbols if symbol not in known]

    def _context(self, ngram: tuple[str, ...]) -> State:
        """Return the longest end of `ngram` that the next symbol's probability can depend on."""
        return ngram[1:] if len(ngram) == self.order else ngram
