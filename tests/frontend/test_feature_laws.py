"""The laws of features, for each row of the registry: a new kind is tested here without a new test."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from emgasr.config.parsing import from_mapping, to_mapping
from emgasr.errors import DataError
from emgasr.frontend.features import (
    FEATURES,
    BandPowerConfig,
    Features,
    FeaturesConfig,
    LogSpectrogramConfig,
    RawSamplesConfig,
    SpectralCovarianceConfig,
    build_features,
)
from emgasr.frontend.features.contract import FeaturesState
from emgasr.state import merge_streams, tensors_of
from tests.helpers.host_reads import HostReads

CHANNELS = 8  # two bands of four electrodes
# Kinds that have no row here are tested with their defaults, at 2 kHz.
CHOSEN: dict[str, list[FeaturesConfig]] = {
    "log_spectrogram": [LogSpectrogramConfig(), LogSpectrogramConfig(window_ms=20, hop_ms=6)],
    "band_power": [BandPowerConfig()],
    "spectral_covariance": [SpectralCovarianceConfig()],
    "raw_samples": [RawSamplesConfig(window_ms=8, hop_ms=4), RawSamplesConfig(window_ms=5, hop_ms=5)],
}
CONFIGS = [config for name, kind in FEATURES.items() for config in CHOSEN.get(name, [kind.config()])]
every_kind = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)


def features_of(config: FeaturesConfig) -> Features:
    return build_features(config, rate_hz=2000.0, bands=2, electrodes=4).double()


def noise(batch: int, samples: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, samples, CHANNELS, dtype=torch.float64, generator=generator)


def started(features: Features, batch: int = 1) -> FeaturesState:
    return features.start(batch, torch.float64, torch.device("cpu"))


@every_kind
def test_a_row_is_the_kind_of_its_options_which_are_frozen_plain_data(config: FeaturesConfig) -> None:
    assert type(config) is FEATURES[config.kind].config
    assert dataclasses.is_dataclass(config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.kind = "another"  # type: ignore[misc]
    assert from_mapping(type(config), {}, to_mapping(config), "a file") == config


@every_kind
@pytest.mark.parametrize("count", [0, 15, 1000])
def test_a_recording_gives_a_frame_for_each_whole_window(config: FeaturesConfig, count: int) -> None:
    features = features_of(config)
    frames, lengths = features(noise(2, count), torch.tensor([count, count // 2]))
    windows = [max(0, (samples - features.window) // features.hop + 1) for samples in (count, count // 2)]
    assert frames.shape == (2, windows[0], 2, features.electrodes, features.bins)
    assert lengths.tolist() == features.lengths(torch.tensor([count, count // 2])).tolist() == windows
    assert (features.window, features.hop) == (2 * config.window_ms, 2 * config.hop_ms)
    assert features.frame_rate_hz == 1000 / config.hop_ms


@every_kind
def test_no_frame_sees_a_sample_outside_its_window(config: FeaturesConfig) -> None:
    features = features_of(config)
    samples = noise(1, 600).requires_grad_()
    frames, _ = features(samples, torch.tensor([600]))
    for frame in (0, frames.shape[1] // 2, frames.shape[1] - 1):
        (gradient,) = torch.autograd.grad(frames[0, frame].sum(), samples, retain_graph=True)
        start, end = frame * features.hop, frame * features.hop + features.window
        assert gradient[0, :start].count_nonzero() == 0
        assert gradient[0, end:].count_nonzero() == 0
        assert gradient[0, start:end].count_nonzero() > 0


@every_kind
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 700), max_size=8), count=st.integers(0, 700))
def test_any_chunking_gives_the_frames_of_the_whole(config: FeaturesConfig, cuts: list[int], count: int) -> None:
    features, samples = features_of(config), noise(2, count)
    state, parts = started(features, 2), []
    for first, last in itertools.pairwise([0, *sorted(min(cut, count) for cut in cuts), count]):
        frames, lengths, state = features.step(samples[:, first:last], torch.full((2,), last - first), state)
        assert lengths.tolist() == [frames.shape[1]] * 2
        parts.append(frames)
    last_frames, last_lengths = features.flush(state)
    assert last_lengths.tolist() == [last_frames.shape[1]] * 2
    expected, _ = features(samples, torch.full((2,), count))
    torch.testing.assert_close(torch.cat([*parts, last_frames], 1), expected, rtol=0, atol=1e-10)


@every_kind
@settings(max_examples=10, deadline=None)
@given(length=st.integers(0, 700), padding=st.integers(0, 200))
def test_padding_and_neighbors_change_nothing(config: FeaturesConfig, length: int, padding: int) -> None:
    features = features_of(config)
    alone = noise(1, length, seed=length)
    batch = noise(3, length + padding, seed=7)
    batch[1, :length] = alone[0]
    expected, count = features(alone, torch.tensor([length]))
    frames, counts = features(batch, torch.tensor([length + padding, length, length // 2]))
    assert counts[1] == count[0]
    torch.testing.assert_close(frames[1, : int(count[0])], expected[0, : int(count[0])], rtol=0, atol=1e-10)
    assert frames[1, int(count[0]) :].count_nonzero() == 0


@every_kind
@settings(max_examples=8, deadline=None)
@given(steps=st.lists(st.tuples(*[st.integers(0, 200)] * 2), min_size=1, max_size=5))
def test_streams_that_receive_different_numbers_of_samples_share_their_steps(
    config: FeaturesConfig, steps: list[tuple[int, int]]
) -> None:
    features, samples = features_of(config), noise(2, 1000)
    state, done = merge_streams([started(features), started(features)]), [0, 0]
    parts: list[list[Tensor]] = [[], []]
    for step in steps:
        chunk = torch.full((2, max(step), CHANNELS), 1e4, dtype=torch.float64)  # padding is anything
        for item, count in enumerate(step):
            chunk[item, :count] = samples[item, done[item] : done[item] + count]
            done[item] += count
        frames, lengths, state = features.step(chunk, torch.tensor(step), state)
        for item in range(2):
            parts[item].append(frames[item, : lengths[item]])
    for item in range(2):
        expected, _ = features(samples[item : item + 1, : done[item]], torch.tensor(done[item : item + 1]))
        torch.testing.assert_close(torch.cat(parts[item]), expected[0], rtol=0, atol=1e-10)


@every_kind
def test_a_pure_step_gives_the_frames_of_a_step_and_reads_no_number(config: FeaturesConfig) -> None:
    features = features_of(config)
    size = 3 * features.hop
    samples, lengths = noise(2, features.lead + 4 * size), torch.full((2,), size)
    _, none, state = features.step(samples[:, : features.lead], torch.full((2,), features.lead), started(features, 2))
    assert none.tolist() == [0, 0]
    for first in range(features.lead, samples.shape[1], size):
        chunk = samples[:, first : first + size]
        with HostReads() as reads:
            found, advanced = features.advance(chunk, state)
        assert reads.count == 0
        expected, _, state = features.step(chunk, lengths, state)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
        for name, tensor in tensors_of(advanced).items():
            assert torch.equal(tensor, tensors_of(state)[name])


@every_kind
def test_silence_stays_finite(config: FeaturesConfig) -> None:
    frames, _ = features_of(config).float()(torch.zeros(1, 400, CHANNELS), torch.tensor([400]))
    assert frames.isfinite().all()


@every_kind
def test_half_precision_training_keeps_the_features_whole(config: FeaturesConfig) -> None:
    features = features_of(config).float()
    samples = noise(1, 400).float() * 1000
    expected, _ = features(samples, torch.tensor([400]))
    state = features.start(1, torch.float32, samples.device)
    _, _, state = features.step(samples[:, : features.lead], torch.tensor([features.lead]), state)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        frames, _ = features(samples, torch.tensor([400]))
        found, _ = features.advance(samples[:, features.lead : features.window], state)
    assert torch.equal(frames, expected)
    torch.testing.assert_close(found, expected[:, :1], rtol=1e-6, atol=1e-6)


@every_kind
def test_other_channels_are_refused(config: FeaturesConfig) -> None:
    with pytest.raises(DataError, match=r"this model takes \(B, T, 8 channels\)"):
        features_of(config)(torch.zeros(1, 400, 6), torch.tensor([400]))
