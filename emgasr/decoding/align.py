"""Emissions and token ids in, the best alignment out: the frame at which each token begins, and its confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emgasr.errors import DataError


def align(emissions: np.ndarray, ids: Sequence[int]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the onset frame and the confidence (0-1) of each token in the most likely CTC alignment (Viterbi).

    Emissions (F, V) are natural logs, blank 0. A token's confidence is its highest emission within its frames.
    DataError if the tokens do not fit into the frames.
    """
    if not ids:
        return (), ()
    labels = np.zeros(2 * len(ids) + 1, dtype=np.int64)  # blank, token, blank, token, ... blank
    labels[1::2] = ids
    may_skip = np.zeros(len(labels), dtype=bool)  # past a blank, onto a token unlike the one before
    may_skip[3::2] = labels[3::2] != labels[1:-2:2]
    moves = np.zeros((len(emissions), len(labels)), dtype=np.int8)  # 0 stay, 1 from the label before, 2 skip a blank
    best = np.full(len(labels), -np.inf)
    best[0] = 0.0  # in front of the first frame: on the first blank
    for frame, row in enumerate(emissions):
        options = np.full((3, len(labels)), -np.inf)
        options[0] = best
        options[1, 1:] = best[:-1]
        options[2, 2:] = np.where(may_skip[2:], best[:-2], -np.inf)
        moves[frame] = options.argmax(axis=0)
        best = options.max(axis=0) + row[labels]
    position = len(labels) - 1 if len(emissions) and best[-1] >= best[-2] else len(labels) - 2
    if not len(emissions) or best[position] == -np.inf:
        raise DataError("alignment", f"{len(ids)} tokens do not fit into {len(emissions)} frames", "check the labels")
    frames = [0] * len(ids)
    confidences = [0.0] * len(ids)
    for frame in range(len(emissions) - 1, -1, -1):
        if position % 2:
            token = position // 2
            frames[token] = frame
            confidences[token] = max(confidences[token], float(np.exp(emissions[frame, labels[position]])))
        position -= int(moves[frame, position])
    return tuple(frames), tuple(confidences)
