"""Samples in, the logarithm of the power in bands of frequencies out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.frontend.features.spectrum import (
    MOST_BANDS,
    SpectralFeatures,
    band_members,
    check_band_members,
    frequencies_hz,
)


@dataclass(frozen=True)
class BandPowerConfig:
    """log10 of the power summed between each two neighboring edges; the defaults are SplashNet's six bands.

    Args:
        window_ms: length of the window that a frame covers.
        hop_ms: time from one frame to the next.
        edges_hz: rising edges of the frequency bands, one more than there are bands.
        epsilon: added to the power inside the logarithm.
    """

    kind: Literal["band_power"] = "band_power"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 32.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 8.0
    edges_hz: tuple[Annotated[float, Within(0, 1e6)], ...] = (31.25, 62.5, 125.0, 250.0, 375.0, 687.5, 1000.0)
    epsilon: Annotated[float, Within(1e-30, 1e30)] = 1e-6

    def __post_init__(self) -> None:
        check_within(self, "features")


class BandPower(SpectralFeatures):
    """Logarithm of the power summed over the FFT bins with low <= f < high (the last band holds its upper edge too)."""

    members: Tensor

    def __init__(self, config: BandPowerConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        self.epsilon = config.epsilon
        edges = config.edges_hz
        if len(edges) > MOST_BANDS:
            raise ConfigError("features", f"{len(edges)} edges_hz", f"give at most {MOST_BANDS}")
        if len(edges) < 2 or any(low >= high for low, high in itertools.pairwise(edges)):
            raise ConfigError("features", f"edges_hz {edges} do not rise", "give two or more rising frequencies")
        ranges = list(itertools.pairwise(edges))
        members = band_members(ranges, self.window, rate_hz)
        members[:, :-1] *= frequencies_hz(self.window, rate_hz)[:, None] < torch.tensor(edges[1:-1])
        check_band_members(members, ranges)
        self.register_buffer("members", members, persistent=False)
        self.bins = len(ranges)

    def whole(self, samples: Tensor) -> Tensor:
        """Return log10(power summed over a band + epsilon), (B, F, N, E, K)."""
        return (self.power(samples) @ self.members.to(samples.dtype) + self.epsilon).log10()
