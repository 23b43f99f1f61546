"""The recurrent network: its cell by the paper's equations, its memory, its size."""

import torch
from torch import Tensor

from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.gru import GRUConfig, GRUEncoder


def test_a_layer_is_the_gated_recurrent_unit() -> None:
    torch.manual_seed(0)
    encoder = GRUEncoder(GRUConfig(width=4, layers=1), FrameShape(1, 2, 3)).double().eval()
    frames = torch.randn(1, 12, 1, 2, 3, dtype=torch.float64)
    layer, units = encoder.layers[0], torch.zeros(4, dtype=torch.float64)
    for now, x in enumerate(encoder.embed(frames.flatten(2))[0]):
        of_input = (layer.weight_ih_l0 @ x + layer.bias_ih_l0).chunk(3)
        of_units = (layer.weight_hh_l0 @ units + layer.bias_hh_l0).chunk(3)
        reset, update = (torch.sigmoid(of_input[i] + of_units[i]) for i in (0, 1))
        new: Tensor = torch.tanh(of_input[2] + reset * of_units[2])
        units = (1 - update) * new + update * units
        torch.testing.assert_close(encoder(frames, torch.tensor([12])).hidden[0, now], units, rtol=0, atol=1e-12)


def test_the_first_frame_is_never_quite_forgotten() -> None:
    torch.manual_seed(0)
    encoder = GRUEncoder(GRUConfig(width=6), FrameShape(1, 2, 3)).double().eval()
    frames = torch.randn(1, 60, 1, 2, 3, dtype=torch.float64)
    changed = frames.clone()
    changed[:, 0] += 1
    lengths = torch.tensor([60])
    assert encoder.history_frames is None
    assert (encoder(changed, lengths).hidden - encoder(frames, lengths).hidden)[0, -1].abs().max() > 0


def test_the_default_has_123_552_parameters_on_a_ring_of_8_with_15_bins() -> None:
    encoder = GRUEncoder(GRUConfig(), FrameShape(1, 8, 15))
    embed, layer = 120 * 96 + 3 * 96, 3 * (2 * 96 * 96 + 2 * 96)
    assert sum(p.numel() for p in encoder.parameters()) == embed + 2 * layer == 123_552
