"""Each kind of features: its bins and rate, what its frames hold, what it refuses."""

import pytest
import torch

from emgasr.errors import ConfigError
from emgasr.frontend.features import (
    BandPowerConfig,
    Features,
    FeaturesConfig,
    LogSpectrogramConfig,
    RawSamplesConfig,
    SpectralCovarianceConfig,
    build_features,
)

BINS = {"log_spectrogram": 33, "band_power": 6, "spectral_covariance": 60, "raw_samples": 16}
RATES_HZ = {"log_spectrogram": 125.0, "band_power": 125.0, "spectral_covariance": 50.0, "raw_samples": 250.0}
CONFIGS = [
    LogSpectrogramConfig(),
    BandPowerConfig(),
    SpectralCovarianceConfig(),
    RawSamplesConfig(window_ms=8, hop_ms=4),
]


def front_end(config: FeaturesConfig) -> Features:
    return build_features(config, rate_hz=2000.0, bands=2, electrodes=4).double()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_frames_have_the_bins_and_the_rate_of_their_options(config: FeaturesConfig) -> None:
    features = front_end(config)
    assert features.bins == BINS[config.kind]
    assert features.frame_rate_hz == RATES_HZ[config.kind]


def test_the_published_window_gives_33_bins_at_125_hz() -> None:
    features = build_features(LogSpectrogramConfig(), 2000.0, 2, 16)
    assert (features.window, features.hop, features.bins, features.frame_rate_hz) == (64, 16, 33, 125.0)
    assert features.lengths(torch.tensor([10_000])).tolist() == [622]


def test_sixteen_electrodes_have_816_covariance_features() -> None:
    assert build_features(SpectralCovarianceConfig(), 2000.0, 1, 16).bins == 816


def test_raw_frames_hold_the_samples_of_their_window_oldest_first() -> None:
    samples = noise(1, 600, 8)
    frames, _ = front_end(RawSamplesConfig(window_ms=8, hop_ms=4))(samples, torch.tensor([600]))
    assert torch.equal(frames[0, 10, 1, 2], samples[0, 80:96, 6])
    silent_speech = build_features(RawSamplesConfig(), 689.0625, 1, 8)
    assert (silent_speech.window, silent_speech.hop) == (16, 8)
    assert silent_speech.frame_rate_hz == pytest.approx(86.13, abs=0.005)


@pytest.mark.parametrize(
    ("config", "rate_hz", "message"),
    [
        (LogSpectrogramConfig(), 200.0, "window_ms 32 is 6.4 samples at 200 Hz; choose a positive multiple of 5 ms"),
        (LogSpectrogramConfig(hop_ms=0.1), 2000.0, "hop_ms 0.1 is 0.2 samples"),
        (LogSpectrogramConfig(window_ms=0.5), 2000.0, "has no spectrum"),
        (BandPowerConfig(edges_hz=(100.0, 50.0)), 2000.0, "do not rise"),
        (BandPowerConfig(edges_hz=(40.0, 50.0)), 2000.0, "no FFT bin lies between 40 and 50 Hz"),
        (BandPowerConfig(), 1000.0, "above half the rate; stay below 500 Hz"),
        (SpectralCovarianceConfig(bands_hz=()), 2000.0, r"not \(low, high\) pairs"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(config: FeaturesConfig, rate_hz: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_features(config, rate_hz, 2, 4)


def test_a_200_hz_armband_works_with_its_own_window() -> None:
    features = build_features(LogSpectrogramConfig(window_ms=160, hop_ms=40), 200.0, 1, 8)
    assert (features.window, features.hop, features.frame_rate_hz) == (32, 8, 25.0)
