"""Plain texts in; their sentences as people type them at the keyboard, a line each in lower case, out.

    sentences.py TEXT [TEXT ...] > sentences.txt

Sentences end at . ! ? ; : and blank lines. Quotation marks, apostrophes round a word, brackets and
underscores go, dashes become spaces. What
then holds anything but letters, spaces, commas and apostrophes (numbers, say), or fewer than two words, is left out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import DataError
from emgasr.files.plain_text import read_lines

_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "—": " ", "–": " ", "-": " ", **dict.fromkeys('"“”()[]_*', "")})
_QUOTES = re.compile(r"(?<![a-z])'|'(?![a-z])")
_TYPED = re.compile(r"[a-z',]+( [a-z',]+)+")


def run(argv: list[str]) -> int:
    """Write the sentences of the texts to standard output, and how many were left out to standard error."""
    options = _parser().parse_args(argv)
    for text in options.texts:
        typed = left = 0
        for sentence in sentences("\n".join(read_lines(text, DataError, "give a plain text"))):
            if _TYPED.fullmatch(sentence):
                typed += 1
                print(sentence)
            else:
                left += 1
        print(f"{text.name}: {typed} sentences, {left} left out", file=sys.stderr)
    return 0


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text in lower case, each on one line, without the sign at its end."""
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in re.split(r"[.!?;:]+(?=[^\w]|$)", paragraph.translate(_STRAIGHT)):
            if line := " ".join(_QUOTES.sub("", sentence.lower()).split()).strip(" ,"):
                yield line


def _parser() -> ArgumentParser:
    made = ArgumentParser(prog="sentences.py", description="Make sentences to build a language model from of texts.")
    made.add_argument("texts", type=Path, nargs="+", metavar="TEXT", help="plain text in English, UTF-8")
    return made


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
