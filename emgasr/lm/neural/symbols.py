"""Text in, the symbols of a language model out, and their ids: <unk>, <s> and </s> first, as in n-gram models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from emgasr.errors import DataError
from emgasr.files.plain_text import normalized
from emgasr.lm.neural.config import SymbolKind
from emgasr.lm.ngram import SPECIALS, UNKNOWN_ID
from emgasr.lm.perplexity import characters_of
from emgasr.lm.texts import sentences, typed
from emgasr.tokens import ENTER, Tokens


class Vocabulary:
    """The symbols that a language model knows, and how text is cut into them.

    Args:
        tokens: keystrokes, characters, words or pieces; <unk>, <s> and </s> take the place of their blank.

    Raises:
        DataError: A symbol looks like <unk>, <s> or </s>.
    """

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.symbols: tuple[str, ...] = (*SPECIALS, *tokens.symbols[1:])
        self._ids = {symbol: place for place, symbol in enumerate(self.symbols)}
        if len(self._ids) < len(self.symbols):
            wrong = (
                f"hold {', '.join(sorted(set(tokens.symbols) & set(SPECIALS)))}, signs of language models themselves"
            )
            raise DataError("symbols", wrong, "leave them out")

    @classmethod
    def of_text(cls, kind: SymbolKind, text: Iterable[Sequence[str]]) -> Vocabulary:
        """Return all symbols of sentences, sorted.

        Raises:
            DataError: There are none.
        """
        symbols = {symbol for sentence in text for symbol in sentence}
        if not symbols:
            raise DataError("text", "holds no symbol to learn", "give at least one line")
        return cls(Tokens(kind, sorted(symbols)))

    @property
    def kind(self) -> str:
        """Kind of the symbols: keystrokes, characters, words or sentencepiece."""
        return self.tokens.kind

    def __len__(self) -> int:
        return len(self.symbols)

    def sentences(self, lines: Iterable[str]) -> Iterator[Sequence[str]]:
        """Yield the sentences of lines of text, as `emgasr.lm.texts.sentences` cuts them."""
        if self.kind == "sentencepiece":
            return (self.split(line) for line in lines)
        return sentences(lines, self.kind)

    def split(self, text: str) -> Sequence[str]:
        """Return the symbols of a rendered text; a new line is an enter to keystrokes and a space to others."""
        if self.kind == "keystrokes":
            return "".join(typed(line) + ENTER for line in text.split("\n")).removesuffix(ENTER)
        flat = normalized(text.replace("\n", " "))
        if self.kind == "words":
            return flat.split()
        return self.tokens.pieces_of(flat) if self.kind == "sentencepiece" else flat

    def ids(self, symbols: Iterable[str]) -> list[int]:
        """Return the ids of symbols; unknown ones, and what looks like <s> or </s>, are <unk>."""
        known, first = self._ids, len(SPECIALS)
        found = (known.get(symbol, UNKNOWN_ID) for symbol in symbols)
        return [place if place >= first else UNKNOWN_ID for place in found]

    def characters(self, sentence: Sequence[str]) -> int:
        """Return how many characters a sentence has as text, its end counted as one."""
        if self.kind == "sentencepiece":
            return sum(map(len, sentence))  # a sign in front of each word; the first one's counts as the end
        return characters_of(sentence)
