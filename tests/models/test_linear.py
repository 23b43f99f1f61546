"""The linear baseline's input: the frames themselves, with a few past ones."""

import pytest
import torch

from emgasr.errors import ConfigError
from emgasr.models.encoder import FrameShape
from emgasr.models.linear import LinearConfig, LinearEncoder


def test_each_frame_comes_with_those_before_it() -> None:
    encoder = LinearEncoder(LinearConfig(context_frames=3), FrameShape(1, 1, 1))
    frames = torch.arange(1.0, 6.0)[None, :, None, None, None]
    hidden, lengths, _ = encoder(frames, torch.tensor([4]))
    assert hidden[0].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [0, 0, 0]]
    assert lengths.tolist() == [4]
    assert encoder.width == 3


def test_it_has_no_parameters() -> None:
    encoder = LinearEncoder(LinearConfig(), FrameShape(2, 16, 33))
    assert encoder.width == 1056
    assert not list(encoder.parameters())


def test_no_context_is_refused() -> None:
    with pytest.raises(ConfigError, match="0 is out of range"):
        LinearEncoder(LinearConfig(context_frames=0), FrameShape(1, 1, 1))
