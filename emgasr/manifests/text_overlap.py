"""Test prompts and a language model's text in; counts of the n-grams and prompts that both hold out.

Text is compared as lower-case letters and digits. An n-gram is 5 words; where no prompt has as many (single words,
gestures), it is 12 characters. A prompt shorter than one n-gram shows nothing, and is counted apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emgasr.errors import LanguageModelError
from emgasr.files import plain_text

WORDS, CHARACTERS = 5, 12
BLOCK_CHARACTERS = 1 << 20  # of the model's text held at once


@dataclass(frozen=True)
class TextOverlap:
    """How much of the distinct prompts of a split stands in other text; `unit` is "word" or "character"."""

    unit: str
    n: int
    ngrams: int
    ngrams_found: int
    prompts: int
    prompts_found: int
    prompts_short: int
    examples: tuple[str, ...]

    @property
    def ngram_fraction(self) -> float:
        """Of the prompts' distinct n-grams, the part that the other text holds."""
        return self.ngrams_found / self.ngrams if self.ngrams else 0.0

    @property
    def prompt_fraction(self) -> float:
        """Of the prompts of at least one n-gram, the part that stands whole in the other text."""
        return self.prompts_found / self.prompts if self.prompts else 0.0


def text_overlap(prompts: Iterable[str], text: Iterable[str]) -> TextOverlap:
    """Compare prompts with text that comes in pieces (lines, blocks); memory is that of the prompts and one block."""
    distinct = sorted({plain for prompt in prompts if (plain := " ".join(_words(prompt)))})
    by_word = any(len(prompt.split()) >= WORDS for prompt in distinct)
    unit, n = ("word", WORDS) if by_word else ("character", CHARACTERS)
    pieces = [tuple(prompt.split()) if by_word else tuple(prompt) for prompt in distinct]
    long = [piece for piece in pieces if len(piece) >= n]
    wanted = {piece[i : i + n] for piece in long for i in range(len(piece) - n + 1)}
    starting: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for piece in long:
        starting.setdefault(piece[:n], []).append(piece)

    found_ngrams: set[tuple[str, ...]] = set()
    found: set[tuple[str, ...]] = set()
    longest = max((len(piece) for piece in long), default=n)
    for block in _blocks(text, by_word, longest):
        for i in range(len(block) - n + 1):
            ngram = tuple(block[i : i + n])
            if ngram in wanted:
                found_ngrams.add(ngram)
                found.update(p for p in starting.get(ngram, ()) if tuple(block[i : i + len(p)]) == p)
    joint = " " if by_word else ""
    return TextOverlap(
        unit=unit,
        n=n,
        ngrams=len(wanted),
        ngrams_found=len(found_ngrams),
        prompts=len(long),
        prompts_found=len(found),
        prompts_short=len(pieces) - len(long),
        examples=tuple(joint.join(piece) for piece in sorted(found)[:3]),
    )


def read_lines(paths: Iterable[str | Path]) -> Iterator[str]:
    """The lines of text files, one file after another; LanguageModelError if one cannot be read as UTF-8."""
    for path in paths:
        yield from plain_text.read_lines(path, LanguageModelError, "give the language model's text")


def _blocks(text: Iterable[str], by_word: bool, overlap: int) -> Iterator[Sequence[str]]:
    """The text as words or characters, in blocks; each begins with the end of the one before, so nothing is cut."""
    held: list[str] = []
    fresh = 0
    for line in text:
        words = _words(line)
        added = words if by_word else [c for word in words for c in f" {word}"]
        held += added
        fresh += len(added)
        if fresh >= BLOCK_CHARACTERS:
            yield held
            held, fresh = held[-overlap:], 0
    yield held


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", plain_text.normalized(text).lower().replace("'", "").replace("’", ""))
