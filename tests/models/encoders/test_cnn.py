"""The convolutional network: rings go round, bars end, kernels look back."""

import pytest
import torch

from emgasr.errors import ConfigError
from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.cnn import CNNConfig, CNNEncoder

SMALL = CNNConfig(channels=(4, 6), width=8)


def hidden(ring: bool, roll: int) -> torch.Tensor:
    """What a network that asks of all electrodes alike makes of turned frames."""
    torch.manual_seed(0)
    encoder = CNNEncoder(SMALL, FrameShape(1, 5, 3, rings=(ring,))).double().eval()
    with torch.no_grad():
        weight = encoder.connected.weight.unflatten(1, (6, 5))
        weight.copy_(weight.mean(2, keepdim=True).expand(-1, -1, 5))
    frames = torch.randn(1, 20, 1, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found: torch.Tensor = encoder(frames.roll(roll, 3), torch.tensor([20])).hidden
    return found


def test_a_ring_has_no_first_electrode_and_a_bar_has_one() -> None:
    torch.testing.assert_close(hidden(True, 2), hidden(True, 0), rtol=0, atol=1e-12)
    assert (hidden(False, 2) - hidden(False, 0)).abs().max() > 1e-3


def test_each_convolution_looks_further_back() -> None:
    assert CNNEncoder(SMALL, FrameShape(1, 8, 21)).history_frames == 4
    assert CNNEncoder(CNNConfig(channels=(4, 4, 4), kernel=5), FrameShape(1, 8, 21)).history_frames == 12


def test_the_default_has_75_363_parameters_on_a_ring_of_8_with_21_frequencies() -> None:
    encoder = CNNEncoder(CNNConfig(), FrameShape(1, 8, 21))
    convolutions = 9 * 21 * 32 + 32 + 9 * 32 * 64 + 64
    norms, bends, connected = 2 * 8 * (32 + 64), 3, 8 * 64 * 96 + 96
    assert sum(p.numel() for p in encoder.parameters()) == convolutions + norms + bends + connected == 75_363


@pytest.mark.parametrize(("changes", "wrong"), [({"channels": ()}, "empty"), ({"electrodes_kernel": 2}, "even")])
def test_what_is_no_network_is_refused(changes: dict[str, object], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        CNNConfig(**changes)  # type: ignore[arg-type]
