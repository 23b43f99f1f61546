"""Samples in, the samples of each window out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.frontend.features.contract import Features


@dataclass(frozen=True)
class RawSamplesConfig:
    """The samples of each window as they are: the encoder's first layer then learns filters of that length.

    The defaults are strided convolutions of 8 samples at Gaddy & Klein's 689.06 Hz, which give 86.13 frames a second.

    Args:
        window_ms: length of the window that a frame covers.
        hop_ms: time from one frame to the next.
    """

    kind: Literal["raw_samples"] = "raw_samples"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 16000 / 689.0625
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 8000 / 689.0625

    def __post_init__(self) -> None:
        check_within(self, "features")


class RawSamples(Features):
    """The samples of each window, oldest first: K = window."""

    def __init__(self, config: RawSamplesConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        self.bins = self.window

    def whole(self, samples: Tensor) -> Tensor:
        """Return the windows (B, F, N, E, K) of samples (B, T, C)."""
        return samples.unfold(1, self.window, self.hop).unflatten(2, (self.bands, self.input_electrodes))
