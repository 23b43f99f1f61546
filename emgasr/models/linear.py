"""The linear baseline: frames in, frames side by side with a few past ones out, for a linear head to classify."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.models.encoder import Encoded, FrameShape
from emgasr.state import frame_mask, latest, part


@dataclass(frozen=True)
class LinearConfig:
    """The options of the linear baseline.

    Args:
        context_frames: frames that a linear classifier sees, the present one included.
    """

    kind: Literal["linear"] = "linear"
    context_frames: Annotated[int, Within(1, 4096)] = 1

    def __post_init__(self) -> None:
        check_within(self, "encoder")

    @property
    def held_frames(self) -> int:
        """Input frames that a stream keeps: the context."""
        return self.context_frames


class LinearState(NamedTuple):
    """The memory of a stream: its latest frames, (B, context_frames - 1, N * E * K)."""

    past: Tensor


class LinearEncoder(nn.Module):
    """Frames (B, F, N, E, K) to (B, F, D) with D = context_frames * N * E * K; it has no parameters."""

    stride = 1
    chunk_frames = 1
    lookahead_frames = 0
    silent_frames = 0

    def __init__(self, config: LinearConfig, shape: FrameShape) -> None:
        super().__init__()
        self.context_frames = config.context_frames
        self.history_frames = config.context_frames - 1
        self.frame_width = math.prod(shape.sizes)
        self.width = config.context_frames * self.frame_width

    def forward(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Put the context of each frame beside it, the oldest first; before the start there are zeros."""
        hidden, lengths, _ = self.step(frames, lengths, self.start(len(frames), frames.dtype, frames.device))
        return Encoded(hidden, lengths)

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> LinearState:
        """Return the state of `batch` streams that have received nothing."""
        return LinearState(torch.zeros((batch, self.history_frames, self.frame_width), dtype=dtype, device=device))

    def step(self, frames: Tensor, lengths: Tensor, state: LinearState) -> tuple[Tensor, Tensor, LinearState]:
        """Return a hidden frame for each of the next frames, their lengths (B,), the new state."""
        valid = frame_mask(lengths, frames.shape[1]).unsqueeze(-1)
        hidden, joined = self._stacked(frames.flatten(2).masked_fill(~valid, 0.0), state)
        state = LinearState(part(joined, lengths, self.history_frames))
        return hidden.masked_fill(~valid, 0.0), lengths, state

    def flush(self, state: LinearState) -> tuple[Tensor, Tensor]:
        """Return no frames: every hidden frame is out as soon as its input frame is in."""
        past = state.past
        return past.new_zeros(len(past), 0, self.width), torch.zeros(len(past), dtype=torch.long, device=past.device)

    def advance(self, frames: Tensor, state: LinearState) -> tuple[Tensor, LinearState]:
        """Return a hidden frame for each of the next frames, and the new state."""
        hidden, joined = self._stacked(frames.flatten(2), state)
        return hidden, LinearState(latest(joined, self.history_frames))

    def _stacked(self, flat: Tensor, state: LinearState) -> tuple[Tensor, Tensor]:
        """Return frames (B, F, N * E * K) with their context beside them (B, F, D), and past and new frames joined."""
        count = flat.shape[1]
        joined = torch.cat([state.past, flat], 1)
        return torch.cat([joined[:, first : first + count] for first in range(self.context_frames)], -1), joined
