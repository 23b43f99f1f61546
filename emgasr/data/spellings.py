"""What composed sequences say: labels that a person has takes of in, one sequence of them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from emgasr.errors import ConfigError, DataError
from emgasr.files.plain_text import normalized, read_lines


class Texts(Protocol):
    """What sequences say: draws one sequence of labels among those that a person has takes of."""

    def draw(self, labels: Sequence[str], rng: np.random.Generator) -> Sequence[str]: ...


@dataclass(frozen=True)
class RandomStrings:
    """Labels drawn uniformly, `shortest` to `longest` of them; one equals the one before it by chance, or on purpose.

    `repeats` is the share of neighbors that are made equal: CTC must learn to write a blank between two of a kind,
    which come by chance too seldom to learn it from.
    """

    shortest: int
    longest: int
    repeats: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.shortest <= self.longest:
            raise ConfigError(
                "compose", f"strings of {self.shortest} to {self.longest} labels", "give 1 <= shortest <= longest"
            )

    def draw(self, labels: Sequence[str], rng: np.random.Generator) -> Sequence[str]:
        """One string."""
        count = rng.integers(self.shortest, self.longest + 1)
        text = [labels[i] for i in rng.integers(len(labels), size=count)]
        if self.repeats:
            for place in np.flatnonzero(rng.random(count - 1) < self.repeats):
                text[place + 1] = text[place]
        return text


class Words:
    """Words (or any sequences of labels), drawn uniformly among those that a person's takes can spell."""

    def __init__(self, words: Iterable[Sequence[str]]) -> None:
        self.words = list(words)
        self._spelled: dict[frozenset[str], list[Sequence[str]]] = {}

    def draw(self, labels: Sequence[str], rng: np.random.Generator) -> Sequence[str]:
        """One word; a DataError if none can be spelled."""
        key = frozenset(labels)
        if key not in self._spelled:
            self._spelled[key] = [word for word in self.words if len(word) and key.issuperset(word)]
        spelled = self._spelled[key]
        if not spelled:
            raise DataError(
                "compose", f"none of {len(self.words)} words can be spelled", "check the labels of the takes"
            )
        return spelled[rng.integers(len(spelled))]


def read_words(path: str | Path) -> list[str]:
    """The words of a text file, one a line; a DataError if it cannot be read or holds none."""
    advice = "give a UTF-8 file with a word a line"
    words = [normalized(word) for line in read_lines(path, DataError, advice) if (word := line.strip())]
    if not words:
        raise DataError(path, "holds no word", "give a word a line")
    return words
