"""A lexicon of flashlight in (a word, then its tokens), ours out (a word a line), and what of it is left over.

flashlight, torchaudio's `ctc_decoder` and MONA LISA spell each word in tokens: `cab<TAB>c a b |`. Our search spells a
word by its own characters, so that an entry is taken where its tokens put together are the word; `|` ends a word, and
▁ begins one in pieces of sentencepiece.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from emgasr.errors import DataError
from emgasr.files.output import replacing
from emgasr.lm.spelling import PIECE_BEGIN, Spelling
from emgasr.lm.texts import read_listed

WORD_END = "|"  # flashlight's usual sign between words


class Converted(NamedTuple):
    """The words of a lexicon, each once, and its left-over lines by what is wrong with them."""

    words: tuple[str, ...]
    left: dict[str, tuple[str, ...]]  # "spelled otherwise", "without a spelling", ...: "line 3: HELLO (h e l l o)"

    @property
    def lines(self) -> int:
        """How many lines the lexicon has, blank ones not counted."""
        return len(self.words) + sum(map(len, self.left.values()))


def read_flashlight(path: str | Path, word_end: str = WORD_END, spelling: Spelling | None = None) -> Converted:
    """Read a lexicon; with a `spelling` a word that its tokens cannot write is left over too.

    DataError for a file that cannot be read, is not UTF-8, or holds no word that can be taken.
    """
    words: dict[str, int] = {}
    left: dict[str, list[str]] = {}
    for number, line in read_listed(path, "words"):
        word, *tokens = line.split()
        written = "".join(token for token in tokens if token != word_end).replace(PIECE_BEGIN, "")
        if not tokens:
            wrong = "without a spelling"
        elif written != word:
            wrong = "spelled otherwise"
        elif word in words:
            wrong = "there already"
        elif spelling is not None and spelling.lacking(word):
            wrong = "not to be written by the model"
        else:
            words[word] = number
            continue
        left.setdefault(wrong, []).append(f"line {number}: {word} ({' '.join(tokens)})")
    if not words:
        first = next(iter(left.values()))[0]
        wrong = f"holds no word whose tokens are its characters ({first})"
        raise DataError(path, wrong, "give a lexicon of characters or of pieces of words, not of phones")
    return Converted(tuple(words), {wrong: tuple(lines) for wrong, lines in left.items()})


def write_lexicon(words: tuple[str, ...], path: str | Path) -> None:
    """Write a word a line; the old file stays if this fails."""
    with replacing(path) as temporary:
        temporary.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
