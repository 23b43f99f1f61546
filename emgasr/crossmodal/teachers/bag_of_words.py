"""Texts in, counts of their words out: a teacher that knows words and nothing of their meaning, as a control."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from emgasr.crossmodal.descriptions import spelling
from emgasr.crossmodal.teachers.contract import check_texts, unit_rows, words_of
from emgasr.errors import DataError
from emgasr.files.as_json import as_json


class BagOfWords:
    """Term frequency times inverse document frequency, over the words of the texts of training.

    The weight of a word that is in d of n texts is its count times ln((1 + n) / (1 + d)) + 1 (scikit-learn's default).

    Args:
        texts: those of training; their order does not matter.

    Raises:
        DataError: They hold no word.
    """

    kind = "bag_of_words"
    name = "bag of words"
    languages: tuple[str, ...] = ()

    def __init__(self, texts: Sequence[str]) -> None:
        distinct = {spelling(text) for text in texts}
        documents = Counter(word for text in distinct for word in set(words_of(text)))
        if not documents:
            raise DataError("bag of words", "has no text with a word to learn from", "give descriptions")
        self._place = {word: place for place, word in enumerate(sorted(documents))}
        counts = np.array([documents[word] for word in self._place])
        self._weights = np.log((1 + len(distinct)) / (1 + counts)) + 1
        self.width = len(documents)
        learned = as_json([len(distinct), sorted(documents.items())])
        self.checksum = hashlib.sha256(learned.encode()).hexdigest()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return weighted counts (n, width) of unit length; see the contract.

        Raises:
            DataError: A text has none of the words.
        """
        check_texts(texts)
        rows = np.zeros((len(texts), self.width))
        for row, text in zip(rows, texts, strict=True):
            for word in words_of(text):
                if word in self._place:
                    row[self._place[word]] += self._weights[self._place[word]]
            if not row.any():
                raise DataError(f"text {text!r}", "has no word of the training texts", "use words of the descriptions")
        return unit_rows(rows, self.name)

    def unknown_words(self, text: str) -> list[str]:
        """Return the words that no training text has."""
        return [word for word in dict.fromkeys(words_of(text)) if word not in self._place]
