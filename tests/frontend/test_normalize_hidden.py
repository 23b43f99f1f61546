"""Hidden frames are read relative to those of their session, by its statistics alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from emgasr.errors import ConfigError
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.frontend.normalize_hidden import HiddenNormalize
from emgasr.frontend.session import SessionConfig
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.models.session import SessionReader
from emgasr.recording import Recording
from tests.helpers.tiny_models import HIDDEN, easy_recording, tiny_recognizer

PRIOR = NormalizeConfig("adaptive", prior_s=2.0)


def fitted_stage(rate_hz: float = 5.0) -> HiddenNormalize:
    """A stage of width 3 whose training set has means 1 and variances 4."""
    stage = HiddenNormalize(PRIOR, rate_hz, 3, 2, 2)
    assert stage.statistics is not None
    stage.statistics.mean.fill_(1.0)
    stage.statistics.variance.fill_(4.0)
    return stage


def by_definition(frames: np.ndarray, weight: float) -> np.ndarray:
    """Each frame by the mean and variance of `weight` frames of the training set and of all frames up to it."""
    found = []
    for now in range(len(frames)):
        seen = frames[: now + 1]
        mean = (weight * 1.0 + seen.sum(0)) / (weight + len(seen))
        scatter = weight * (4.0 + (1.0 - mean) ** 2) + ((seen - mean) ** 2).sum(0)
        found.append((frames[now] - mean) / np.sqrt(scatter / (weight + len(seen)) + PRIOR.epsilon))
    return np.stack(found)


def test_a_hidden_frame_is_normalized_by_the_training_set_and_all_hidden_frames_so_far() -> None:
    frames = torch.randn(1, 40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 5 - 2
    found = fitted_stage()(frames, torch.tensor([40]))[0].numpy()
    np.testing.assert_allclose(found, by_definition(frames[0].numpy(), 10.0), rtol=1e-9)


def test_a_hidden_frame_is_learned_only_if_all_its_input_frames_are() -> None:
    stage, device = fitted_stage(), torch.device("cpu")
    frames = torch.randn(1, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    flags = torch.tensor([[True, True, True, False, True, True, False, False, True]])
    state = stage.start(1, torch.float64, device)
    first, state = stage.step(frames[:, :2], torch.tensor([2]), state, (flags[:, :5], torch.tensor([5])))
    second, state = stage.step(frames[:, 2:], torch.tensor([2]), state, (flags[:, 5:], torch.tensor([4])))
    found = torch.cat([first, second], 1)[0].numpy()
    known = frames[0, [0, 2]].numpy()  # the second and the fourth enter nothing
    assert state.statistics.weight.tolist() == [12.0]
    np.testing.assert_allclose(state.statistics.mean[0, 0, 0].numpy(), (10 + known.sum(0)) / 12)
    np.testing.assert_allclose(found[2], by_definition(known, 10.0)[1], rtol=1e-9)
    assert state.lengths.tolist() == [1]  # the ninth input frame waits for its hidden frame


def session_of(lengths_s: tuple[float, ...]) -> list[Recording]:
    return [
        replace(one, samples=np.asarray(one.samples) * (1 + number))
        for number, one in enumerate(
            easy_recording(seed, seconds, session="one") for seed, seconds in enumerate(lengths_s)
        )
    ]


def whole_hidden(model: Recognizer, recordings: list[Recording]) -> list[torch.Tensor]:
    """Hidden frames (F, D) of recordings, of which the statistics of all feature frames are known beforehand."""
    frames = []
    for recording in recordings:
        samples = torch.from_numpy(np.asarray(recording.samples[0 : recording.n_samples]))[None]
        frames.append(model.features(samples, torch.tensor([samples.shape[1]]))[0][0].double())
    every = torch.cat(frames)
    weight = model.normalize.prior_frames
    mean = (weight * model.normalize.mean.double() + every.sum(0)) / (weight + len(every))
    variance = model.normalize.variance.double() + (model.normalize.mean.double() - mean).square()
    scatter = weight * variance + (every - mean).square().sum(0)
    scale = (scatter / (weight + len(every)) + model.normalize.config.epsilon).rsqrt()
    with torch.inference_mode():
        ready = [((one - mean) * scale).float()[None] for one in frames]
        return [model.encoder(one, torch.tensor([one.shape[1]])).hidden[0].double() for one in ready]


def test_all_of_a_session_unlabelled_sets_the_statistics_of_its_hidden_frames() -> None:
    model, given = tiny_recognizer("linear", HIDDEN), session_of((4.0, 3.0))
    reader = SessionReader(model, SessionConfig(carry=True, unlabelled_seconds="all"))
    reader.begin(lambda: given)
    hidden = whole_hidden(model, given)
    stage = model.normalize_hidden.statistics
    assert stage is not None
    every, weight = torch.cat(hidden), stage.prior_frames
    mean = every.sum(0) / (weight + len(every))
    scatter = weight * (1 + mean.square()) + (every - mean).square().sum(0)
    scale = (scatter / (weight + len(every)) + stage.config.epsilon).rsqrt()
    for recording, one in zip(given, hidden, strict=True):
        with torch.inference_mode():
            expected = model.log_probs(((one - mean) * scale).float()[None])[0].numpy()
        np.testing.assert_allclose(reader.listen(recording).emissions, expected, atol=2e-4)


def test_a_session_goes_on_with_the_hidden_frames_of_its_earlier_recordings() -> None:
    model, given = tiny_recognizer("conformer", HIDDEN), session_of((4.0, 3.0))
    reader = SessionReader(model, SessionConfig(carry=True))
    one_by_one = [reader.listen(recording) for recording in given]
    together = SessionReader(model, SessionConfig(carry=True)).listen_together(given)
    for alone, other in zip(one_by_one, together, strict=True):
        np.testing.assert_allclose(other.emissions, alone.emissions, atol=2e-5)
    afresh = model.listen(given[1]).emissions
    assert np.abs(one_by_one[1].emissions - afresh).max() > 0.01


def test_statistics_with_a_warm_up_are_refused() -> None:
    with pytest.raises(ConfigError, match="normalize_hidden: cumulative has a warm-up"):
        HiddenNormalize(NormalizeConfig("cumulative"), 10.0, 3, 1, 2)
    model = tiny_recognizer("linear")
    shape = RecognizerConfig(model.config.features, NormalizeConfig("cumulative"), model.config.encoder, PRIOR)
    with pytest.raises(ConfigError, match=r"normalize\.kind cumulative has a warm-up"):
        Recognizer(shape, model.signal, model.tokens)
