"""Texts in, random directions out: a teacher without meaning. What learns from it reads unseen texts by chance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from emgasr.crossmodal.descriptions import spelling
from emgasr.crossmodal.teachers.contract import check_texts, unit_rows


class RandomControl:
    """A direction for each spelling of a text, drawn from all directions alike; the same on every machine.

    Args:
        seed: another seed gives other directions.
        width: length of an embedding.
    """

    kind = "random"
    languages: tuple[str, ...] = ()

    def __init__(self, seed: int, width: int) -> None:
        self.name = f"random vectors (seed {seed})"
        self.width = width
        self.checksum = hashlib.sha256(f"random {seed} {width}".encode()).hexdigest()
        self._seed = seed

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Return directions (n, width); see the contract."""
        check_texts(texts)
        rows = np.empty((len(texts), self.width))
        for row, text in zip(rows, texts, strict=True):
            # The bits of a hash, not of a generator: numpy may change the streams of its generators.
            drawn = hashlib.shake_256(f"{self._seed} {spelling(text)}".encode()).digest(4 * self.width)
            row[:] = ndtri((np.frombuffer(drawn, "<u4") + 0.5) / 2**32)
        return unit_rows(rows, self.name)

    def unknown_words(self, text: str) -> list[str]:
        """Return no word: it knows none from another."""
        return []
