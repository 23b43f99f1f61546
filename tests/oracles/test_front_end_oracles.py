"""The front ends beside torchaudio, numpy and scipy, called directly."""

import itertools

import numpy as np
import pytest
import scipy.linalg
import torch

from emgasr.frontend.features import BandPowerConfig, LogSpectrogramConfig, SpectralCovarianceConfig, build_features
from emgasr.runtime.torchaudio_guard import torchaudio


def samples(count: int, channels: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, count, channels, dtype=torch.float64, generator=generator) * 30


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-10)])
def test_log_spectrogram_is_torchaudios_with_the_published_parameters(dtype: torch.dtype, tolerance: float) -> None:
    x = samples(1000, 32).to(dtype)
    spectrogram = torchaudio.transforms.Spectrogram(n_fft=64, hop_length=16, normalized=True, center=False).to(dtype)
    expected = spectrogram(x.movedim(1, -1)).permute(0, 3, 1, 2)  # (B, F, 32, 33)
    frames, lengths = build_features(LogSpectrogramConfig(), 2000.0, 2, 16).to(dtype)(x, torch.tensor([1000, 1000]))
    assert lengths.tolist() == [expected.shape[1]] * 2
    found = 10 ** frames.flatten(2, 3) - 1e-6
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=10 * tolerance)  # of a mean power of 900


def power(window: np.ndarray) -> np.ndarray:
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(window)) / len(window))
    return np.abs(np.fft.rfft(window * hann[:, None], axis=0)) ** 2 / (hann**2).sum()


def test_band_power_is_the_sum_of_fft_bins_between_the_edges() -> None:
    x = samples(300, 4)
    edges = BandPowerConfig().edges_hz
    frames, _ = build_features(BandPowerConfig(), 2000.0, 2, 2).double()(x, torch.tensor([300, 300]))
    frequencies = np.fft.rfftfreq(64, 1 / 2000)
    for frame in range(frames.shape[1]):
        bins = power(x[1, frame * 16 : frame * 16 + 64].numpy())
        for band, (low, high) in enumerate(itertools.pairwise(edges)):
            inside = (frequencies >= low) & ((frequencies < high) | (high == 1000))
            expected = np.log10(bins[inside].sum(0) + 1e-6)
            np.testing.assert_allclose(frames[1, frame, :, :, band].flatten(), expected, atol=1e-6)


def test_six_published_bands_hold_every_bin_but_the_first() -> None:
    members = build_features(BandPowerConfig(), 2000.0, 1, 1).members
    assert members.sum(0).tolist() == [1, 2, 4, 4, 10, 11]
    assert members.sum(1).tolist() == [0] + [1] * 32


@pytest.mark.filterwarnings("ignore:logm result may be inaccurate")  # by 1e-12
def test_spectral_covariance_is_scipys_matrix_logarithm() -> None:
    config = SpectralCovarianceConfig()
    x = samples(200, 6)
    frames, lengths = build_features(config, 2000.0, 2, 3).double()(x, torch.tensor([200, 200]))
    assert lengths.tolist() == [2, 2]
    rows, columns = np.triu_indices(3)
    frequencies = np.fft.rfftfreq(160, 1 / 2000)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(160) / 160)
    for band in range(2):
        window = x[0, 40:200, 3 * band : 3 * band + 3].numpy() * hann[:, None]
        spectrum = np.fft.rfft(window, axis=0) / np.sqrt((hann**2).sum())
        expected = []
        for low, high in config.bands_hz:
            part = spectrum[(frequencies >= low) & (frequencies <= high)]
            covariance = (part.T @ part.conj()).real / len(part)
            shrunk = 0.9 * covariance + (0.1 * np.trace(covariance) / 3 + 1e-6) * np.eye(3)
            logarithm = scipy.linalg.logm(shrunk)
            expected.extend(logarithm[rows, columns] * np.where(rows == columns, 1, np.sqrt(2)))
        np.testing.assert_allclose(frames[0, 1, band, 0], expected, atol=1e-5)
