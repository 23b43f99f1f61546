"""Samples in, the time-domain features of each window out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.frontend.features.contract import Features


@dataclass(frozen=True)
class TimeDomainConfig:
    """Four features of each electrode: those of Hudgins, Parker and Scott (IEEE Trans. Biomed. Eng. 40, 1993).

    Args:
        window_ms: length of the window that a frame covers.
        hop_ms: time from one frame to the next.
        threshold: smallest step between neighboring samples, in the signal's unit, for a crossing or a turn to count.
        center: whether the mean of each window is taken out first; not of signals that are rectified.
    """

    kind: Literal["time_domain"] = "time_domain"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 200.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 100.0
    threshold: Annotated[float, Within(0, 1e9)] = 0.0
    center: bool = True

    def __post_init__(self) -> None:
        check_within(self, "features")


class TimeDomain(Features):
    """Mean absolute value, zero crossings, slope sign changes and waveform length, in this order: K = 4."""

    def __init__(self, config: TimeDomainConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        self.threshold, self.center = config.threshold, config.center
        self.bins = 4

    def whole(self, samples: Tensor) -> Tensor:
        """Return the features (B, F, N, E, 4) of samples (B, T, C)."""
        windows = samples.unfold(1, self.window, self.hop)  # (B, F, C, window)
        if self.center:
            windows = windows - windows.mean(-1, keepdim=True)
        steps = windows.diff(dim=-1)
        large = steps.abs() >= self.threshold
        crossings = (windows[..., 1:] * windows[..., :-1] < 0) & large
        turns = (steps[..., 1:] * steps[..., :-1] < 0) & (large[..., 1:] | large[..., :-1])
        found = [windows.abs().mean(-1), *(signs.sum(-1).to(windows) for signs in (crossings, turns))]
        return torch.stack([*found, steps.abs().sum(-1)], -1).unflatten(2, (self.bands, self.input_electrodes))
