"""Samples in, the logarithm of the power in every FFT bin out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.frontend.features.spectrum import SpectralFeatures


@dataclass(frozen=True)
class LogSpectrogramConfig:
    """log10(power + epsilon) of every FFT bin; the defaults are emg2qwerty's 64-sample window every 16 at 2 kHz.

    Args:
        window_ms: length of the window that a frame covers.
        hop_ms: time from one frame to the next.
        epsilon: added to the power inside the logarithm.
    """

    kind: Literal["log_spectrogram"] = "log_spectrogram"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 32.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 8.0
    epsilon: Annotated[float, Within(1e-30, 1e30)] = 1e-6

    def __post_init__(self) -> None:
        check_within(self, "features")


class LogSpectrogram(SpectralFeatures):
    """Logarithm of the power in every FFT bin: K = window / 2 + 1."""

    def __init__(self, config: LogSpectrogramConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        self.epsilon = config.epsilon
        self.bins = self.window // 2 + 1

    def whole(self, samples: Tensor) -> Tensor:
        """Return log10(power + epsilon), (B, F, N, E, K)."""
        return (self.power(samples) + self.epsilon).log10()
