"""A trained encoder, takes and the teacher's embeddings of their gestures in; the linear map beside the queries out.

Ridge regression from the mean frame of a take, as the encoder makes it and as it was measured, to the teacher's
embedding of its gesture. It is solved at once, and has few weights: what it knows of one gesture holds for others,
while a network learns each gesture that it is shown by heart (ESZSL, Romera-Paredes and Torr 2015, solves the like).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from emgasr.crossmodal.aligning.layouts import Layout
from emgasr.crossmodal.aligning.objective import Aligned
from emgasr.crossmodal.takes import LONGEST_S
from emgasr.data.compose import Take
from emgasr.models.encoders.queries import QueriesEncoder
from emgasr.models.recognizer import Recognizer
from emgasr.pretraining.probe import normalized_by_person

MOST_TAKES = 100  # of a gesture in a layout
RIDGE = 0.1  # of the mean variance of the features


def fit_regression(aligned: Aligned, layouts: Sequence[Layout], samples: Mapping[str, np.ndarray]) -> None:
    """Fit the linear map of `aligned` to takes of training people; gestures of a layout count alike, as layouts do.

    Args:
        aligned: a trained encoder with `QueriesConfig.regressed` above 0.
        layouts: takes of training people, by the place of their reader.
        samples: (n, w) the teacher's embeddings that say what each gesture is.
    """
    gestures = sorted({take.label for one in layouts for take in one.taught})
    means = np.stack([samples[gesture].mean(0) for gesture in gestures]).astype(np.float64)
    middle = means.mean(0)
    regress, texts = _layers(aligned)
    directions = np.linalg.svd(means - middle, full_matrices=False)[2][: regress.out_features]
    wanted = (means - middle) @ directions.T
    wanted /= np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-9)
    found, targets, weights = [], [], []
    for place, one in enumerate(layouts):
        takes = _few(one.taught)
        found.append(mean_frames(aligned.readers[place], takes))
        own = np.array([gestures.index(take.label) for take in takes])
        targets.append(wanted[own])
        weights.append(1 / np.bincount(own)[own])
    x, y, w = np.concatenate(found).astype(np.float64), np.concatenate(targets), np.concatenate(weights)
    weight, bias = ridge(x, y, w / w.sum())
    forget_regression(aligned)
    rank = len(directions)
    with torch.no_grad():
        for layer, values, offset in ((regress, weight, bias), (texts, directions, -directions @ middle)):
            layer.weight[:rank] = torch.from_numpy(values.astype(np.float32))
            layer.bias[:rank] = torch.from_numpy(offset.astype(np.float32))


@torch.no_grad()
def forget_regression(aligned: Aligned) -> None:
    """Let the linear map give nothing."""
    for layer in _layers(aligned):
        layer.weight.zero_()
        layer.bias.zero_()


def _layers(aligned: Aligned) -> tuple[nn.Linear, nn.Linear]:
    """Return what is fitted of the signal's side and of the teacher's."""
    return cast(nn.Linear, aligned.encoder.regress), cast(nn.Linear, aligned.regressed)


def ridge(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights (r, f) and the offsets (r,) of ridge regression of y (n, r) on x (n, f), scaled to variance 1.

    Args:
        weights: (n,) share of each row, which sum to 1.
    """
    middle = weights @ x
    spread = np.sqrt(weights @ (x - middle) ** 2)
    spread = np.where(spread > 1e-6, spread, np.inf)  # what never varies says nothing
    scaled = (x - middle) / spread
    weighted = scaled * weights[:, None]
    solved = np.linalg.solve(weighted.T @ scaled + RIDGE * np.eye(x.shape[1]), weighted.T @ y).T / spread
    return solved, -solved @ middle


@torch.no_grad()
def mean_frames(recognizer: Recognizer, takes: Sequence[Take]) -> np.ndarray:
    """Return the mean frame (n, f) of each take, as the encoder makes it and as it was measured."""
    encoder = cast(QueriesEncoder, recognizer.encoder)
    rows = [np.zeros(0)] * len(takes)
    for places, frames, lengths in normalized_by_person(recognizer, takes, LONGEST_S):
        encoded = encoder.conformer(frames, lengths)
        both = encoder.beside(encoded.hidden)
        valid = torch.arange(both.shape[1], device=both.device) < encoded.lengths[:, None]
        mean = (both * valid[..., None]).sum(1) / encoded.lengths[:, None].clamp(min=1)
        for place, row in zip(places, mean.cpu().numpy(), strict=True):
            rows[place] = row
    return np.stack(rows)


def _few(takes: Sequence[Take]) -> list[Take]:
    """Return at most MOST_TAKES of each gesture, drawn alike for every run."""
    rng = np.random.default_rng(0)
    chosen: list[Take] = []
    for label in sorted({take.label for take in takes}):
        own = [take for take in takes if take.label == label]
        chosen += [own[place] for place in sorted(rng.permutation(len(own))[:MOST_TAKES])]
    return chosen
