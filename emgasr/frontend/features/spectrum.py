"""Samples in, spectra of tapered windows out; and which frequencies belong to which band."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from emgasr.errors import ConfigError
from emgasr.frontend.features.contract import Features, FeaturesConfig

MOST_BANDS = 1 << 10  # of frequencies
FLOOR = 3e-4  # of the typical power, added to every electrode's: what a converter's steps and noise are


def floor_of(power: float) -> float:
    """Return the `epsilon` of features, to two digits, for signal of a typical power a frequency bin (unit squared)."""
    return float(f"{max(1e-9, FLOOR * power):.2g}")


class SpectralFeatures(Features):
    """Features made from the spectrum of each window under a Hann taper."""

    taper: Tensor

    def __init__(self, config: FeaturesConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        # The taper follows from the configuration, so that a checkpoint need not hold it.
        self.register_buffer("taper", torch.hann_window(self.window), persistent=False)

    def power(self, samples: Tensor) -> Tensor:
        """Return the power spectrum (B, F, N, E, K), divided by the taper's energy as emg2qwerty's is."""
        spectrum = self.spectrum(samples)
        return (spectrum.real.square() + spectrum.imag.square()).unflatten(2, (self.bands, self.input_electrodes))

    def spectrum(self, samples: Tensor) -> Tensor:
        """Return the complex spectrum (B, F, C, window / 2 + 1) of samples (B, T, C) under a taper of unit energy."""
        taper = self.taper / self.taper.square().sum().sqrt()
        frames = samples.transpose(1, 2).contiguous().unfold(2, self.window, self.hop).transpose(1, 2)
        # Laid out as the frames are: what follows runs over memory in its order.
        return torch.fft.rfft(frames.clone(memory_format=torch.contiguous_format).mul_(taper))


def frequencies_hz(window: int, rate_hz: float) -> Tensor:
    """Return the frequency of each FFT bin of a window of `window` samples, float64."""
    return torch.arange(window // 2 + 1, dtype=torch.float64) * rate_hz / window


def band_members(ranges_hz: Sequence[tuple[float, float]], window: int, rate_hz: float) -> Tensor:
    """Return (bins, bands) float32: 1 where an FFT bin lies in a band [low, high], 0 elsewhere.

    Raises:
        ConfigError: a band ends above half the rate.
    """
    frequencies = frequencies_hz(window, rate_hz)[:, None]
    low, high = torch.tensor(ranges_hz, dtype=torch.float64).T
    if float(high.max()) > rate_hz / 2:
        raise ConfigError(
            "features",
            f"a band ends at {float(high.max()):g} Hz, above half the rate",
            f"stay below {rate_hz / 2:g} Hz",
        )
    return ((frequencies >= low) & (frequencies <= high)).float()


def check_band_members(members: Tensor, ranges_hz: Sequence[tuple[float, float]]) -> None:
    """Raise a ConfigError for a band in which no FFT bin lies."""
    for count, (low, high) in zip(members.sum(0).tolist(), ranges_hz, strict=True):
        if count == 0:
            raise ConfigError(
                "features",
                f"no FFT bin lies between {low:g} and {high:g} Hz",
                "widen the band or make window_ms longer",
            )
