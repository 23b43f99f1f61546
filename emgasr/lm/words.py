"""Words of a lexicon with a word model, other words with a character model: one language model over a symbol set.

What a text is worth is a potential: ln p of its finished words, and for the word in progress an estimate of what it
will be. A token scores the potential's change, so that scores add up to the exact ln p as soon as words end, however
good the estimate, and a text that a backspace brings back is worth what it was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from emgasr.errors import ConfigError, DataError
from emgasr.lm.lexicon import NO_WORD, OUTSIDE, ROOT, Coverage, PrefixTree
from emgasr.lm.ngram import END_ID, UNKNOWN_ID, NGramModel
from emgasr.lm.ngram import step as ngram_step
from emgasr.lm.spelling import SEPARATOR, WORD_BEGIN, Spelling
from emgasr.tokens import Tokens

LARGEST_PENALTY = 1000.0  # nats


class WordState(NamedTuple):
    """Behind a text: three int32 and a float64, all that the scores of what follows depend on.

    While no letter of a word is typed, `node` is ROOT, `spelled` the character model's start, and `outside` counts no
    letter; off the tree, `node` is OUTSIDE until the word ends.
    """

    context: int  # of the word model, behind the finished words
    node: int  # of the prefix tree, behind the letters of the word in progress
    spelled: int  # context of the character model behind these letters
    outside: float  # ln p_word(<unk> | context) + Σ ln p_character(letters) - unknown_penalty


class WordModel:
    """A word n-gram model within a lexicon, open to any other word that the character model can spell.

    With h the words before it, a finished word w is worth

        ln p_word(w | h)                                                            if the lexicon holds w,
        ln p_word(<unk> | h) + ln p_character(<s> w </s>) - unknown_penalty         if not: then h goes on with <unk>,

    and the word in progress, of one letter or more,

        the larger of (the largest ln p_word(v) of the lexicon's words v that begin so)
                  and (ln p_word(<unk> | h) + ln p_character(<s> letters) - unknown_penalty);

    the latter if no word begins so. That is the larger of what the word can at best become, as far as a look ahead
    without h can see: it steps down as letters exclude words, never up, and needs nothing but the state and one
    number of the tree. Where no word is in progress it is 0. A separator (white space, enter) costs nothing itself,
    but behind no letter it ends an empty word, which the lexicon does not hold: runs of spaces are not free, unless
    `free_separators` says so. ▁ of sentencepiece behind no letter is. Words of the lexicon that the word model does not
    know look alike to it: they are spelled as if the lexicon lacked them, and counted in `unmodeled`. A word
    model without <unk> closes the vocabulary (`MISSING_UNKNOWN`).
    """

    def __init__(
        self,
        words: NGramModel,
        lexicon: Iterable[str],
        characters: NGramModel,
        tokens: Tokens,
        unknown_penalty: float = 0.0,
        free_separators: bool = False,
    ) -> None:
        """Take the two models, the lexicon and the symbol set that writes; `unknown_penalty` is in nats, -1000 to 1000.

        DataError if the tokens cannot write a word of the lexicon or the word model knows none.
        """
        if not abs(unknown_penalty) <= LARGEST_PENALTY:
            wrong = f"unknown_penalty is {unknown_penalty}"
            raise ConfigError("search", wrong, f"use -{LARGEST_PENALTY:g} to {LARGEST_PENALTY:g} nats")
        listed = list(dict.fromkeys(lexicon))
        self.spelling = Spelling.of(tokens)
        self.spelling.check_written(listed)
        modeled = [word for word in listed if word and word in words.symbols]
        if not modeled:
            raise DataError("lexicon", f"the word model knows none of its {len(listed)} words", "use its own words")
        self.tokens = tokens
        self.words = words
        self.characters = characters
        self.unknown_penalty = float(unknown_penalty)
        self.free_separators = free_separators
        self.lexicon = frozenset(modeled)
        self.unmodeled = len(listed) - len(modeled)
        code = self.spelling.code_of
        ids = words.ids(modeled)
        ln_p = np.array([ngram_step(*words.arrays, 0, id)[0] for id in ids.tolist()])
        self.tree = PrefixTree.build([[code[c] for c in word] for word in modeled], ids, ln_p)
        self.character_ids = characters.ids(self.spelling.letters)  # int32, by code of the letter
        self._codes = dict(zip(tokens.symbols, self.spelling.codes, strict=True))

    @cached_property
    def symbols(self) -> frozenset[str]:
        """The tokens' symbols whose letters the lexicon or the character model knows."""
        known = {letter for word in self.lexicon for letter in word} | self.characters.symbols
        unknown = {code for code, letter in enumerate(self.spelling.letters) if letter not in known}
        return frozenset(symbol for symbol, codes in self._codes.items() if codes and unknown.isdisjoint(codes))

    def unknown_symbols(self, symbols: Iterable[str]) -> list[str]:
        """Return those of `symbols` that hold a letter which neither the lexicon nor the character model knows."""
        return [symbol for symbol in symbols if symbol not in self.symbols]

    def start(self) -> WordState:
        """Return the state at the beginning of a text."""
        return self._begin(self.words.start())

    def score(self, state: WordState, symbol: str) -> tuple[float, WordState]:
        """Return by how much a token of the symbol set changes what the text is worth, and the state behind it."""
        change = 0.0
        for code in self._codes[symbol]:
            step, state = self._step(state, code)
            change += step
        return change, state

    def begun(self, state: WordState, symbol: str) -> int:
        """Return how many words a token begins."""
        between, count = state.node == ROOT, 0
        for code in self._codes[symbol]:
            count += between and code >= 0
            between = code < 0
        return count

    def end(self, state: WordState) -> float:
        """Return the change if the text ends: a word in progress is finished, ln p_word(</s>) added."""
        change = 0.0
        if state.node != ROOT:
            change, state = self._finish(state)
        return change + self.words.end(state.context)

    def in_progress(self, state: WordState) -> float:
        """Return what the word in progress is taken to be worth."""
        if state.node == ROOT:
            return 0.0
        return state.outside if state.node == OUTSIDE else max(float(self.tree.ahead[state.node]), state.outside)

    def checksum(self) -> str:
        """SHA-256 (hex) of all that its scores come from: both models, the words that it scores, the penalty."""
        free = "separators are free\n" if self.free_separators else ""
        digest = hashlib.sha256(f"{self.unknown_penalty!r}\n{free}{self.words.checksum()}\n".encode())
        digest.update("\n".join((self.characters.checksum(), *sorted(self.lexicon))).encode())
        return digest.hexdigest()

    def coverage(self, lines: Iterable[str]) -> Coverage:
        """Return how many of the words of a text's lines have a score of their own; others are spelled."""
        return Coverage.of(self.lexicon, self.unmodeled, Counter(word for line in lines for word in line.split()))

    def _begin(self, context: int) -> WordState:
        ln_unknown, _ = ngram_step(*self.words.arrays, context, UNKNOWN_ID)
        return WordState(context, ROOT, self.characters.start(), ln_unknown - self.unknown_penalty)

    def _step(self, state: WordState, code: int) -> tuple[float, WordState]:
        if state.node == ROOT and (code == WORD_BEGIN or (code == SEPARATOR and self.free_separators)):
            return 0.0, state
        if code < 0:
            return self._finish(state)
        ln_p, spelled = ngram_step(*self.characters.arrays, state.spelled, self.character_ids[code])
        after = WordState(state.context, self.tree.child(state.node, code), spelled, state.outside + ln_p)
        return self.in_progress(after) - self.in_progress(state), after

    def _finish(self, state: WordState) -> tuple[float, WordState]:
        word = NO_WORD if state.node == OUTSIDE else int(self.tree.word[state.node])
        if word == NO_WORD:
            ln_p = state.outside + ngram_step(*self.characters.arrays, state.spelled, END_ID)[0]
            _, context = ngram_step(*self.words.arrays, state.context, UNKNOWN_ID)
        else:
            ln_p, context = ngram_step(*self.words.arrays, state.context, word)
        return ln_p - self.in_progress(state), self._begin(context)
