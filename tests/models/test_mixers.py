"""One encoder for any layout: the same weights read other rings, rates and no rings; time and absent bins count."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from emgasr.errors import ConfigError
from emgasr.frontend.features import SharedAxisConfig, build_features
from emgasr.models.conformer import ConformerConfig, ConformerEncoder
from emgasr.models.encoder import FrameShape
from emgasr.models.mixers import MOST_BANDS, AnyMixer

CONFIG = ConformerConfig(
    mixing="any",
    width=16,
    blocks=1,
    intermediate_block=0,
    heads=2,
    kernel=3,
    mixer_channels=6,
    subsampling=2,
    chunk_frames=2,
    left_chunks=2,
)
LAYOUTS = {
    "4": FrameShape(1, 4, 5),
    "8": FrameShape(1, 8, 5),
    "10": FrameShape(1, 10, 5),
    "16": FrameShape(1, 16, 5),
    "2 x 16": FrameShape(2, 16, 5),
    "no ring": FrameShape(1, 6, 5, (False,)),
    "slow": FrameShape(1, 8, 5, (True,), ((True, True, True, False, False),)),
}


def built(shape: FrameShape, weights: Any = None) -> ConformerEncoder:
    torch.manual_seed(0)
    encoder = ConformerEncoder(CONFIG, shape)
    torch.nn.init.normal_(encoder.mixer.get_parameter("absent"))
    if weights is not None:
        encoder.load_state_dict(weights)
    return encoder.double().eval()


def noise(shape: FrameShape, frames: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, frames, *shape.sizes, dtype=torch.float64, generator=generator)


def hidden(encoder: ConformerEncoder, frames: Tensor) -> Tensor:
    return encoder(frames, torch.tensor([frames.shape[1]])).hidden


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_same_weights_read_every_layout(name: str) -> None:
    weights = built(LAYOUTS["8"]).state_dict()
    shape = LAYOUTS[name]
    encoder = built(shape, weights)
    frames = noise(shape)
    found = hidden(encoder, frames)
    assert found.shape == (1, 6, 16)
    assert found.std() > 0.1
    later = frames[:, torch.randperm(12, generator=torch.Generator().manual_seed(2))]
    assert not torch.allclose(hidden(encoder, later), found)
    assert not torch.allclose(hidden(encoder, later).mean(1), found.mean(1))  # no bag of frames


def test_an_image_drawn_on_more_electrodes_is_read_alike() -> None:
    # What varies smoothly round the arm is the same image on 8 electrodes and on 16.
    weights = built(LAYOUTS["8"]).state_dict()
    angle8, angle16 = torch.arange(8) / 8, torch.arange(16) / 16
    level = torch.randn(12, 1, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    images = [level[None, :, None] * (2 * torch.pi * angle).cos()[:, None].double() for angle in (angle8, angle16)]
    eight = hidden(built(LAYOUTS["8"], weights), images[0])
    sixteen = hidden(built(LAYOUTS["16"], weights), images[1])
    turned = hidden(built(LAYOUTS["8"], weights), images[0].roll(3, 3))
    assert (sixteen - eight).abs().mean() < 0.25 * (turned - eight).abs().mean()


def test_a_band_that_is_absent_is_not_one_that_is_zero() -> None:
    weights = built(LAYOUTS["8"]).state_dict()
    slow, fast = built(LAYOUTS["slow"], weights), built(LAYOUTS["8"], weights)
    frames = noise(LAYOUTS["8"])
    anything, silent = frames.clone(), frames.clone()
    anything[..., 3:], silent[..., 3:] = 99.0, 0.0
    torch.testing.assert_close(hidden(slow, anything), hidden(slow, frames))
    assert not torch.allclose(hidden(fast, silent), hidden(slow, frames))


def test_two_bands_are_told_apart() -> None:
    encoder = built(LAYOUTS["2 x 16"])
    torch.nn.init.normal_(encoder.mixer.get_parameter("which"))
    frames = noise(LAYOUTS["2 x 16"])
    assert not torch.allclose(hidden(encoder, frames), hidden(encoder, frames.flip(2)))


def test_electrodes_of_no_ring_are_read_in_any_order() -> None:
    encoder = built(LAYOUTS["no ring"])
    frames = noise(LAYOUTS["no ring"])
    torch.testing.assert_close(hidden(encoder, frames[:, :, :, [3, 1, 5, 0, 2, 4]]), hidden(encoder, frames))


def test_more_bands_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ConfigError, match="reads 8 bands at most, not 9"):
        built(FrameShape(MOST_BANDS + 1, 2, 5))


def test_a_ring_that_runs_the_other_way_round_is_counted_and_seen_so() -> None:
    features = build_features(SharedAxisConfig(), 200.0, 1, 8)
    samples = torch.randn(1, 200, 8, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 9)
    frames, _ = features(samples, torch.tensor([200]))
    other, _ = features(samples.flip(2).roll(1, 2), torch.tensor([200]))  # as the band on the other arm records it
    mixer = AnyMixer(FrameShape(1, 8, features.bins, angles=features.angles), 16, 6, 1, reversal=1.0)
    reversed_, places = mixer._put_on(frames)
    torch.testing.assert_close(places @ reversed_, mixer.shares @ other, rtol=1e-4, atol=1e-4)


def test_turns_are_drawn_for_each_item_in_training_alone() -> None:
    shape = FrameShape(1, 8, 5)
    torch.manual_seed(0)
    mixer = AnyMixer(shape, 16, 6, 1, turn_sd=0.2)
    frames = noise(shape).float().repeat(2, 1, 1, 1, 1)
    first, second = mixer.pooled(frames)
    assert not torch.allclose(first, second)
    torch.manual_seed(5)
    again = mixer.pooled(frames)
    torch.manual_seed(5)
    assert torch.equal(mixer.pooled(frames), again)
    first, second = mixer.eval().pooled(frames)
    assert torch.equal(first, second)


@pytest.mark.process
def test_a_network_is_outlined_without_the_compiler() -> None:
    """Every model that is read is outlined first: torch._dynamo would take a second each time."""
    program = (
        "import sys, torch; from emgasr.models.conformer import ConformerConfig, ConformerEncoder; "
        "from emgasr.models.encoder import FrameShape; torch.set_default_device('meta'); "
        "[ConformerEncoder(ConformerConfig(mixing=kind), FrameShape(1, 8, 15)) for kind in ('any', 'ring', 'free')]; "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
