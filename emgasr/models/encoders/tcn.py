"""The temporal convolutional network: frames in, hidden frames by dilated causal convolutions out.

The generic network of Bai, Kolter & Koltun 2018 (arXiv 1803.01271): residual blocks of two convolutions whose dilation
doubles from block to block. Layer norm stands in place of weight norm, and dropout takes single values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.framewise import FramewiseEncoder, kept


@dataclass(frozen=True)
class TCNConfig:
    """Size and reach of the temporal convolutional network.

    Args:
        width: channels of every convolution.
        kernel: frames that each convolution looks at.
        blocks: number of blocks of two convolutions; those of block i look at every 2^i-th frame, from i = 0.
        dropout: probability of dropout behind every convolution.
    """

    kind: Literal["tcn"] = "tcn"
    width: Annotated[int, Within(1, 65_536)] = 64
    kernel: Annotated[int, Within(1, 64)] = 3
    blocks: Annotated[int, Within(1, 12)] = 3
    dropout: Annotated[float, Within(0, 0.99)] = 0.2

    def __post_init__(self) -> None:
        check_within(self, "encoder")

    @property
    def reach(self) -> int:
        """Frames before the present one that its output depends on."""
        return 2 * (self.kernel - 1) * (2**self.blocks - 1)

    @property
    def held_frames(self) -> int:
        """Frames that the memories of a stream span."""
        return self.reach + 1


class TCNState(NamedTuple):
    """The memory of a stream: the latest inputs of each convolution, (B, (kernel - 1) * dilation, D)."""

    past: tuple[Tensor, ...]


class TCNEncoder(FramewiseEncoder):
    """Frames (B, F, N, E, K) to hidden frames (B, F, D); the electrodes' values are mixed by one linear layer."""

    def __init__(self, config: TCNConfig, shape: FrameShape) -> None:
        super().__init__()
        self.width = config.width
        self.history_frames = config.reach
        self.embed = nn.Linear(math.prod(shape.sizes), config.width)
        self.convolutions = nn.ModuleList(
            CausalConvolution(config.width, config.kernel, 2 ** (number // 2), config.dropout)
            for number in range(2 * config.blocks)
        )

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> TCNState:
        """Return the state of `batch` streams whose convolutions have seen zeros."""
        convolutions = cast(list[CausalConvolution], self.convolutions)
        shapes = [(batch, convolution.past_frames, self.width) for convolution in convolutions]
        return TCNState(tuple(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes))

    def read(self, frames: Tensor, lengths: Tensor | None, state: TCNState) -> tuple[Tensor, TCNState]:
        x = self.embed(frames.flatten(2))
        past = []
        for number, (convolution, before) in enumerate(zip(self.convolutions, state.past, strict=True)):
            if number % 2 == 0:
                residual = x
            joined = torch.cat([before, x], 1)
            past.append(kept(joined, lengths, before.shape[1]))
            x = convolution(joined)
            if number % 2 == 1:
                x = (residual + x).relu()
        return x, TCNState(tuple(past))


class CausalConvolution(nn.Module):
    """Dilated convolution, layer norm, ReLU and dropout: (B, past + F, D) to (B, F, D)."""

    def __init__(self, width: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.past_frames = (kernel - 1) * dilation
        self.conv = nn.Conv1d(width, width, kernel, dilation=dilation)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, joined: Tensor) -> Tensor:
        return self.dropout(self.norm(self.conv(joined.transpose(1, 2)).transpose(1, 2)).relu())
