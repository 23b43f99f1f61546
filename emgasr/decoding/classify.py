"""Emissions of a recording that holds exactly one token in, that token out."""

from __future__ import annotations

import numpy as np

from emgasr.decoding.hypothesis import checked


def classify(emissions: np.ndarray) -> int:
    """Return the token whose sequence of one has the highest probability, summed over its alignments.

    Emissions (F, V) are natural logs, blank 0; every frame has its say, where the collapsed best path may hold no token
    or two. The lowest id wins a tie.
    """
    emissions = checked(emissions, np.shape(emissions)[-1])
    blank = 0.0  # of the alignments that are still in front of the token; the others are one number a token
    inside = np.full(emissions.shape[1] - 1, -np.inf)
    behind = inside.copy()
    for row in emissions:
        behind = np.logaddexp(behind, inside) + row[0]
        inside = np.logaddexp(inside, blank) + row[1:]
        blank += row[0]
    return 1 + int(np.logaddexp(inside, behind).argmax())
