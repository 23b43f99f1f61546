"""Gated recurrent units: frames in, hidden frames that remember the whole of a stream out.

The cell of Cho et al. 2014 (arXiv 1406.1078), as PyTorch has it. Its state is carried from chunk to chunk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.framewise import FramewiseEncoder, kept


@dataclass(frozen=True)
class GRUConfig:
    """Size of the recurrent network.

    Args:
        width: units of every layer, and the width of what goes into the first.
        layers: number of recurrent layers.
        dropout: probability of dropout in front of every layer and behind the last one.
    """

    kind: Literal["gru"] = "gru"
    width: Annotated[int, Within(1, 65_536)] = 96
    layers: Annotated[int, Within(1, 16)] = 2
    dropout: Annotated[float, Within(0, 0.99)] = 0.2

    def __post_init__(self) -> None:
        check_within(self, "encoder")

    @property
    def held_frames(self) -> int:
        """Input frames that a stream keeps: one; its memory is the layers' units."""
        return 1


class GRUState(NamedTuple):
    """The memory of a stream: the units of each layer after the latest frame, (B, 1, D)."""

    units: tuple[Tensor, ...]


class GRUEncoder(FramewiseEncoder):
    """Frames (B, F, N, E, K) to hidden frames (B, F, D); each depends on all frames before it."""

    history_frames = None

    def __init__(self, config: GRUConfig, shape: FrameShape) -> None:
        super().__init__()
        self.width = config.width
        self.embed = nn.Sequential(
            nn.Linear(math.prod(shape.sizes), config.width), nn.LayerNorm(config.width), nn.SiLU()
        )
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(nn.GRU(config.width, config.width, batch_first=True) for _ in range(config.layers))

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> GRUState:
        """Return the state of `batch` streams whose units are 0."""
        shape = (batch, 1, self.width)
        return GRUState(tuple(torch.zeros(shape, dtype=dtype, device=device) for _ in self.layers))

    def read(self, frames: Tensor, lengths: Tensor | None, state: GRUState) -> tuple[Tensor, GRUState]:
        x = self.embed(frames.flatten(2))
        units = []
        for layer, before in zip(self.layers, state.units, strict=True):
            x, _ = layer(self.dropout(x), before.transpose(0, 1).contiguous())
            units.append(kept(torch.cat([before, x], 1), lengths, 1))
        return self.dropout(x), GRUState(tuple(units))
