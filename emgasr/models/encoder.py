"""The contract of encoders: feature frames in, hidden frames out, for whole recordings and for streams alike.

A new encoder is one module, with a frozen dataclass of its options and a torch module that keeps this contract, and
one row of `emgasr.models.registry.ENCODERS`. The laws that every row passes are in tests/models/test_encoder_laws.py.

Shapes: B batch, F input frames, N bands, E electrodes, K bins, F' output frames, D model width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class FrameShape:
    """What a frame of features is laid out as: N bands of E electrodes with K bins each.

    Args:
        bands: N.
        electrodes: E of each band.
        bins: K of each electrode.
        rings: whether each band closes a circle; left out: all do.
        present: (N, K) whether each bin says anything, as no device hears above half its rate. Left out: all do.
        angles: number of the last bins, which say what an electrode has in common with those at equal angles from it.
    """

    bands: int
    electrodes: int
    bins: int
    rings: tuple[bool, ...] = ()
    present: tuple[tuple[bool, ...], ...] = ()
    angles: int = 0

    @property
    def sizes(self) -> tuple[int, int, int]:
        """N, E and K."""
        return self.bands, self.electrodes, self.bins

    def ring(self, band: int) -> bool:
        """Whether a band closes a circle."""
        return self.rings[band] if self.rings else True


class Encoded(NamedTuple):
    """What an encoder makes of whole recordings.

    Args:
        hidden: (B, F', D) hidden frames, zero beyond their lengths.
        lengths: (B,) number of valid hidden frames, F // stride for F input frames.
        intermediate: hidden frames (B, F', D) of earlier blocks, in training only, for losses of their own.
    """

    hidden: Tensor
    lengths: Tensor
    intermediate: tuple[Tensor, ...] = ()


class EncoderConfig(Protocol):
    """The options of an encoder: a frozen dataclass whose `kind` is its row in the registry."""

    @property
    def kind(self) -> str:
        """Name of the row."""

    @property
    def held_frames(self) -> int:
        """Input frames that a stream holds back until a chunk is complete, or keeps for context; bounds its memory."""


class Encoder(Protocol):
    """An encoder: a torch module that is built from (config, shape of frames). A stage as `emgasr.state.Stage`.

    Attributes:
        width: D, the width of hidden frames.
        stride: input frames an output frame.
        chunk_frames: output frames that become known together.
        history_frames: input frames before a chunk that its output may depend on; None: all, as recurrent ones do.
        lookahead_frames: input frames behind the first one of a chunk that its output may depend on.
        silent_frames: output frames at a stream's start that carry no evidence; a recognizer writes blanks there.
    """

    @property
    def width(self) -> int: ...
    @property
    def stride(self) -> int: ...
    @property
    def chunk_frames(self) -> int: ...
    @property
    def history_frames(self) -> int | None: ...
    @property
    def lookahead_frames(self) -> int: ...
    @property
    def silent_frames(self) -> int: ...

    def __call__(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Encode whole recordings (`forward`): frames (B, F, N, E, K) of which the first `lengths` (B,) are valid."""

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> Any:
        """Return the state of `batch` streams that have received nothing.

        Raises:
            ConfigError: the options describe a network that cannot be streamed.
        """

    def step(self, frames: Tensor, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return the hidden frames of all chunks that the next frames complete, their lengths (B,), the new state."""

    def flush(self, state: Any) -> tuple[Tensor, Tensor]:
        """Return the hidden frames of the last, incomplete chunk, and their lengths (B,)."""

    def advance(self, frames: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return the hidden frames of whole chunks (B, n * chunk_frames * stride, N, E, K), and the new state.

        No stream may hold back frames. Pure tensors of fixed shapes: nothing is read on the host.
        """
