"""Tokens with what speaks for them in, numbers that are the higher the surer they are out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emgasr.decoding.hypothesis import Evidence

# Of a token: each is monotone in what it is made of.
OF_TOKENS = ("posterior", "margin", "share", "wait")
# Of a word or a segment, made from the probabilities of its tokens.
OF_GROUPS = ("weakest", "typical", "together")
POSTERIOR_EDGE, SHARE_EDGE, TOKEN_EDGE = (
    1e-6,
    1e-3,
    1e-4,
)  # log-odds are bounded where a probability is nearer to 0 or 1


def token_features(confidences: Sequence[float], evidence: Sequence[Evidence]) -> np.ndarray:
    """Return the features (n, OF_TOKENS) of tokens.

    Args:
        confidences: (n,) of each token the highest probability that a frame gives to it.
        evidence: (n,) what else speaks for it.
    """
    found = np.array(evidence, np.float64).reshape(len(confidences), len(Evidence._fields))
    margin, share, wait = found.T
    posterior = log_odds(np.asarray(confidences, np.float64), POSTERIOR_EDGE)
    patience = -np.log1p(np.maximum(wait, 0))
    return np.stack([posterior, np.arcsinh(margin), log_odds(share, SHARE_EDGE), patience], axis=1)


def group_features(groups: Sequence[np.ndarray]) -> np.ndarray:
    """Return the features (n, OF_GROUPS) of words or segments, given the probabilities of the tokens of each."""
    rows = np.zeros((len(groups), len(OF_GROUPS)))
    for row, probabilities in zip(rows, groups, strict=True):
        odds = log_odds(probabilities, TOKEN_EDGE)
        row[:] = odds.min(), odds.mean(), np.log(np.clip(probabilities, TOKEN_EDGE, 1)).sum()
    return rows


def log_odds(probabilities: np.ndarray, edge: float) -> np.ndarray:
    """Return the natural log-odds of probabilities, those nearer than `edge` to 0 or 1 taken for it."""
    bounded = np.clip(probabilities, edge, 1 - edge)
    return np.log(bounded) - np.log1p(-bounded)
