"""Samples of any rate and any number of electrodes in; powers and relations of electrodes on shared axes out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.frontend.features.matrices import covariance_of, log_matrix
from emgasr.frontend.features.spectrum import MOST_BANDS, SpectralFeatures, frequencies_hz
from emgasr.frontend.rings import shares

LOWEST_RATE_HZ = 100.0  # of which the first three bands are heard
ANGLES = 8  # of the other electrodes, as seen from each: eighths of a turn
_Hz = Annotated[float, Within(0, 1e6)]


@dataclass(frozen=True)
class SharedAxisConfig:
    """Frames that mean the same for every armband: one axis of frequency, and one of angles round the ring.

    Each electrode has the logarithm of its power in bands of frequency, and its row of the matrix logarithm of the
    electrodes' covariance, read at eighths of a turn from it. A band that the rate does not reach is absent; so are the
    angles where electrodes are no ring.

    Args:
        window_ms: length of the window that a frame covers.
        hop_ms: time from one frame to the next.
        edges_hz: rising edges of the frequency bands, one more than there are bands.
        skip_hz: ranges [low, high] that no band holds, such as the mains.
        shrinkage: share of the mean power mixed into the diagonal of the covariance.
        epsilon: added to powers and to the diagonal, in the power's unit.
    """

    kind: Literal["shared_axis"] = "shared_axis"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 200.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 100.0
    edges_hz: tuple[_Hz, ...] = (15.0, 30.0, 50.0, 70.0, 95.0, 145.0, 245.0, 450.0)
    skip_hz: tuple[tuple[_Hz, _Hz], ...] = ()
    shrinkage: Annotated[float, Within(0, 1)] = 0.01
    epsilon: Annotated[float, Within(1e-30, 1e30)] = 1e-6

    def __post_init__(self) -> None:
        check_within(self, "features")


class SharedAxis(SpectralFeatures):
    """Log powers in the bands, then the row of the covariance's logarithm at each of ANGLES: K is their number.

    K depends on the options alone, whatever the rate and the electrodes.
    """

    members: Tensor
    turned: Tensor
    angles = ANGLES

    def __init__(self, config: SharedAxisConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        if rate_hz < LOWEST_RATE_HZ:
            wrong = f"shared_axis reads rates from {LOWEST_RATE_HZ:g} Hz, not {rate_hz:g} Hz"
            raise ConfigError("features", wrong, "leave these recordings out, or choose other features")
        super().__init__(config, rate_hz, bands, electrodes)
        edges = config.edges_hz
        if len(edges) > MOST_BANDS or electrodes > MOST_BANDS:
            wrong = f"{len(edges)} edges_hz of {electrodes} electrodes"
            raise ConfigError("features", wrong, f"give at most {MOST_BANDS} of each")
        if len(edges) < 2 or any(low >= high for low, high in itertools.pairwise(edges)):
            raise ConfigError("features", f"edges_hz {edges} do not rise", "give two or more rising frequencies")
        self.shrinkage, self.epsilon = config.shrinkage, config.epsilon
        ranges = list(itertools.pairwise(edges))
        self.reached = tuple(high <= rate_hz / 2 for _, high in ranges)
        if not any(self.reached):
            wrong = f"no band of {edges} Hz ends below {rate_hz / 2:g} Hz, half the rate"
            raise ConfigError("features", wrong, "give lower edges_hz")
        members = _members(ranges, config.skip_hz, self.window, rate_hz)
        for count, (low, high), reached in zip(members.sum(0).tolist(), ranges, self.reached, strict=True):
            if reached and not count:
                wrong = f"no FFT bin lies between {low:g} and {high:g} Hz"
                raise ConfigError("features", wrong, "widen the band, or make window_ms longer")
        members *= torch.tensor(self.reached)
        turned = torch.stack(
            [
                shares([(e / electrodes + k / ANGLES) for e in range(electrodes)], electrodes, 1 / electrodes)
                for k in range(ANGLES)
            ]
        )  # (ANGLES, E, E)
        self.register_buffer("members", members, persistent=False)
        self.register_buffer("turned", turned, persistent=False)
        self.bins = len(ranges) + ANGLES

    def present(self, rings: Sequence[bool]) -> tuple[tuple[bool, ...], ...]:
        """Return for each band of electrodes which bins say anything."""
        return tuple((*self.reached, True, *(ring for _ in range(ANGLES - 1))) for ring in rings)

    def of_electrode(self, band: int, electrode: int) -> Tensor:
        """Return the electrode's own values, and those of the others at the angles at which they see it."""
        found = super().of_electrode(band, electrode)
        found[band, :, self.bins - ANGLES :] |= (self.turned[:, :, electrode] > 0).T.cpu()
        return found

    def whole(self, samples: Tensor) -> Tensor:
        """Return log powers and rows of the covariance's logarithm, (B, F, N, E, K); absent bands are 0."""
        spectrum = self.spectrum(samples)
        members = self.members.to(samples.dtype)
        power = (spectrum.real.square() + spectrum.imag.square()) @ members / members.sum(0).clamp(min=1.0)
        power = torch.where(members.sum(0) > 0, (power + self.epsilon).log(), 0.0)
        power = power.unflatten(2, (self.bands, self.input_electrodes))
        used = members.sum(1) > 0
        parts = torch.view_as_real(spectrum[..., used]).unflatten(2, (self.bands, self.input_electrodes))
        logarithm = log_matrix(covariance_of(parts), self.shrinkage, self.epsilon)  # (B, F, N, E, E)
        rows = torch.einsum("kej,...ej->...ek", self.turned.to(samples.dtype), logarithm)
        return torch.cat([power, rows], -1)


def _members(
    ranges: Sequence[tuple[float, float]], skipped: Sequence[tuple[float, float]], window: int, rate_hz: float
) -> Tensor:
    """Return (bins, bands) float32: 1 where an FFT bin lies in a band [low, high) and in no range that is skipped."""
    hz = frequencies_hz(window, rate_hz)[:, None]
    low, high = torch.tensor(ranges, dtype=torch.float64).T
    members = (hz >= low) & (hz < high)
    for first, last in skipped:
        members &= (hz < first) | (hz > last)
    return members.float()
