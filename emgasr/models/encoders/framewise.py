"""Frames in, as many hidden frames out, none of them late: what networks that look back alone have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from emgasr.models.encoder import Encoded
from emgasr.state import frame_mask, latest, part


class FramewiseEncoder(nn.Module, ABC):
    """Frames (B, F, N, E, K) to hidden frames (B, F, D). A kind sets `width` and `history_frames`.

    It has `start` and `read`; a whole recording is one step from the start.
    """

    width: int
    history_frames: int | None
    stride = 1
    chunk_frames = 1
    lookahead_frames = 0
    silent_frames = 0

    @abstractmethod
    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> Any:
        """Return the state of `batch` streams that have received nothing."""

    @abstractmethod
    def read(self, frames: Tensor, lengths: Tensor | None, state: Any) -> tuple[Tensor, Any]:
        """Return the hidden frames (B, F, D) of frames, and the state after the first `lengths` (B,); None: after all.

        Frames beyond their length are 0; what is returned for them is not used.
        """

    def forward(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Encode whole recordings."""
        hidden, lengths, _ = self.step(frames, lengths, self.start(len(frames), frames.dtype, frames.device))
        return Encoded(hidden, lengths)

    def step(self, frames: Tensor, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return a hidden frame for each of the next frames, their lengths (B,), the new state."""
        if frames.shape[1] == 0:
            return frames.new_zeros(len(frames), 0, self.width), lengths, state
        valid = frame_mask(lengths, frames.shape[1])
        hidden, state = self.read(frames.masked_fill(~valid[:, :, None, None, None], 0.0), lengths, state)
        return hidden.masked_fill(~valid[:, :, None], 0.0), lengths, state

    def flush(self, state: Any) -> tuple[Tensor, Tensor]:
        """Return no frames: every hidden frame is out as soon as its input frame is in."""
        past = next(tensor for tensor in _leaves(state) if tensor.is_floating_point())
        return past.new_zeros(len(past), 0, self.width), torch.zeros(len(past), dtype=torch.long, device=past.device)

    def advance(self, frames: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return a hidden frame for each of the next frames, and the new state."""
        return self.read(frames, None, state)


def kept(joined: Tensor, lengths: Tensor | None, size: int) -> Tensor:
    """Return the last `size` of past and new values joined, (B, size + F, ...), of which `lengths` new ones count."""
    return latest(joined, size) if lengths is None else part(joined, lengths, size)


def _leaves(state: Any) -> list[Tensor]:
    return [state] if isinstance(state, Tensor) else [leaf for field in state for leaf in _leaves(field)]
