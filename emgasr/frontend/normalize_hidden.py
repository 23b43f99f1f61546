"""Hidden frames in, hidden frames relative to those of their session out, by causal statistics that a stream can keep.

Where people differ, their hidden frames are shifted and stretched; a session's own level and spread take that away, as
those of feature frames do before the encoder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from emgasr.errors import ConfigError
from emgasr.frontend.normalize import NormalizeConfig, NormalizeState, RunningNormalize
from emgasr.state import join, part


class Statistics(NamedTuple):
    """The statistics of a session, with which its next recording begins.

    Args:
        frames: of feature frames.
        hidden: of hidden frames; empty where these are not normalized.
    """

    frames: NormalizeState
    hidden: NormalizeState | tuple[()] = ()


class HiddenState(NamedTuple):
    """The memory of streams between two chunks.

    Args:
        statistics: of the hidden frames so far.
        waiting: (B, chunk_frames * stride - 1) bool, whether the input frames whose hidden frames are to come are
            learned.
        lengths: (B,) number of valid ones in `waiting`.
    """

    statistics: NormalizeState
    waiting: Tensor
    lengths: Tensor


class HiddenNormalize(nn.Module):
    """Hidden frames (B, F, D) in, normalized ones out; without statistics, where its kind is none, as they are.

    Args:
        width: D.
        stride: input frames of the encoder a hidden frame.
        chunk_frames: hidden frames that become known together; no more is held back.

    Raises:
        ConfigError: the statistics have a warm-up.
    """

    def __init__(
        self, config: NormalizeConfig, frame_rate_hz: float, width: int, stride: int, chunk_frames: int
    ) -> None:
        super().__init__()
        self.stride, self.room = stride, chunk_frames * stride - 1
        self.statistics: RunningNormalize | None = None
        if config.kind == "none":
            return
        if config.held_frames:
            raise ConfigError("normalize_hidden", f"{config.kind} has a warm-up", "choose adaptive, fixed or none")
        self.statistics = RunningNormalize(config, frame_rate_hz, (1, 1, width))

    @property
    def running(self) -> bool:
        """Whether a stream keeps statistics of its own hidden frames."""
        return self.statistics is not None and self.statistics.config.running

    def forward(self, hidden: Tensor, lengths: Tensor, begun: NormalizeState | None = None) -> Tensor:
        """Return normalized hidden frames (B, F, D), zero beyond `lengths` (B,); `begun` as in `RunningNormalize`."""
        if self.statistics is None:
            return hidden
        return self.statistics(hidden[:, :, None, None], lengths, begun)[0][:, :, 0, 0]

    def fit(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Set the training set's statistics from batches of hidden frames (B, F, D) and their lengths (B,)."""
        if self.statistics is not None and self.statistics.config.fitted:
            self.statistics.fit((hidden[:, :, None, None], lengths) for hidden, lengths in batches)

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> HiddenState | tuple[()]:
        """Return the state of `batch` streams that have received nothing."""
        if self.statistics is None:
            return ()
        waiting = torch.zeros((batch, self.room), dtype=torch.bool, device=device)
        none = torch.zeros(batch, dtype=torch.long, device=device)
        return HiddenState(self.statistics.start(batch, dtype, device), waiting, none)

    def step(
        self,
        hidden: Tensor,
        lengths: Tensor,
        state: HiddenState | tuple[()],
        entered: tuple[Tensor | None, Tensor],
    ) -> tuple[Tensor, HiddenState | tuple[()]]:
        """Return the next hidden frames normalized, and the new state.

        Args:
            hidden: (B, F, D), of which the first `lengths` (B,) are valid.
            entered: of the input frames that the encoder took since the last step, which are learned (B, I) bool, None:
                all; and their number (B,). A hidden frame is learned if all its input frames are.
        """
        if self.statistics is None or not isinstance(state, HiddenState):
            return hidden, state
        flags, counts = entered
        if flags is None:
            flags = torch.ones((len(hidden), int(counts.max())), dtype=torch.bool, device=hidden.device)
        flags, counts = join(state.waiting, state.lengths, flags, counts)
        taken = lengths * self.stride
        waiting = part(flags, taken, self.room)
        learned = flags[:, : hidden.shape[1] * self.stride].unflatten(1, (hidden.shape[1], self.stride)).all(2)
        output, _, statistics = self.statistics.step(hidden[:, :, None, None], lengths, state.statistics, learned)
        return output[:, :, 0, 0], HiddenState(statistics, waiting, counts - taken)

    def flush(self, hidden: Tensor, lengths: Tensor, state: HiddenState | tuple[()]) -> Tensor:
        """Return the last hidden frames (B, F, D) of streams normalized."""
        if self.statistics is None or not isinstance(state, HiddenState):
            return hidden
        learned = state.waiting[:, : hidden.shape[1] * self.stride].unflatten(1, (hidden.shape[1], self.stride)).all(2)
        return self.statistics.step(hidden[:, :, None, None], lengths, state.statistics, learned)[0][:, :, 0, 0]

    def advance(
        self, hidden: Tensor, state: HiddenState | tuple[()], learned: Tensor | None
    ) -> tuple[Tensor, HiddenState | tuple[()]]:
        """Return the hidden frames of whole chunks normalized, and the new state, without a look at any number."""
        if self.statistics is None or not isinstance(state, HiddenState):
            return hidden, state
        flags = None if learned is None else learned.unflatten(1, (hidden.shape[1], self.stride)).all(2)
        output, statistics = self.statistics.advance(hidden[:, :, None, None], state.statistics, flags)
        return output[:, :, 0, 0], state._replace(statistics=statistics)
