"""A symbol set in, what each of its tokens puts on the page out: letters, separators of words, beginnings of words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from emgasr.errors import DataError
from emgasr.tokens import ENTER, Tokens

# Codes beside those of letters (0 and up). What a separator puts on the page always is a character; the beginning of a
# word only ends the word before it, and is nothing where there is none: at the beginning and behind a separator.
SEPARATOR, WORD_BEGIN = -1, -2

PIECE_BEGIN = "▁"  # with which sentencepiece begins a word


@dataclass(frozen=True)
class Spelling:
    """The letters that a symbol set writes, and every token spelled in their codes.

    A letter is any character that separates no words; white space and enter do. Pieces of sentencepiece begin a word
    where they hold ▁, tokens of kind "words" all begin one.
    """

    letters: tuple[str, ...]  # by code, ascending
    codes: tuple[tuple[int, ...], ...]  # by token: codes of letters, SEPARATOR, WORD_BEGIN; nothing if nothing prints

    @classmethod
    def of(cls, tokens: Tokens) -> Spelling:
        """Spell every token."""
        begin = PIECE_BEGIN if tokens.kind == "sentencepiece" else ""
        printed = [symbol if tokens.printing(token) else "" for token, symbol in enumerate(tokens.symbols)]
        letters = sorted({c for symbol in printed for c in symbol if not separates(c)} - {begin})
        code = {letter: number for number, letter in enumerate(letters)}
        code |= {c: SEPARATOR for symbol in printed for c in symbol if separates(c)}
        if begin:
            code[begin] = WORD_BEGIN
        first = (WORD_BEGIN,) if tokens.kind == "words" else ()
        codes = (((*first, *(code[c] for c in symbol)) if symbol else ()) for symbol in printed)
        return cls(tuple(letters), tuple(codes))

    @cached_property
    def code_of(self) -> dict[str, int]:
        """The code of each letter."""
        return {letter: code for code, letter in enumerate(self.letters)}

    @property
    def separates_words(self) -> bool:
        """Whether any token can end a word."""
        return any(code < 0 for codes in self.codes for code in codes)

    def lacking(self, word: str) -> str:
        """Return the first character of a word that no token writes, empty if they write it all."""
        return next((c for c in word if c not in self.code_of), "")

    def check_written(self, words: Iterable[str]) -> None:
        """Raise a DataError if the tokens cannot write all `words`; it names the first, and how many others."""
        unwritten = [word for word in words if self.lacking(word)]
        if not unwritten:
            return
        word, others = unwritten[0], len(unwritten) - 1
        wrong = f"the tokens cannot write {word!r}, as none has {self.lacking(word)!r}"
        if others:
            wrong += f", nor {others} other {'word' if others == 1 else 'words'}"
        raise DataError("lexicon", wrong, "leave such words out or spell them otherwise")


def separates(character: str) -> bool:
    """Return whether a character ends a word."""
    return character.isspace() or character == ENTER
