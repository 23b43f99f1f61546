"""Emissions and token ids in, the best alignment out: the frame at which each token begins, and its confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emgasr.errors import DataError
from emgasr.runtime.compiled import compiled


def align(emissions: np.ndarray, ids: Sequence[int]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the onset frame and the confidence (0-1) of each token in the most likely CTC alignment (Viterbi).

    Emissions (F, V) are natural logs, blank 0. A token's confidence is its highest emission within its frames.
    DataError if the tokens do not fit into the frames.
    """
    if not ids:
        return (), ()
    frames, _, confidences = best_alignment(np.asarray(emissions, np.float64), np.asarray(ids, np.int64), False)
    if not len(frames):
        raise DataError("alignment", f"{len(ids)} tokens do not fit into {len(emissions)} frames", "check the labels")
    return tuple(frames.tolist()), tuple(confidences.tolist())


@compiled(nogil=True)
def best_alignment(emissions: np.ndarray, ids: np.ndarray, anchored: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and last frames and confidences of `ids` (n,) in emissions (F, V); all empty if they do not fit.

    With `anchored` the first of them begins in the first frame.
    """
    count = len(emissions)
    labels = np.zeros(2 * len(ids) + 1, np.int64)  # blank, token, blank, token, ... blank
    for place in range(len(ids)):
        labels[2 * place + 1] = ids[place]
    frames, lasts, confidences = np.zeros(len(ids), np.int64), np.full(len(ids), -1, np.int64), np.zeros(len(ids))
    moves = np.zeros((count, len(labels)), np.int8)  # 0 stay, 1 from the label before, 2 skip a blank
    skip = np.full(len(labels), -np.inf)  # 0 where a blank may be skipped
    for position in range(3, len(labels), 2):
        if labels[position] != labels[position - 2]:
            skip[position] = 0.0
    # The best score that ends at each position, behind two that none can; and the frame's, which takes turns with it.
    best, after = np.full(len(labels) + 2, -np.inf), np.full(len(labels) + 2, -np.inf)
    best[3 if anchored else 2] = 0.0  # in front of the first frame: on the first blank
    emitted = np.empty(len(labels))
    for frame in range(count):
        for position in range(len(labels)):
            emitted[position] = emissions[frame, labels[position]]
        if anchored and frame == 0:
            after[3] = emitted[1]
        else:
            _move(best, skip, emitted, after, moves[frame])
        best, after = after, best
    position = len(labels) - 1
    if best[position + 1] > best[position + 2]:
        position -= 1
    if count == 0 or best[position + 2] == -np.inf:
        return frames[:0], lasts[:0], confidences[:0]
    for frame in range(count - 1, -1, -1):
        if position % 2:
            frames[position // 2] = frame
            lasts[position // 2] = max(lasts[position // 2], frame)
            confidence = np.exp(emissions[frame, labels[position]])
            confidences[position // 2] = max(confidences[position // 2], confidence)
        position -= moves[frame, position]
    return frames, lasts, confidences


@compiled(nogil=True)
def _move(best: np.ndarray, skip: np.ndarray, emitted: np.ndarray, after: np.ndarray, moves: np.ndarray) -> None:
    """One frame for all positions at once: without branches, several in one machine instruction."""
    for position in range(len(moves)):
        highest, move = best[position + 2], np.int8(0)
        one, two = best[position + 1], best[position] + skip[position]
        move = np.int8(1) if one > highest else move
        highest = max(highest, one)
        move = np.int8(2) if two > highest else move
        highest = max(highest, two)
        after[position + 2] = highest + emitted[position]
        moves[position] = move
