"""The temporal convolutional network: its reach, its size, and its sums by hand."""

import pytest
import torch
from torch import nn

from emgasr.errors import ConfigError
from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.tcn import TCNConfig, TCNEncoder


@pytest.mark.parametrize(("kernel", "blocks", "reach"), [(3, 1, 4), (3, 3, 28), (2, 4, 30), (1, 5, 0)])
def test_the_reach_doubles_with_every_block(kernel: int, blocks: int, reach: int) -> None:
    config = TCNConfig(width=4, kernel=kernel, blocks=blocks)
    assert TCNEncoder(config, FrameShape(1, 2, 3)).history_frames == reach  # of Bai et al.: 1 + 2 (k - 1)(2^n - 1)


def test_the_default_has_82_624_parameters_on_a_ring_of_8_with_15_bins() -> None:
    encoder = TCNEncoder(TCNConfig(), FrameShape(1, 8, 15))
    embed, convolutions = 120 * 64 + 64, 6 * (3 * 64 * 64 + 64)
    assert sum(p.numel() for p in encoder.parameters()) == embed + convolutions + 6 * 2 * 64 == 82_624


def test_one_block_adds_two_convolutions_to_what_goes_in() -> None:
    torch.manual_seed(0)
    encoder = TCNEncoder(TCNConfig(width=5, kernel=2, blocks=2), FrameShape(1, 1, 5)).double().eval()
    encoder.embed = nn.Identity()  # type: ignore[assignment]
    frames = torch.randn(1, 9, 1, 1, 5, dtype=torch.float64)
    x = frames[0, :, 0, 0]
    for block, dilation in enumerate((1, 2)):
        y = x
        for half in (0, 1):
            layer = encoder.convolutions[2 * block + half]
            before = torch.cat([torch.zeros(dilation, 5, dtype=torch.float64), y])[:9]
            weight = layer.conv.weight  # (out, in, taps), the oldest tap first
            y = before @ weight[:, :, 0].T + y @ weight[:, :, 1].T + layer.conv.bias
            y = (y - y.mean(1, keepdim=True)) / (y.var(1, keepdim=True, correction=0) + layer.norm.eps).sqrt()
            y = y.clamp(min=0)
        x = (x + y).clamp(min=0)
    torch.testing.assert_close(encoder(frames, torch.tensor([9])).hidden[0], x, rtol=0, atol=1e-12)


def test_a_reach_that_fits_no_memory_is_refused() -> None:
    with pytest.raises(ConfigError, match="blocks"):
        TCNConfig(blocks=13)
