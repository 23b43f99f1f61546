"""Samples in, matrix logarithms of the electrodes' covariance in bands of frequencies out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.frontend.features.matrices import covariance_of, log_matrix
from emgasr.frontend.features.spectrum import MOST_BANDS, SpectralFeatures, band_members, check_band_members


@dataclass(frozen=True)
class SpectralCovarianceConfig:
    """Matrix logarithm of the electrodes' covariance in overlapping bands of [low, high] Hz.

    Bands and windows are those of generic-neuromotor-interface's handwriting model.

    Args:
        window_ms: length of the window that a frame covers.
        hop_ms: time from one frame to the next.
        bands_hz: frequency bands, each [low, high]; they may overlap.
        shrinkage: share of the mean power mixed into the diagonal, without which narrow bands give singular matrices.
        epsilon: added to the diagonal, in the power's unit.
    """

    kind: Literal["spectral_covariance"] = "spectral_covariance"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 80.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 20.0
    bands_hz: tuple[tuple[Annotated[float, Within(0, 1e6)], Annotated[float, Within(0, 1e6)]], ...] = (
        (0.0, 50.0),
        (30.0, 100.0),
        (100.0, 225.0),
        (225.0, 375.0),
        (375.0, 700.0),
        (700.0, 1000.0),
    )
    shrinkage: Annotated[float, Within(0, 1)] = 0.1
    epsilon: Annotated[float, Within(1e-30, 1e30)] = 1e-6

    def __post_init__(self) -> None:
        check_within(self, "features")


class SpectralCovariance(SpectralFeatures):
    """Upper triangle of the matrix logarithm of the electrodes' covariance per frequency band.

    E of the frames is 1 and K = bands_hz * E (E + 1) / 2 (6 * 136 = 816 for 16 electrodes). Off-diagonal entries are
    scaled by sqrt(2), so that Euclidean distance between frames is the log-Euclidean one between matrices.
    """

    rows: Tensor
    columns: Tensor
    scale: Tensor

    def __init__(self, config: SpectralCovarianceConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        self.epsilon = config.epsilon
        if len(config.bands_hz) > MOST_BANDS or electrodes > MOST_BANDS:
            wrong = f"{len(config.bands_hz)} bands_hz of {electrodes} electrodes"
            raise ConfigError("features", wrong, f"give at most {MOST_BANDS} of each")
        if not config.bands_hz or any(low >= high for low, high in config.bands_hz):
            raise ConfigError("features", f"bands_hz {config.bands_hz} are not (low, high) pairs", "give low < high")
        self.shrinkage = config.shrinkage
        members = band_members(config.bands_hz, self.window, rate_hz)
        check_band_members(members, config.bands_hz)
        self.slices = [slice(int(column.nonzero()[0]), int(column.nonzero()[-1]) + 1) for column in members.T]
        rows, columns = torch.triu_indices(electrodes, electrodes)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.register_buffer("scale", torch.where(rows == columns, 1.0, math.sqrt(2.0)), persistent=False)
        self.electrodes = 1
        self.bins = len(config.bands_hz) * len(rows)

    def of_electrode(self, band: int, electrode: int) -> Tensor:
        """Return the electrode's row and column of every matrix."""
        found = torch.zeros(self.bands, self.electrodes, self.bins, dtype=torch.bool)
        own = ((self.rows == electrode) | (self.columns == electrode)).cpu()
        found[band, 0] = own.repeat(self.bins // len(own))
        return found

    def whole(self, samples: Tensor) -> Tensor:
        """Return matrix logarithms (B, F, N, 1, K), K running over the triangle's entries within bands."""
        parts = torch.view_as_real(self.spectrum(samples))
        parts = parts.unflatten(2, (self.bands, self.input_electrodes))  # (B, F, N, E, bins, 2)
        matrices = torch.stack([covariance_of(parts[..., bins, :]) for bins in self.slices], 3)
        logarithm = log_matrix(matrices, self.shrinkage, self.epsilon)
        upper = logarithm[..., self.rows, self.columns] * self.scale.to(samples.dtype)
        return upper.flatten(-2).unsqueeze(-2)
