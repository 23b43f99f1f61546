"""The linear baseline: frames in, frames side by side with a few past ones out, for a linear head to classify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.errors import ConfigError


@dataclass(frozen=True)
class LinearConfig:
    """How many frames, the present one included, a linear classifier sees."""

    kind: Literal["linear"] = "linear"
    context_frames: int = 1


class LinearEncoder(nn.Module):
    """Frames (B, F, N, E, K) to (B, F, D) with D = context_frames * N * E * K; it has no parameters."""

    stride = 1
    chunk_frames = 1
    lookahead_frames = 0

    def __init__(self, config: LinearConfig, bands: int, electrodes: int, bins: int) -> None:
        super().__init__()
        if config.context_frames < 1:
            raise ConfigError("encoder.context_frames", f"{config.context_frames} is below 1", "1 is the present frame")
        self.context_frames = config.context_frames
        self.history_frames = config.context_frames - 1
        self.width = config.context_frames * bands * electrodes * bins

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The frames (B, F, D), oldest context first, zero beyond lengths (B,); before the start there are zeros."""
        count = frames.shape[1]
        valid = torch.arange(count, device=frames.device) < lengths[:, None]
        flat = frames.flatten(2).masked_fill(~valid.unsqueeze(-1), 0.0)
        padded = functional.pad(flat, (0, 0, self.context_frames - 1, 0))
        stacked = torch.cat([padded[:, first : first + count] for first in range(self.context_frames)], -1)
        return stacked.masked_fill(~valid.unsqueeze(-1), 0.0), lengths
