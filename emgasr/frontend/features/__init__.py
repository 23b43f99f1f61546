"""Samples of muscle signal in, frames out: the contract, the one list of the kinds that there are, one file a kind."""

from __future__ import annotations

from typing import NamedTuple

from emgasr.frontend.features.band_power import BandPower, BandPowerConfig
from emgasr.frontend.features.contract import MOST_CHANNELS, Features, FeaturesConfig, FeaturesState
from emgasr.frontend.features.log_spectrogram import LogSpectrogram, LogSpectrogramConfig
from emgasr.frontend.features.raw_samples import RawSamples, RawSamplesConfig
from emgasr.frontend.features.shared_axis import SharedAxis, SharedAxisConfig
from emgasr.frontend.features.spectral_covariance import SpectralCovariance, SpectralCovarianceConfig
from emgasr.frontend.features.time_domain import TimeDomain, TimeDomainConfig

__all__ = [
    "FEATURES",
    "MOST_CHANNELS",
    "BandPowerConfig",
    "Features",
    "FeaturesConfig",
    "FeaturesState",
    "LogSpectrogramConfig",
    "RawSamplesConfig",
    "SharedAxisConfig",
    "SpectralCovarianceConfig",
    "TimeDomainConfig",
    "build_features",
]


class FeaturesKind(NamedTuple):
    """One kind of features: the dataclass of its options; the class built from (options, rate, bands, electrodes)."""

    config: type[FeaturesConfig]
    build: type[Features]


FEATURES: dict[str, FeaturesKind] = {
    "log_spectrogram": FeaturesKind(LogSpectrogramConfig, LogSpectrogram),
    "band_power": FeaturesKind(BandPowerConfig, BandPower),
    "spectral_covariance": FeaturesKind(SpectralCovarianceConfig, SpectralCovariance),
    "shared_axis": FeaturesKind(SharedAxisConfig, SharedAxis),
    "raw_samples": FeaturesKind(RawSamplesConfig, RawSamples),
    "time_domain": FeaturesKind(TimeDomainConfig, TimeDomain),
}


def build_features(config: FeaturesConfig, rate_hz: float, bands: int, electrodes: int) -> Features:
    """Build the features that `config` describes, for `bands` bands of `electrodes` electrodes sampled at `rate_hz`.

    Raises:
        ConfigError: the options do not fit the rate.
    """
    return FEATURES[config.kind].build(config, rate_hz, bands, electrodes)
