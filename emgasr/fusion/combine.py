"""Log-probabilities that several models give one frame in; those of all of them together out.

A frame that a single model answers is its own row, to the bit: a temperature is for what is compared with others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CERTAIN_BLANK = -30.0  # natural log-probability of each key in a frame that nobody answers


def log_sum(values: np.ndarray, axis: int) -> np.ndarray:
    """Return the log of a sum of exponentials along an axis, -inf where all are."""
    most = values.max(axis, keepdims=True)
    most = np.where(np.isfinite(most), most, 0.0)
    with np.errstate(divide="ignore"):
        found: np.ndarray = np.log(np.exp(values - most).sum(axis)) + most.squeeze(axis)
    return found


def tempered(rows: np.ndarray, temperature: float) -> np.ndarray:
    """Return log-probabilities (..., V) divided by a temperature and normalized again; 1 changes nothing."""
    if temperature == 1:
        return rows
    scaled = rows / temperature
    return scaled - log_sum(scaled, -1)[..., None]


def pooled(rows: np.ndarray, ratio: int) -> np.ndarray:
    """Return log-probabilities (F, V) on a grid that is `ratio` times coarser, given (F * ratio, V).

    What a coarse frame says of a symbol is the sum over all paths through its fine frames that read it alone, as CTC
    reads them, and of the blank that over the path of blanks. Paths of several symbols, which no frame can hold, are
    left out, and the rest is normalized.
    """
    if ratio == 1:
        return rows
    blocks = rows.reshape(len(rows) // ratio, ratio, rows.shape[1]).astype(np.float64)
    blank, symbols = blocks[..., :1], blocks[..., 1:]
    before = np.full_like(symbols[:, 0], -np.inf)  # ends in the symbol, all earlier ones blank or it
    done = before.copy()  # the symbol was read, and blanks follow
    silent = np.zeros_like(blank[:, 0])
    for place in range(ratio):
        done = np.logaddexp(done, before) + blank[:, place]
        before = np.logaddexp(before, silent) + symbols[:, place]
        silent = silent + blank[:, place]
    found = np.concatenate([silent, np.logaddexp(before, done)], 1)
    return found - log_sum(found, 1)[:, None]


def fused(
    rows: np.ndarray, inside: np.ndarray, kind: str, temperatures: Sequence[float], weights: Sequence[float]
) -> np.ndarray:
    """Return log-probabilities (F, V) of all models together.

    Args:
        rows: (F, N, V) of N models.
        inside: (F, N) bool, whether a model answers a frame.
        kind: "arithmetic": the weighted mean of probabilities; "geometric": of their logs, normalized.
        temperatures: of the models.
        weights: of the models; those that answer a frame share it by theirs.
    """
    found = np.full((len(rows), rows.shape[2]), CERTAIN_BLANK, rows.dtype)
    found[:, 0] = 0.0
    counted = inside & (np.asarray(weights) > 0)
    counted = np.where(counted.any(1, keepdims=True), counted, inside)
    for pattern in np.unique(counted, axis=0):
        here = (counted == pattern).all(1)
        places = np.flatnonzero(pattern).tolist()
        if len(places) == 1:
            found[here] = rows[here, places[0]]
        elif len(places):
            share = np.array([weights[place] for place in places], np.float64)
            share = share / share.sum() if share.sum() else np.full(len(places), 1 / len(places))
            chosen = [tempered(rows[here, place].astype(np.float64), temperatures[place]) for place in places]
            found[here] = _mean(np.stack(chosen, 1), share, kind)
    return found


def _mean(rows: np.ndarray, share: np.ndarray, kind: str) -> np.ndarray:
    if kind == "arithmetic":
        return log_sum(rows + np.log(share)[:, None], 1)
    mean: np.ndarray = (rows * share[:, None]).sum(1)
    normal = log_sum(mean, 1)
    apart = ~np.isfinite(normal)  # no symbol that all of them hold possible
    if apart.any():
        mean[apart] = log_sum(rows[apart] + np.log(share)[:, None], 1)
        normal[apart] = 0.0
    return mean - normal[:, None]
