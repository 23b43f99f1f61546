"""Prose files in, a sentence a line out: WikiText's headings, unknown words and spaced punctuation undone.

`python lm/plain_prose.py PATH... > plain.txt`; a folder stands for the .txt and .tokens files in it. Sentences with an
<unk> go, for nobody types that. Plain prose, with paragraphs over several lines, passes as it is, cut into sentences.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from emgasr.errors import DataError
from emgasr.files.plain_text import normalized, read_lines

_HEADING = re.compile(r"\s*=( =)* .* =( =)*\s*")
_SPLIT_NUMBER = re.compile(r" @([-,.])@ ")  # WikiText writes 1,000 as 1 @,@ 000
_BEFORE = re.compile(r" (?=[.,;:!?%)\]]|'(?:s|re|ve|ll|d|m|t)?\b|n't\b)")
_AFTER = re.compile(r"(?<=[(\[$]) ")
_QUOTED = re.compile(r'(?<!\S)" ([^"]*?) "(?!\S)')
_SENTENCE_END = re.compile(r'(?:(?<=[.!?])|(?<=[.!?]["\')])) +(?=["\'(]?[A-Z])')


def sentences(lines: Iterable[str]) -> Iterator[str]:
    """Yield the sentences of lines of prose; an empty line or a heading ends a paragraph."""
    paragraph: list[str] = []
    for line in chain(lines, [""]):
        words = " ".join(line.split())
        if words and not _HEADING.fullmatch(words):
            paragraph.append(words)
            continue
        for sentence in _SENTENCE_END.split(_joined(" ".join(paragraph))):
            if sentence and "<unk>" not in sentence:
                yield sentence
        paragraph = []


def _joined(text: str) -> str:
    """Undo the spaces that tokenizing put around punctuation."""
    text = _SPLIT_NUMBER.sub(r"\1", text)
    return _AFTER.sub("", _BEFORE.sub("", _QUOTED.sub(r'"\1"', text)))


def _files(paths: Iterable[str]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix in (".txt", ".tokens"))
        else:
            yield path


def main() -> None:
    """Print the sentences of the files named."""
    if len(sys.argv) < 2:
        sys.exit("usage: python lm/plain_prose.py PATH...")
    for path in _files(sys.argv[1:]):
        try:
            for sentence in sentences(map(normalized, read_lines(path))):
                print(sentence)
        except DataError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
