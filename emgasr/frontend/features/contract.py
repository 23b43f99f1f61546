"""The contract of features: samples of muscle signal in, frames out, for whole recordings and for streams alike.

Frame f covers the samples [f * hop, f * hop + window), without center padding, so it is known as soon as its last
sample is. Padding beyond an item's length reaches no valid frame, and frames beyond the length are zero.

New features are one module, with a frozen dataclass of their options and a subclass of `Features`, and one row of
`emgasr.frontend.features.FEATURES`. The laws that every row passes are in tests/frontend/test_feature_laws.py.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.errors import ConfigError, DataError
from emgasr.state import frame_mask, join, part

LONGEST_WINDOW = 1 << 16  # samples: 32 s at 2 kHz
MOST_CHANNELS = 1 << 14
CACHED_VALUES = 1 << 16  # of one item, from which on a CPU is faster at items than at batches


class FeaturesConfig(Protocol):
    """The options of features: a frozen dataclass whose `kind` is its row in the registry."""

    @property
    def kind(self) -> str:
        """Name of the row."""

    @property
    def window_ms(self) -> float:
        """Length of the window that a frame covers."""

    @property
    def hop_ms(self) -> float:
        """Time from one frame to the next."""


class FeaturesState(NamedTuple):
    """The memory of a stream: its samples from the first one of the next frame on.

    Args:
        tail: (B, window - 1, C) samples.
        held: (B,) number of valid samples in `tail`.
    """

    tail: Tensor
    held: Tensor


class Features(nn.Module, ABC):
    """Samples (B, T, C) with lengths (B,) to frames (B, F, N, E, K) with lengths (B,). A stage as `emgasr.state.Stage`.

    Channels C run over electrodes within bands. A kind sets `bins`, and `electrodes` where its frames have others.

    Attributes:
        window: samples that a frame covers.
        hop: samples from one frame to the next.
        bands: N.
        electrodes: E of the frames.
        bins: K.
        angles: of the bins, the last ones: what an electrode has in common with those at equal angles from it.
    """

    bins: int
    angles = 0

    def __init__(self, config: FeaturesConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__()
        if not 0 < bands * electrodes <= MOST_CHANNELS:
            raise ConfigError(
                "features", f"{bands} bands of {electrodes} electrodes", f"at most {MOST_CHANNELS} in all"
            )
        self.rate_hz = rate_hz
        self.window = _whole_samples("window_ms", config.window_ms, rate_hz)
        if self.window > LONGEST_WINDOW:
            wrong = f"window_ms {config.window_ms:g} is {self.window:g} samples, more than {LONGEST_WINDOW:,}"
            raise ConfigError("features", wrong, "give a shorter one")
        self.hop = _whole_samples("hop_ms", config.hop_ms, rate_hz)
        if self.window < 2:
            raise ConfigError("features", f"a window of {self.window} sample has no spectrum", "make window_ms longer")
        if self.hop > self.window:
            wrong = f"hop_ms {config.hop_ms:g} is longer than window_ms {config.window_ms:g}"
            raise ConfigError("features", wrong, "no frame would see the samples between two windows")
        self.bands = bands
        self.input_electrodes = electrodes
        self.electrodes = electrodes

    @property
    def frame_rate_hz(self) -> float:
        """Frames per second."""
        return self.rate_hz / self.hop

    @property
    def lead(self) -> int:
        """Samples that a stream holds back between two frames, and receives before `advance` can go on."""
        return self.window - self.hop

    def lengths(self, sample_lengths: Tensor) -> Tensor:
        """Return the number of whole windows in each number of samples."""
        windows = torch.div(sample_lengths - self.window, self.hop, rounding_mode="floor") + 1
        return windows.clamp(min=0)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the frames (B, F, N, E, K) of samples (B, T, C), and how many of them are valid (B,)."""
        _check_samples(samples, self.bands * self.input_electrodes)
        frame_lengths = self.lengths(lengths)
        if samples.shape[1] < self.window:
            return self._no_frames(samples), frame_lengths
        with _whole_precision(samples.device.type):
            samples = samples if samples.dtype == torch.float64 else samples.float()
            return self._by_parts(samples, frame_lengths), frame_lengths

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> FeaturesState:
        """Return the state of `batch` streams that have received nothing."""
        shape = (batch, self.window - 1, self.bands * self.input_electrodes)
        tail = torch.zeros(shape, dtype=dtype, device=device)
        return FeaturesState(tail, torch.zeros(batch, dtype=torch.long, device=device))

    def step(self, samples: Tensor, lengths: Tensor, state: FeaturesState) -> tuple[Tensor, Tensor, FeaturesState]:
        """Return the frames (B, F, N, E, K) that the next samples complete, their lengths (B,), the new state."""
        _check_samples(samples, self.bands * self.input_electrodes)
        samples, held = join(state.tail, state.held, samples, lengths)
        frames, frame_lengths = self(samples, held)
        used = frame_lengths * self.hop
        return frames, frame_lengths, FeaturesState(part(samples, used, self.window - 1), held - used)

    def flush(self, state: FeaturesState) -> tuple[Tensor, Tensor]:
        """Return no frames: a window that is not whole gives none."""
        return self._no_frames(state.tail), torch.zeros_like(state.held)

    def advance(self, samples: Tensor, state: FeaturesState) -> tuple[Tensor, FeaturesState]:
        """Return the frames (B, n, N, E, K) of samples (B, n * hop, C), and the new state.

        Each stream must hold `lead` samples. Pure tensors of fixed shapes: nothing is read on the host.
        """
        samples = torch.cat([state.tail[:, : self.lead], samples], 1)
        with _whole_precision(samples.device.type):
            frames = self.whole(samples if samples.dtype == torch.float64 else samples.float())
        tail = functional.pad(samples[:, samples.shape[1] - self.lead :], (0, 0, 0, self.hop - 1))
        return frames, FeaturesState(tail, state.held)

    def _no_frames(self, samples: Tensor) -> Tensor:
        return samples.new_zeros(len(samples), 0, self.bands, self.electrodes, self.bins)

    def _by_parts(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Return `whole`, zero beyond `lengths` (B,); on a CPU an item at a time where a batch exceeds its cache."""
        if samples.device.type != "cpu" or len(samples) < 2 or samples[0].numel() < CACHED_VALUES:
            frames = self.whole(samples)
            valid = frame_mask(lengths, frames.shape[1])
            if valid.device.type == "cpu" and bool(valid.all()):
                return frames
            return frames.masked_fill(~valid[:, :, None, None, None], 0.0)
        first = self.whole(samples[:1])
        kind = np.float64 if first.dtype == torch.float64 else np.float32
        frames = torch.from_numpy(np.empty((len(samples), *first.shape[1:]), kind))  # NumPy takes large pages
        for row, length in enumerate(lengths.tolist()):
            frames[row] = first[0] if row == 0 else self.whole(samples[row : row + 1])[0]
            frames[row, length:] = 0.0
        return frames

    def present(self, rings: Sequence[bool]) -> tuple[tuple[bool, ...], ...]:
        """Return for each band of electrodes (a ring or not) which of K bins say anything; empty: all do."""
        return ()

    def of_electrode(self, band: int, electrode: int) -> Tensor:
        """Return which values (N, E, K) bool of a frame an electrode has a part in; all False where none is its own."""
        found = torch.zeros(self.bands, self.electrodes, self.bins, dtype=torch.bool)
        if self.electrodes == self.input_electrodes:
            found[band, electrode] = True
        return found

    def of_channels(self, channels: Iterable[int]) -> Tensor:
        """Return which values (N, E, K) bool of a frame any of these channels of the signal has a part in."""
        found = torch.zeros(self.bands, self.electrodes, self.bins, dtype=torch.bool)
        for channel in channels:
            found |= self.of_electrode(*divmod(channel, self.input_electrodes))
        return found

    @abstractmethod
    def whole(self, samples: Tensor) -> Tensor:
        """Return the frames (B, F, N, E, K) of samples (B, T, C), all of them valid, of at least one window."""


def _whole_precision(device: str) -> AbstractContextManager[object]:
    """Switch autocast off where it is on: powers span more decades than half precision holds."""
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()


def _whole_samples(name: str, duration_ms: float, rate_hz: float) -> int:
    samples = duration_ms * rate_hz / 1000
    if not math.isfinite(samples) or round(samples) < 1 or abs(samples - round(samples)) > 1e-6:
        raise ConfigError(
            "features",
            f"{name} {duration_ms:g} is {samples:g} samples at {rate_hz:g} Hz",
            f"choose a positive multiple of {1000 / rate_hz:g} ms",
        )
    return round(samples)


def _check_samples(samples: Tensor, channels: int) -> None:
    if samples.dim() != 3 or samples.shape[2] != channels:
        raise DataError(
            "features", f"samples of shape {tuple(samples.shape)}", f"this model takes (B, T, {channels} channels)"
        )
