"""The patch Transformer: TinyMyo's size, and what TinyMyo lacks: an order of time."""

import pytest
import torch
from torch import Tensor, nn

from emgasr.errors import ConfigError
from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.patch_transformer import SMALL, PatchTransformerConfig, PatchTransformerEncoder


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_beside_its_positions_it_has_tinymyos_3_57_million_parameters() -> None:
    encoder = PatchTransformerEncoder(PatchTransformerConfig(), FrameShape(1, 16, 20))
    positions = encoder.place.numel() + sum(layer.attention.distance_bias.numel() for layer in encoder.layers)
    decoder = nn.Linear(192, 20)
    assert count(encoder) - positions == 3_563_328
    assert round((count(encoder) - positions + count(decoder)) / 1e6, 2) == 3.57  # as reported
    assert positions == 16 * 192 + 8 * 3 * (10 * 16 + 2 * 16 - 1)


def test_the_small_one_has_58_863_parameters_on_8_electrodes() -> None:
    assert count(PatchTransformerEncoder(SMALL, FrameShape(1, 8, 20))) == 58_863


def small() -> tuple[PatchTransformerEncoder, Tensor]:
    torch.manual_seed(0)
    encoder = PatchTransformerEncoder(SMALL, FrameShape(1, 4, 20)).double().eval()
    return encoder, torch.randn(1, 6, 1, 4, 20, dtype=torch.float64)


def test_a_permutation_of_time_or_of_electrodes_changes_the_answer() -> None:
    encoder, frames = small()
    lengths = torch.tensor([6])
    plain = encoder(frames, lengths).hidden[0, -1]
    in_time = encoder(frames[:, [3, 1, 4, 0, 2, 5]], lengths).hidden[0, -1]  # the last frame stays
    turned = encoder(frames.roll(1, 3), lengths).hidden[0, -1].unflatten(0, (4, -1)).roll(-1, 0).flatten()
    assert (in_time - plain).abs().max() > 1e-3
    assert (turned - plain).abs().max() > 1e-3


def test_a_single_layer_learns_which_of_two_frames_came_first() -> None:
    """A bag of patches cannot: both classes hold the same frames, and end with the same one."""
    torch.manual_seed(0)
    config = PatchTransformerConfig(width=16, layers=1, heads=2, expansion=1, left_frames=3, dropout=0.0)
    encoder, head = PatchTransformerEncoder(config, FrameShape(1, 2, 4)), nn.Linear(32, 2)
    generator = torch.Generator().manual_seed(1)
    first, second, last = torch.randn(3, 2, 4, generator=generator)
    frames = torch.stack([torch.stack([first, second, last]), torch.stack([second, first, last])])[:, :, None]
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], 1e-2)
    for _ in range(60):
        noisy = frames.repeat(16, 1, 1, 1, 1)
        noisy = noisy + 0.1 * torch.randn(noisy.shape, generator=generator)
        logits = head(encoder(noisy, torch.full((32,), 3)).hidden[:, -1])
        loss = nn.functional.cross_entropy(logits, torch.arange(2).repeat(16))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1  # log 2 is 0.69


def test_more_tokens_than_attention_can_compare_are_refused() -> None:
    with pytest.raises(ConfigError, match="8192 tokens"):
        PatchTransformerEncoder(PatchTransformerConfig(left_frames=1000), FrameShape(2, 16, 20))
    with pytest.raises(ConfigError, match="multiple of heads"):
        PatchTransformerConfig(width=10, heads=4)
