"""Contrastive losses against what numpy computes by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from emgasr.crossmodal.aligning.losses import (
    cluster_affinities,
    info_nce,
    positives,
    similarity,
    soft_targets,
    symmetric,
)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_likeness_is_that_of_the_nearest_part() -> None:
    rng = np.random.default_rng(0)
    parts, others = unit(rng.normal(size=(5, 3, 4))), unit(rng.normal(size=(6, 4)))
    found = similarity(torch.from_numpy(parts), torch.from_numpy(others)).numpy()
    for row in range(5):
        for column in range(6):
            assert found[row, column] == pytest.approx(max(part @ others[column] for part in parts[row]))


def test_every_text_of_its_gesture_is_right_for_a_take_and_shares_its_weight() -> None:
    found = positives(torch.tensor([0, 2, 3]), torch.tensor([2, 0, 2, 1]))
    assert found.tolist() == [[0, 1, 0, 0], [0.5, 0, 0.5, 0], [0, 0, 0, 0]]


def test_the_loss_of_several_positives_is_their_mean_log_probability() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(4, 6))
    left, right = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2, 0, 1])
    found = symmetric(*map(torch.from_numpy, (logits, left, right)), multi_positive=True)
    there = np.mean([-log_softmax(row)[right == label].mean() for row, label in zip(logits, left, strict=True)])
    back = np.mean([-log_softmax(row)[left == label].mean() for row, label in zip(logits.T, right, strict=True)])
    assert float(found) == pytest.approx((there + back) / 2, rel=1e-5)


def test_alone_the_text_that_was_drawn_is_right_even_where_another_says_the_same() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(3, 3))
    same = torch.zeros(3, dtype=torch.long)
    found = symmetric(torch.from_numpy(logits), same, same, multi_positive=False)
    expected = -(np.diag(log_softmax(logits, axis=1)).mean() + np.diag(log_softmax(logits, axis=0)).mean()) / 2
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_rows_without_a_target_do_not_count_and_none_at_all_is_no_loss() -> None:
    logits = torch.tensor([[1.0, 0.0], [5.0, -5.0]], requires_grad=True)
    targets = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    assert float(info_nce(logits, targets).detach()) == pytest.approx(float(-log_softmax([1.0, 0.0])[1]))
    nothing = info_nce(logits, torch.zeros(2, 2))
    nothing.backward()
    assert float(nothing.detach()) == 0.0
    assert not logits.grad.any()  # type: ignore[union-attr]


def test_clusters_find_groups_that_are_there_and_their_likeness() -> None:
    rng = np.random.default_rng(3)
    centers = unit(np.array([[1.0, 0, 0], [0.9, 0.44, 0], [0, 0, 1.0]]))
    rows = unit(centers[np.repeat([0, 1, 2], 20)] + 0.01 * rng.normal(size=(60, 3)))
    found, affinities = cluster_affinities(rows, 3, seed=0)
    groups = [set(found[first : first + 20].tolist()) for first in (0, 20, 40)]
    assert [len(group) for group in groups] == [1, 1, 1]
    a, b, c = (group.pop() for group in groups)
    assert affinities[a, b] == pytest.approx(centers[0] @ centers[1], abs=0.01)
    assert affinities[a, c] == pytest.approx(0, abs=0.02)


def test_there_are_no_more_clusters_than_different_texts() -> None:
    found, affinities = cluster_affinities(np.eye(3)[[0, 0, 1, 2, 2]], 32, seed=0)
    assert affinities.shape == (3, 3)
    assert len(set(found.tolist())) == 3


def test_soft_targets_are_shares_of_the_nearest_others() -> None:
    affinities = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.2], [0.1, 0.2, 1.0]], np.float32)
    own = torch.tensor([0, 1, 2, 0])
    found = soft_targets(torch.from_numpy(affinities), own, own, top=2, temperature=0.5).numpy()
    assert found.sum(1) == pytest.approx(np.ones(4))
    assert not np.diag(found).any()
    # The first one resembles the last (the same cluster) and the second; the third is beyond the two nearest.
    expected = softmax(np.array([0.8, 1.0]) / 0.5)
    assert found[0] == pytest.approx([0, expected[0], 0, expected[1]])
