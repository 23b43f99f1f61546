"""The law of streaming: any chunking, any batch of streams, any interruption gives the emissions of the whole."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from emgasr.decoding import greedy
from emgasr.errors import ConfigError
from emgasr.frontend.features import LogSpectrogramConfig, build_features
from emgasr.models.encoder import FrameShape
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.models.tds import TDSConfig
from emgasr.state import merge_streams, select_streams, state_of, tensors_of
from tests.helpers.miniatures import make_recording
from tests.helpers.tiny_models import ENCODERS, FEATURES, WAYS, tiny_recognizer, ways

PRECISION = [(torch.float32, 1e-5), (torch.float64, 1e-10)]


def recognizer_of(features: str, encoder: str, normalize: str, dtype: torch.dtype = torch.float64) -> Recognizer:
    model = tiny_recognizer()
    torch.manual_seed(5)
    config = RecognizerConfig(FEATURES[features], encoder=ENCODERS[encoder], **ways(normalize))
    model = Recognizer(config, model.signal, model.tokens)
    for name, parameter in model.named_parameters():
        if "distance_bias" in name:
            torch.nn.init.normal_(parameter)
    return model.to(dtype).eval()


def signal(items: int, samples: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    loudness = torch.randint(0, 3, (items, samples // 25 + 1, 8), generator=generator).repeat_interleave(25, 1)
    values = torch.randn(items, samples, 8, dtype=torch.float64, generator=generator)
    return values * 10.0 ** loudness[:, :samples]


def streamed(model: Recognizer, samples: torch.Tensor, cuts: list[int]) -> torch.Tensor:
    """The emissions of samples (B, T, C) fed in the chunks between `cuts`."""
    total = samples.shape[1]
    edges = [0, *sorted(min(cut, total) for cut in cuts), total]
    state, parts = model.start(len(samples)), []
    for first, last in itertools.pairwise(edges):
        part, lengths, state = model.step(samples[:, first:last], None, state)
        assert lengths.tolist() == [part.shape[1]] * len(samples)
        parts.append(part)
    return torch.cat([*parts, model.flush(state)[0]], 1)


def whole(model: Recognizer, samples: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return model(samples, torch.full((len(samples),), samples.shape[1]))[0]


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), PRECISION)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("features", FEATURES)
@settings(max_examples=8, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 500), max_size=12),
    total=st.integers(0, 500),
    normalize=st.sampled_from(sorted(WAYS)),
)
@example(cuts=list(range(200)), total=200, normalize="cumulative")
@example(cuts=[], total=500, normalize="exponential")
def test_any_chunking_gives_the_same_emissions_and_text(
    features: str,
    encoder: str,
    dtype: torch.dtype,
    tolerance: float,
    cuts: list[int],
    total: int,
    normalize: str,
) -> None:
    model = recognizer_of(features, encoder, normalize, dtype)
    samples = signal(2, total, seed=total).to(dtype)
    expected, found = whole(model, samples), streamed(model, samples, cuts)
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)
    if dtype == torch.float64:
        for one, other in zip(found.numpy(), expected.numpy(), strict=True):
            assert greedy(one).ids == greedy(other).ids


@pytest.mark.parametrize("normalize", WAYS)
@pytest.mark.parametrize("encoder", ENCODERS)
@settings(max_examples=5, deadline=None)
@given(steps=st.lists(st.tuples(*[st.integers(0, 90)] * 3), min_size=2, max_size=8), late=st.integers(0, 3))
def test_streams_that_began_at_different_times_share_their_steps(
    encoder: str, normalize: str, steps: list[tuple[int, int, int]], late: int
) -> None:
    model = recognizer_of("log_spectrogram", encoder, normalize)
    totals = [sum(step[0] for step in steps), sum(step[1] for step in steps), sum(step[2] for step in steps[late:])]
    samples = signal(3, max(totals) + 90)
    parts: list[list[torch.Tensor]] = [[], [], []]
    done = [0, 0, 0]
    state = model.start(2)
    for number, step in enumerate(steps):
        if number == late:  # a third stream joins
            state = merge_streams([state, model.start(1)])
        members = 2 if number < late else 3
        counts = torch.tensor(step[:members])
        chunk = torch.full((members, int(counts.max()), 8), float("nan"), dtype=torch.float64)
        for item in range(members):
            chunk[item, : step[item]] = samples[item, done[item] : done[item] + step[item]]
            done[item] += step[item]
        chunk = chunk.nan_to_num(1e4)  # what stands behind a stream's samples does not matter
        out, lengths, state = model.step(chunk, counts, state)
        for item in range(members):
            parts[item].append(out[item, : lengths[item]])
    out, lengths = model.flush(state)
    for item in range(len(lengths)):
        expected = whole(model, samples[item : item + 1, : done[item]])[0]
        found = torch.cat([*parts[item], out[item, : lengths[item]]])
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("normalize", ["cumulative", "fixed"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_stored_state_goes_on_and_a_stream_can_leave_its_batch(encoder: str, normalize: str, tmp_path: Path) -> None:
    model = recognizer_of("log_spectrogram", encoder, normalize)
    samples = signal(3, 600)
    for middle in (7, 333):
        first, _, state = model.step(samples[:, :middle], None, model.start(3))
        save_file(tensors_of(state), tmp_path / "state.safetensors")
        torch.save(tensors_of(state), tmp_path / "state.pt")
        for tensors in (load_file(tmp_path / "state.safetensors"), torch.load(tmp_path / "state.pt")):
            resumed = select_streams(state_of(tensors, model.start(3)), [1])
            second, _, resumed = model.step(samples[1:2, middle:], None, resumed)
            found = torch.cat([first[1:2], second, model.flush(resumed)[0]], 1)
            torch.testing.assert_close(found, whole(model, samples[1:2]), rtol=0, atol=1e-10)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_state_never_grows(encoder: str) -> None:
    model = recognizer_of("spectral_covariance", encoder, "cumulative")
    samples, state = signal(1, 4000), model.start()
    shapes = {name: tensor.shape for name, tensor in tensors_of(state).items()}
    for first in range(0, 4000, 130):
        _, _, state = model.step(samples[:, first : first + 130], None, state)
        assert {name: tensor.shape for name, tensor in tensors_of(state).items()} == shapes
        stored = sum(tensor.untyped_storage().nbytes() for tensor in tensors_of(state).values())
        assert stored <= 2 * sum(tensor.nbytes for tensor in tensors_of(state).values())


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_emission_of_a_stream_has_no_gradient_of_a_later_sample(encoder: str) -> None:
    model = recognizer_of("log_spectrogram", encoder, "exponential")
    samples = signal(1, 480).requires_grad_()
    state = model.start()
    features, normalize, coder = (type(part)(*_plain(part)) for part in state[:3])
    for first in range(0, 480, 48):
        frames, lengths, features = model.features.step(samples[:, first : first + 48], torch.tensor([48]), features)
        frames, lengths, normalize = model.normalize.step(frames, lengths, normalize)
        hidden, lengths, coder = model.encoder.step(frames, lengths, coder)
        if hidden.shape[1] and first > 100:
            # Not one value, which may be 0 behind a ReLU; not their plain sum, which a layer norm keeps as it is.
            mixed = hidden[0, 0] @ torch.arange(1.0, hidden.shape[2] + 1, dtype=hidden.dtype)
            (gradient,) = torch.autograd.grad(mixed, samples, retain_graph=True)
            seen = gradient[0].abs().sum(1).nonzero().flatten()
            assert 0 < int(seen[-1]) < first + 48
            assert int(seen[0]) < first  # it goes through the caches


def _plain(state: tuple) -> list:
    """The fields of a state as tensors that autograd can use."""
    return [field.clone() if isinstance(field, torch.Tensor) else _same_kind(field, _plain(field)) for field in state]


def _same_kind(field: tuple, parts: list) -> tuple:
    return type(field)(*parts) if hasattr(field, "_fields") else tuple(parts)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["conformer", "tds"])
def test_an_hour_is_that_of_one_pass_and_does_not_drift(encoder: str) -> None:
    model = recognizer_of("log_spectrogram", encoder, "cumulative", torch.float32)
    hour = signal(1, 25, seed=1).float()
    frames = torch.randn(1, 50 * 3600, 2, 4, 5, generator=torch.Generator().manual_seed(2)) + hour.std()
    lengths = torch.tensor([frames.shape[1]])
    normalize, coder = (stage.start(1, torch.float32, frames.device) for stage in (model.normalize, model.encoder))
    parts = []
    with torch.inference_mode():
        expected = model.encoder(*model.normalize(frames, lengths)).hidden
        for piece in frames.split(5003, 1):
            ready, count, normalize = model.normalize.step(piece, torch.tensor([piece.shape[1]]), normalize)
            hidden, _, coder = model.encoder.step(ready, count, coder)
            parts.append(hidden)
        found = torch.cat([*parts, model.encoder.flush(coder)[0]], 1)
    difference = (found - expected).abs().amax(2)[0]
    assert found.shape == expected.shape
    assert difference.max() < 1e-4
    assert difference[-5000:].max() < 2 * difference[:5000].max() + 1e-5


def test_emissions_of_a_recording_are_those_of_a_stream() -> None:
    model = recognizer_of("log_spectrogram", "conformer", "cumulative", torch.float32)
    recording = make_recording(6.13)
    samples = torch.from_numpy(recording.read())[None]
    np.testing.assert_allclose(model.emissions(recording), streamed(model, samples, [9, 200])[0], atol=1e-5)


def test_what_leaves_the_first_frames_out_cannot_be_streamed() -> None:
    from emgasr.models.tds import TDSEncoder

    with pytest.raises(ConfigError, match=r"encoder\.padding.*streamed"):
        TDSEncoder(TDSConfig(mlp_width=6, channels=3, padding="none"), FrameShape(1, 1, 2)).start(
            1, torch.float32, torch.device("cpu")
        )


def test_a_hop_longer_than_the_window_is_refused() -> None:
    with pytest.raises(ConfigError, match="hop_ms 40 is longer than window_ms 20"):
        build_features(LogSpectrogramConfig(window_ms=20, hop_ms=40), 200.0, 1, 4)
