"""Emissions in, the collapsed best path out: the most likely label of each frame, no search and no language model."""

from __future__ import annotations

import numpy as np

from emgasr.decoding.hypothesis import Evidence, Hypothesis, checked
from emgasr.decoding.margin import margins


def greedy(emissions: np.ndarray) -> Hypothesis:
    """Return the tokens of the single most likely alignment of emissions (F, V); its log-probability is the score."""
    emissions = checked(emissions, np.shape(emissions)[-1])
    path = emissions.argmax(axis=1)
    best = emissions.max(axis=1)
    changes = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(changes, len(path))[1:]
    runs = [(int(start), int(end)) for start, end in zip(changes, ends, strict=True) if path[start] != 0]
    firsts, lasts = (np.array([run[end] - end for run in runs], np.int64) for end in (0, 1))
    leads = margins(emissions, path[firsts].astype(np.int64), firsts, lasts).tolist()
    score = float(best.sum())
    return Hypothesis(
        ids=tuple(int(path[start]) for start, _ in runs),
        frames=tuple(start for start, _ in runs),
        confidences=tuple(float(np.exp(best[start:end].max())) for start, end in runs),
        score=score,
        acoustic=score,
        lm=0.0,
        evidence=tuple(map(Evidence, leads)),
    )
