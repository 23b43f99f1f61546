"""The Conformer: sizes and rates, what an output sees, batches and padding, impossible sizes."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from emgasr.errors import ConfigError
from emgasr.models.conformer import SIZES, ConformerConfig, ConformerEncoder
from emgasr.models.encoder import FrameShape

SMALL = ConformerConfig(
    width=8,
    blocks=2,
    heads=2,
    kernel=3,
    mixer_channels=4,
    subsampling=4,
    chunk_frames=2,
    left_chunks=2,
    intermediate_block=1,
)


def small(electrodes: int = 3, **changes: Any) -> ConformerEncoder:
    torch.manual_seed(0)
    encoder = ConformerEncoder(replace(SMALL, **changes), FrameShape(2, electrodes, 5))
    for name, parameter in encoder.named_parameters():
        if "distance_bias" in name:
            nn.init.normal_(parameter)
    return encoder.double().eval()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("size", "parameters"), [("S", 1_093_944), ("M", 5_205_844), ("L", 21_070_732)])
def test_sizes_have_their_parameters(size: str, parameters: int) -> None:
    encoder = ConformerEncoder(SIZES[size], FrameShape(2, 16, 33))
    assert sum(p.numel() for p in encoder.parameters()) == parameters


@pytest.mark.parametrize("size", SIZES)
def test_sizes_write_31_frames_a_second_of_125(size: str) -> None:
    encoder = ConformerEncoder(SIZES[size], FrameShape(2, 16, 33))
    assert 20 <= 125 / encoder.stride <= 31.25
    assert encoder.lookahead_frames == 15  # 120 ms


@pytest.mark.parametrize("subsampling", [1, 2, 4, 8])
@pytest.mark.parametrize("chunk_frames", [1, 3])
def test_an_output_sees_its_chunk_and_its_history_only(subsampling: int, chunk_frames: int) -> None:
    encoder = small(subsampling=subsampling, chunk_frames=chunk_frames)
    group = chunk_frames * subsampling
    count = encoder.history_frames + 3 * group
    frames = noise(1, count, 2, 3, 5).requires_grad_()
    hidden, lengths, _ = encoder(frames, torch.tensor([count]))
    assert hidden.shape[1] == lengths.item() == count // subsampling
    for chunk in (0, 1, hidden.shape[1] // chunk_frames - 2):
        begin = chunk * group
        out = hidden[0, chunk * chunk_frames : (chunk + 1) * chunk_frames, 0].sum()
        (gradient,) = torch.autograd.grad(out, frames, retain_graph=True)
        seen = gradient[0].abs().flatten(1).sum(1).nonzero().flatten()
        assert seen[-1] == begin + encoder.lookahead_frames
        assert seen[0] >= begin - encoder.history_frames
    # What is declared is at most a chunk a block more than what is seen: how far a kernel reaches into a chunk varies.
    assert seen[0] <= begin - encoder.history_frames + SMALL.blocks * group


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_less_than_a_group_gives_no_frame(frames: int) -> None:
    hidden, lengths, _ = small()(noise(1, frames, 2, 3, 5), torch.tensor([frames]))
    assert (hidden.shape, lengths.tolist()) == ((1, 0, 8), [0])


@pytest.mark.parametrize("electrodes", [1, 2, 3])
def test_any_number_of_electrodes_works(electrodes: int) -> None:
    hidden, _, _ = small(electrodes)(noise(1, 9, 2, electrodes, 5), torch.tensor([9]))
    assert hidden.shape == (1, 2, 8)


def test_a_ring_of_three_turned_by_one_electrode_sounds_the_same() -> None:
    mixer = small(electrodes=3).mixer  # with three electrodes, every rotation is averaged over
    frames, lengths = noise(1, 16, 2, 3, 5), torch.tensor([16])
    torch.testing.assert_close(mixer(frames.roll(1, 3), lengths), mixer(frames, lengths))


def test_the_intermediate_frames_are_returned_in_training_only() -> None:
    encoder = small()
    frames, lengths = noise(1, 16, 2, 3, 5), torch.tensor([16])
    assert encoder(frames, lengths).intermediate == ()
    encoded = encoder.train()(frames, lengths)
    assert [hidden.shape for hidden in encoded.intermediate] == [encoded.hidden.shape]
    assert encoder.eval()(frames, lengths).intermediate == ()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"subsampling": 3}, "power of two"),
        ({"subsampling": 0}, "subsampling: 0 is out of range"),
        ({"heads": 3}, "multiple of heads"),
        ({"heads": 0}, "heads"),
        ({"intermediate_block": 3}, "0..2"),
        ({"blocks": 0, "intermediate_block": 0}, "blocks"),
        ({"chunk_frames": 0}, "chunk_frames"),
        ({"left_chunks": -1}, "left_chunks"),
        ({"kernel": 0}, "kernel"),
        ({"width": 0}, "width"),
        ({"mixer_channels": 0}, "mixer_channels"),
        ({"dropout": 1.5}, "dropout"),
    ],
)
def test_impossible_sizes_are_refused(changes: dict[str, int], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        replace(SMALL, **changes)


@pytest.mark.parametrize("mixing", ["ring", "free"])
def test_only_a_ring_reads_its_turn_by_one_electrode_as_nearly_the_same(mixing: str) -> None:
    encoder = small(electrodes=8, mixing=mixing)
    if mixing == "free":
        nn.init.normal_(encoder.mixer.place)
    frames, length = noise(1, 32, 2, 8, 5), torch.tensor([32])
    straight, turned = encoder.mixer(frames, length), encoder.mixer(frames.roll(1, dims=3), length)
    other = encoder.mixer(noise(1, 32, 2, 8, 5).flip(1), length)
    near = ((turned - straight).norm() / (other - straight).norm()).item()
    assert (near < 0.75) == (mixing == "ring")


def test_electrodes_that_are_no_ring_do_not_reach_their_neighbors_before_they_are_flattened() -> None:
    mixer = small(electrodes=4, mixing="free").mixer
    frames = noise(1, 8, 2, 4, 5)
    changed = frames.clone()
    changed[..., 0, :] += 1
    (_, before), (_, after) = (mixer.step(x, None, mixer.start(1, x.dtype, x.device)) for x in (frames, changed))
    differs = (before[-1] - after[-1]).abs().amax(dim=(0, 1, 2, 3))
    assert differs[0] > 0
    assert not differs[1:].any()
