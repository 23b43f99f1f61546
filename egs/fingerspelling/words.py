"""Prints the most frequent words of a text, and then the most frequent word for every letter that is still missing."""

from __future__ import annotations

import argparse
import re
import string
from collections import Counter
from pathlib import Path

from emgasr.files.plain_text import read_lines

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("texts", nargs="+", type=Path)
parser.add_argument("--top", type=int, default=300)
parser.add_argument("--except-words", nargs="*", type=Path, default=[], help="files of words to leave out, one a line")
options = parser.parse_args()

left_out = {word for path in options.except_words for line in read_lines(path) for word in line.split()}
counts: Counter[str] = Counter()
for path in options.texts:
    for line in read_lines(path):
        counts.update(re.findall("[a-z]+", line.lower()))
ranked = [word for word, _ in counts.most_common() if word not in left_out]
words = ranked[: options.top]
for letter in string.ascii_lowercase:
    if not any(letter in word for word in words):
        words += next(([word] for word in ranked if letter in word), [])
print("\n".join(words))
