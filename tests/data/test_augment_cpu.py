"""Bands moved in one pass are those that tensors of indices give."""

from __future__ import annotations

import pytest
import torch

from emgasr.data.augment import Augment, AugmentConfig
from emgasr.data.augment_cpu import moved


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_pass_moves_bands_as_indices_do(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    bands = torch.randn(5, 40, 2, 4, generator=generator, dtype=dtype)
    lengths = torch.tensor([40, 31, 7, 1, 0])
    offsets = torch.randint(-9, 10, (5, 2), generator=generator)
    turns = torch.randint(-5, 6, (5, 2), generator=generator).float()
    augment = Augment(AugmentConfig(band_jitter_ms=60, rotation_electrodes=1), 200.0, [True, True], (2, 4, 3))
    expected = augment._rotate(augment._shift(bands, lengths, offsets), turns)
    assert torch.equal(moved(bands, lengths, offsets, turns), expected)


def test_the_input_is_left_as_it_was() -> None:
    bands = torch.randn(1, 10, 1, 4).transpose(1, 3).contiguous().transpose(1, 3)  # not laid out as it is read
    before = bands.clone()
    moved(bands, torch.tensor([10]), torch.tensor([[3]]), torch.tensor([[1.0]]))
    assert torch.equal(bands, before)
