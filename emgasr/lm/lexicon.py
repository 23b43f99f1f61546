"""A list of words in, a prefix tree over their letters out, and how much of a text the list covers."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.errors import DataError
from emgasr.lm.spelling import Spelling
from emgasr.lm.texts import read_listed
from emgasr.lm.trie import find

ROOT, OUTSIDE = 0, -1  # nodes: no letter yet, a word that the tree does not hold
NO_WORD = -1


def read_lexicon(path: str | Path) -> dict[str, int]:
    """Read a UTF-8 file with a word a line: the words, in its order, and the number of the first line that holds each.

    Empty lines are skipped. DataError for a file without words, for what is not UTF-8 or more than a word in a line.
    """
    words: dict[str, int] = {}
    for number, line in read_listed(path, "words"):
        words.setdefault(_only_word(path, number, line), number)
    return words


def written_words(path: str | Path, spelling: Spelling) -> tuple[list[str], tuple[str, ...]]:
    """Read a lexicon as a symbol set can write it: its words, each once, and what is left of its lines, and why.

    A word that the tokens cannot write is taken in its composed form (NFC) where they can write that. DataError as
    `read_lexicon`, and where the tokens can write no word of it.
    """
    words: dict[str, int] = {}
    left: list[str] = []
    for number, line in read_listed(path, "words"):
        word = _only_word(path, number, line)
        if spelling.lacking(word):
            word = unicodedata.normalize("NFC", word)
        if lacking := spelling.lacking(word):
            left.append(f"line {number}: no token has {lacking!r} of {word!r}")
        elif word in words:
            left.append(f"line {number}: {word!r} is in line {words[word]} already")
        else:
            words[word] = number
    if not words:
        raise DataError(path, f"holds no word that the tokens can write ({left[0]})", "use words of their characters")
    return list(words), tuple(left)


def told_left(path: str | Path, what: str, used: int, left: Sequence[str]) -> str:
    """Return a line on what was left out of a list; `what` names its things, of which `used` are used."""
    more = f"; and {len(left) - 3:,} more" if len(left) > 3 else ""
    return f"{path}: {len(left):,} of {used + len(left):,} {what} left out: {'; '.join(left[:3])}{more}"


def _only_word(path: str | Path, number: int, line: str) -> str:
    word, *more = line.split()
    if more:
        wrong = f"line {number} holds {1 + len(more)} words ({line.strip()!r})"
        raise DataError(path, wrong, "write a word a line; `emgasr lm lexicon` makes one of flashlight's lexicons")
    return word


@dataclass(frozen=True, eq=False)
class PrefixTree:
    """The words of a lexicon by their letters: N nodes, level by level from the root, 0; arrays are read-only.

    The children of node n are the nodes first[n] to first[n + 1].
    """

    first: np.ndarray  # int32 (N + 1)
    letter: np.ndarray  # int32 (N): the code of the letter that leads to the node, ascending among siblings; root: -1
    word: np.ndarray  # int32 (N): the id of the word that ends at the node, -1 if none does
    ahead: np.ndarray  # float64 (N): the largest ln p of the words at the node and below it

    @classmethod
    def build(cls, words: Sequence[Sequence[int]], ids: np.ndarray, ln_p: np.ndarray) -> PrefixTree:
        """Build the tree of different words, none empty, each as its letters' codes; `ids` and `ln_p` are (words,)."""
        lengths = np.array([len(word) for word in words], dtype=np.int64)
        codes = np.fromiter((code for word in words for code in word), np.int64)
        begins = np.cumsum(lengths) - lengths
        alphabet = int(codes.max(initial=0)) + 1
        reached = np.zeros(len(words), dtype=np.int64)  # the node that each word has come to
        parents, letters, nodes = [np.array([-1])], [np.array([-1])], 1
        for depth in range(int(lengths.max(initial=0))):
            (on,) = np.nonzero(lengths > depth)
            edges, which = np.unique(reached[on] * alphabet + codes[begins[on] + depth], return_inverse=True)
            reached[on] = nodes + which
            parents.append(edges // alphabet)
            letters.append(edges % alphabet)
            nodes += len(edges)
        parent = np.concatenate(parents)
        ahead = np.full(nodes, -np.inf)
        ahead[reached] = ln_p
        below = nodes
        for level in reversed(parents[1:]):
            np.maximum.at(ahead, level, ahead[below - len(level) : below])
            below -= len(level)
        word = np.full(nodes, NO_WORD, dtype=np.int32)
        word[reached] = ids
        first = 1 + np.searchsorted(parent[1:], np.arange(nodes + 1))  # parents ascend, as nodes do
        arrays = first.astype(np.int32), np.concatenate(letters).astype(np.int32), word, ahead
        for array in arrays:
            array.flags.writeable = False
        return cls(*arrays)

    def child(self, node: int, letter: int) -> int:
        """Return the node behind a letter; OUTSIDE where no word goes on with it."""
        return OUTSIDE if node == OUTSIDE else int(find(self.first, self.letter, node, letter))


@dataclass(frozen=True)
class Coverage:
    """How much of a text's words a lexicon holds: every result with a lexicon is reported with it."""

    vocabulary: int  # words of the lexicon
    unmodeled: int  # others in its list, which the word model does not know
    words: int  # of the text
    types: int  # different words of the text
    unknown: Counter[str]  # words of the text that the lexicon lacks, and how often each comes

    @classmethod
    def of(cls, lexicon: frozenset[str], unmodeled: int, words: Counter[str]) -> Coverage:
        """Count what a lexicon lacks of a text's words."""
        unknown = Counter({word: count for word, count in words.items() if word not in lexicon})
        return cls(len(lexicon), unmodeled, words.total(), len(words), unknown)

    @property
    def oov_rate(self) -> float:
        """The share of the text's words that the lexicon lacks."""
        return self.unknown.total() / self.words if self.words else 0.0

    @property
    def oov_rate_types(self) -> float:
        """The share of the text's different words that the lexicon lacks."""
        return len(self.unknown) / self.types if self.types else 0.0

    def __str__(self) -> str:
        held = self.words - self.unknown.total()
        unmodeled = f" ({self.unmodeled:,} more unknown to the word model)" if self.unmodeled else ""
        line = f"lexicon of {self.vocabulary:,} words{unmodeled}"
        if not self.words:
            return line
        line += (
            f": holds {held:,} of the text's {self.words:,}"
            f" (OOV rate {100 * self.oov_rate:.2f} %; {100 * self.oov_rate_types:.2f} % of {self.types:,} different)"
        )
        often = ", ".join(word for word, _ in self.unknown.most_common(5))
        return f"{line}, lacks {often}{', …' if len(self.unknown) > 5 else ''}" if often else line

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON; `unknown` the ten most frequent words that the lexicon lacks."""
        return {
            "vocabulary": self.vocabulary,
            "unmodeled": self.unmodeled,
            "words": self.words,
            "types": self.types,
            "coverage": 1 - self.oov_rate,
            "oov_rate": self.oov_rate,
            "oov_rate_types": self.oov_rate_types,
            "unknown": dict(self.unknown.most_common(10)),
        }
