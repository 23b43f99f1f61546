"""Features on shared axes: one frame for every rate and every ring, absent bands, what an electrode sees round it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emgasr.errors import ConfigError
from emgasr.frontend.features import SharedAxisConfig, build_features
from emgasr.frontend.features.shared_axis import ANGLES, SharedAxis

CONFIG = SharedAxisConfig(skip_hz=((47, 53),))


def built(rate_hz: float = 200.0, electrodes: int = 8, config: SharedAxisConfig = CONFIG) -> SharedAxis:
    features = build_features(config, rate_hz, 1, electrodes).double()
    assert isinstance(features, SharedAxis)
    return features


def frames_of(samples: np.ndarray, rate_hz: float = 200.0, config: SharedAxisConfig = CONFIG) -> np.ndarray:
    features = built(rate_hz, samples.shape[1], config)
    frames, _ = features(torch.from_numpy(samples)[None], torch.tensor([len(samples)]))
    return frames[0, :, 0].numpy()


def tone(hz: float, rate_hz: float, electrodes: int = 8, seconds: float = 2.0) -> np.ndarray:
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, electrodes)
    return np.sin(2 * np.pi * hz * time_s[:, None] + phases)


@pytest.mark.parametrize(("rate_hz", "reached"), [(100.0, 2), (200.0, 4), (500.0, 6), (1000.0, 7), (2000.0, 7)])
def test_a_frame_has_the_same_values_at_any_rate_and_says_which_are_absent(rate_hz: float, reached: int) -> None:
    features = built(rate_hz)
    assert features.bins == 7 + ANGLES
    (present,) = features.present([True])
    assert present == (*(band < reached for band in range(7)), *(True for _ in range(ANGLES)))
    (alone,) = features.present([False])
    assert alone[7:] == (True, *(False for _ in range(ANGLES - 1)))


@pytest.mark.parametrize("rate_hz", [200.0, 500.0, 2000.0])
def test_a_tone_is_loudest_in_its_band_at_any_rate(rate_hz: float) -> None:
    powers = frames_of(tone(80.0, rate_hz), rate_hz)[..., :4]
    assert (powers.argmax(-1) == 3).all()


def test_what_is_skipped_is_in_no_band() -> None:
    mains, muscle = tone(50.0, 200.0), tone(80.0, 200.0)
    config = SharedAxisConfig(skip_hz=((39, 61),))  # as far as the taper spreads a line
    heard, plain = frames_of(mains, config=config), frames_of(mains, config=SharedAxisConfig())
    assert heard[..., 1:3].max() < plain[..., 1:3].max() - 4
    np.testing.assert_allclose(frames_of(muscle, config=config)[..., 3], frames_of(muscle)[..., 3])


@pytest.mark.parametrize("electrodes", [4, 8, 16])
def test_a_turned_ring_gives_turned_electrodes_that_see_the_same(electrodes: int) -> None:
    samples = np.random.default_rng(1).normal(size=(400, electrodes)) * np.linspace(1, 3, electrodes)
    turned = frames_of(np.roll(samples, 1, axis=1))
    np.testing.assert_allclose(turned, np.roll(frames_of(samples), 1, axis=1), atol=1e-9)


def test_eight_electrodes_see_the_rows_of_the_covariance_logarithm() -> None:
    samples = np.random.default_rng(2).normal(size=(40, 8)) @ np.random.default_rng(3).normal(size=(8, 8))
    config = SharedAxisConfig(shrinkage=0.0, epsilon=1e-30)
    found = frames_of(samples, config=config)[0, :, 7:]
    taper = np.hanning(41)[:-1]
    spectrum = np.fft.rfft(samples * taper[:, None], axis=0) / np.sqrt(np.square(taper).sum())
    hz = np.fft.rfftfreq(40, 1 / 200)
    used = spectrum[(hz >= 15) & (hz < 95)]
    values, vectors = np.linalg.eigh((used.conj().T @ used).real / len(used))
    logarithm = vectors @ np.diag(np.log(values)) @ vectors.T
    expected = np.stack([[logarithm[e, (e + k) % 8] for k in range(8)] for e in range(8)])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_of_an_electrode_are_its_own_values_and_where_others_see_it() -> None:
    samples = np.random.default_rng(4).normal(size=(40, 8))
    features = built()
    louder = samples.copy()
    louder[:, 2] = 0.0
    own = features.of_electrode(0, 2)[0].numpy()
    assert own[2].all()
    assert own.sum() == features.bins + 7
    powers = np.abs(frames_of(samples)[0, :, :7] - frames_of(louder)[0, :, :7]) > 0
    assert (powers <= own[:, :7]).all()


def test_a_rate_that_reaches_no_band_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no band of .* ends below 100 Hz, half the rate"):
        built(200.0, config=SharedAxisConfig(edges_hz=(95, 145, 245)))


def test_a_rate_below_100_hz_is_refused() -> None:
    with pytest.raises(ConfigError, match="reads rates from 100 Hz, not 99 Hz"):
        built(99.0)


def test_a_window_too_short_for_a_band_is_refused() -> None:
    with pytest.raises(ConfigError, match="no FFT bin lies between 15 and 30 Hz"):
        built(200.0, config=SharedAxisConfig(window_ms=20, hop_ms=10))
