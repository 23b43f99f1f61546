"""Similarities of signals and of what teachers say of them in; contrastive losses, one right answer or many, out.

A right answer is no single one here: many takes share a text, and many texts say one gesture. So targets are rows of
weights that sum to 1.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor
from torch.nn import functional


def similarity(parts: Tensor, others: Tensor) -> Tensor:
    """Return the cosine (B, M) of the nearest of the parts (B, Q, d) of each signal to each of `others` (M, d).

    All rows have unit length. EMBridge trains the query that is nearest to the pose.
    """
    return (parts @ others.T).amax(1)


def positives(left: Tensor, right: Tensor) -> Tensor:
    """Return (B, M) weights: each row shared alike by the columns of its class, given classes (B,) and (M,).

    A row whose class no column has is zero.
    """
    same = (left[:, None] == right[None]).float()
    return same / same.sum(1, keepdim=True).clamp(min=1)


def info_nce(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of rows of logits (B, M) against targets (B, M); rows without one are left out.

    Over the identity it is InfoNCE (van den Oord et al. 2018, arXiv 1807.03748); over `positives` that of several
    positives (Khosla et al. 2020, arXiv 2004.11362, the sum outside of the logarithm).
    """
    rows = targets.sum(1) > 0
    if not bool(rows.any()):
        return logits.sum() * 0.0
    return functional.cross_entropy(logits[rows], targets[rows])


def symmetric(logits: Tensor, left: Tensor, right: Tensor, multi_positive: bool) -> Tensor:
    """Return the mean of both directions' losses, of logits (B, M) of signals and texts of classes (B,) and (M,).

    Args:
        logits: scaled similarities; column i of the first B is the text that was drawn for signal i.
        left: class of each signal.
        right: class of each text.
        multi_positive: whether all texts of its class are right for a signal; False: the one that was drawn alone.
    """
    if multi_positive:
        there, back = positives(left, right), positives(right, left)
    else:
        there = torch.eye(*logits.shape, device=logits.device)
        back = there.T.contiguous()
    return 0.5 * (info_nce(logits, there) + info_nce(logits.T, back))


def cluster_affinities(embeddings: np.ndarray, clusters: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cluster of each of a teacher's embeddings (n, w), and the cosines (K, K) of the clusters' centers.

    k-means of unit rows; K is `clusters`, or the number of different rows if that is less.
    """
    rows = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    count = min(clusters, len(np.unique(rows, axis=0)))
    centers, found = kmeans2(rows.astype(np.float64), count, minit="++", seed=np.random.default_rng(seed))
    centers /= np.maximum(np.linalg.norm(centers, axis=1, keepdims=True), 1e-12)
    return found.astype(np.int64), (centers @ centers.T).astype(np.float32)


def soft_targets(affinities: Tensor, left: Tensor, right: Tensor, top: int, temperature: float) -> Tensor:
    """Return (B, M) weights of texts that resemble each signal's own: those of the nearest clusters, the own left out.

    As EMBridge reports it: cosine affinities of clusters, the `top` highest of a row, the diagonal dropped, a softmax.

    Args:
        affinities: (K, K) of clusters.
        left: (B,) cluster of each signal's own text.
        right: (M,) cluster of each text; text i of the first B is signal i's own.
        top: texts that keep a weight.
        temperature: of the softmax.
    """
    near = affinities[left][:, right]
    own = torch.eye(*near.shape, dtype=torch.bool, device=near.device)
    near = near.masked_fill(own, -torch.inf)
    least = near.topk(min(top, near.shape[1] - 1), dim=1).values[:, -1:]
    return (near.masked_fill(near < least, -torch.inf) / temperature).softmax(1)
