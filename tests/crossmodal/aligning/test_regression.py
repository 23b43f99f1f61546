"""The linear map beside the queries: what least squares says, and gestures that no training saw by what they share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emgasr.crossmodal.aligning.regression import RIDGE, ridge
from emgasr.errors import ConfigError
from emgasr.models.encoders.queries import QueriesConfig
from emgasr.pretraining.config import ENCODER


def test_ridge_is_least_squares_with_a_row_more_for_each_feature() -> None:
    rng = np.random.default_rng(0)
    x, y, shares = rng.normal(size=(50, 6)) * [1, 5, 0.1, 1, 1, 1] + 3, rng.normal(size=(50, 2)), rng.random(50)
    shares /= shares.sum()
    weight, bias = ridge(x, y, shares)
    middle = np.average(x, axis=0, weights=shares)
    spread = np.sqrt(np.average((x - middle) ** 2, axis=0, weights=shares))
    rows = np.concatenate([(x - middle) / spread * np.sqrt(shares)[:, None], np.sqrt(RIDGE) * np.eye(6)])
    wanted = np.concatenate([y * np.sqrt(shares)[:, None], np.zeros((6, 2))])
    solved = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    assert x @ weight.T + bias == pytest.approx((x - middle) / spread @ solved, abs=1e-9)


def test_a_feature_that_never_varies_has_no_say() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(20, 2)), np.full((20, 1), 7.0)], 1)
    weight, _ = ridge(x, rng.normal(size=(20, 3)), np.full(20, 1 / 20))
    assert (weight[:, 2] == 0).all()
    assert (weight[:, :2] != 0).all()


def test_likeness_is_shared_between_the_queries_and_the_map() -> None:
    config = QueriesConfig(conformer=ENCODER, embedding=3, regressed=2, regressed_share=0.3, image=True)
    rows = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    one, other = config.unit(rows)
    cosines = [torch.cosine_similarity(rows[0, part], rows[1, part], dim=0) for part in (slice(3), slice(3, 5))]
    assert float(one @ other) == pytest.approx(0.7 * float(cosines[0]) + 0.3 * float(cosines[1]), abs=1e-6)
    assert float(one.norm()) == pytest.approx(1.0)


def test_the_map_needs_frames_beside() -> None:
    with pytest.raises(ConfigError, match=r"encoder\.image is false"):
        QueriesConfig(regressed=4)
