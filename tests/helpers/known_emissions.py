"""Emissions whose best path is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emgasr.tokens import Tokens

KEYS = Tokens.keystrokes()


def emissions_of(symbols: Sequence[str], tokens: Tokens = KEYS, sure: float = 0.9) -> np.ndarray:
    """Emissions (2 n + 1, V) whose best path is the symbols with blanks between."""
    probabilities = np.full((2 * len(symbols) + 1, len(tokens)), (1 - sure) / (len(tokens) - 1))
    probabilities[::2, 0] = sure
    for position, number in enumerate(tokens.ids(symbols)):
        probabilities[2 * position + 1, number] = sure
    return np.log(probabilities).astype(np.float32)
