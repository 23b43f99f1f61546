"""Text files in, sentences of symbols out: how a language model's text is cut into keystrokes, characters or words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from emgasr.errors import DataError
from emgasr.files.plain_text import normalized, read_lines
from emgasr.tokens import ENTER, PUBLISHED_KEYS, to_ascii

_OTHER = re.compile("[^" + re.escape("".join(key for key in PUBLISHED_KEYS if key.isascii())) + "]")


def read_texts(
    paths: Iterable[str | Path], lowercase: bool = False, refused: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield the lines of UTF-8 text files, runs of white space as one space, empty lines left out.

    DataError, with the line, for a file that cannot be read and for a word among the `refused`.
    """
    for path in paths:
        for number, line in enumerate(read_lines(path), 1):
            words = normalized(line.lower() if lowercase else line).split()
            if refused and (found := refused.intersection(words)):
                wrong = f"line {number} holds {min(found)!r}, a sign of language models themselves"
                raise DataError(path, wrong, "leave it out or write it otherwise")
            if words:
                yield " ".join(words)


def read_listed(path: str | Path, what: str) -> list[tuple[int, str]]:
    """Read a UTF-8 list, something a line, with the lines' numbers from 1; blank lines are skipped.

    `what` names its things ("words") in a DataError: for a file that cannot be read, is not UTF-8 or holds nothing.
    """
    lines = read_lines(path, DataError, f"give a file of {what}, one a line")
    listed = [(number, normalized(line)) for number, line in enumerate(lines, 1) if line.strip()]
    if not listed:
        raise DataError(path, f"holds no {what}", f"write {what}, one a line")
    return listed


def sentences(lines: Iterable[str], symbols: str) -> Iterator[Sequence[str]]:
    """Yield the sentences of a language model's text, one a line for characters and words; strings are characters.

    Keystrokes are what types the lines: printing keys of the published 98 (typographic signs in ASCII, others dropped),
    an enter after each line. Two lines make a sentence, so that the model learns how a text begins and also how it
    goes on after an enter.
    """
    if symbols == "words":
        yield from (normalized(line).split() for line in lines)
    elif symbols == "characters":
        yield from map(normalized, lines)
    else:
        yield from _keystrokes(lines)


def typed(line: str) -> str:
    """Return what types a line: printing keys of the published 98, typographic signs in ASCII, others dropped."""
    return _OTHER.sub("", line if line.isascii() else to_ascii(line))


def _keystrokes(lines: Iterable[str]) -> Iterator[str]:
    first = ""
    for line in lines:
        keys = typed(line)
        if not keys:
            continue
        if first:
            yield first + keys + ENTER
            first = ""
        else:
            first = keys + ENTER
    if first:
        yield first
