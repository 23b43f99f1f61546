"""The linear baseline: frames in, frames side by side with a few past ones out, for a linear head to classify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.state import part


@dataclass(frozen=True)
class LinearConfig:
    """How many frames, the present one included, a linear classifier sees."""

    kind: Literal["linear"] = "linear"
    context_frames: Annotated[int, Within(1, 4096)] = 1

    def __post_init__(self) -> None:
        check_within(self, "encoder")


class LinearState(NamedTuple):
    """What a stream remembers: the latest context_frames - 1 frames (B, context_frames - 1, N * E * K)."""

    past: Tensor


class LinearEncoder(nn.Module):
    """Frames (B, F, N, E, K) to (B, F, D) with D = context_frames * N * E * K; it has no parameters."""

    stride = 1
    chunk_frames = 1
    lookahead_frames = 0

    def __init__(self, config: LinearConfig, bands: int, electrodes: int, bins: int) -> None:
        super().__init__()
        self.context_frames = config.context_frames
        self.history_frames = config.context_frames - 1
        self.width = config.context_frames * bands * electrodes * bins

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The frames (B, F, D), oldest context first, zero beyond lengths (B,); before the start there are zeros."""
        return self.step(frames, lengths, self.start(frames))[:2]

    def start(self, frames: Tensor) -> LinearState:
        """The state of streams that have seen nothing; `frames` (B, F, N, E, K) tell their number and kind."""
        return LinearState(frames.new_zeros(len(frames), self.history_frames, frames[0, :0].flatten(1).shape[1]))

    def step(self, frames: Tensor, lengths: Tensor, state: LinearState) -> tuple[Tensor, Tensor, LinearState]:
        """As `forward`, of the next frames of streams."""
        count = frames.shape[1]
        valid = torch.arange(count, device=frames.device) < lengths[:, None]
        flat = frames.flatten(2).masked_fill(~valid.unsqueeze(-1), 0.0)
        joined = torch.cat([state.past, flat], 1)
        stacked = torch.cat([joined[:, first : first + count] for first in range(self.context_frames)], -1)
        state = LinearState(part(joined, lengths, self.history_frames))
        return stacked.masked_fill(~valid.unsqueeze(-1), 0.0), lengths, state

    def flush(self, state: LinearState) -> tuple[Tensor, Tensor]:
        """Nothing: every frame is out as soon as it is in."""
        past = state.past
        return past.new_zeros(len(past), 0, self.width), torch.zeros(len(past), dtype=torch.long, device=past.device)
