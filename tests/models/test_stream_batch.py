"""Streams that share a pure acoustic step get the emissions that each would get alone; the step can be exported."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from emgasr.decoding import greedy
from emgasr.errors import DataError
from emgasr.models.recognizer import Recognizer, RecognizerState
from emgasr.models.stream_batch import AcousticStep, StreamBatch
from emgasr.state import map_state, tensors_of
from tests.helpers.host_reads import HostReads
from tests.helpers.tiny_models import ENCODERS, FEATURES, WAYS, tiny_recognizer

CHANNELS = 8


def noise(streams: int, samples: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    loudness = 10.0 ** torch.randint(0, 3, (streams, samples // 25 + 1, CHANNELS), generator=generator)
    values = torch.randn(streams, samples, CHANNELS, dtype=torch.float64, generator=generator)
    return values * loudness.repeat_interleave(25, 1)[:, :samples]


def aligned(model: Recognizer, streams: int) -> RecognizerState:
    """The state of streams whose warm-up is over and that stand where a chunk begins."""
    chunks = -(-model.config.normalize.held_frames // (model.encoder.chunk_frames * model.encoder.stride))
    samples = noise(streams, model.features.lead + chunks * model.chunk_samples).to(model.head.weight)
    state = model.step(samples, None, model.start(streams))[2]
    return map_state(torch.clone, state)


@pytest.mark.slow
@pytest.mark.parametrize("normalize", WAYS)
@pytest.mark.parametrize("encoder", ENCODERS)
@settings(max_examples=5, deadline=None)
@given(feeds=st.lists(st.tuples(*[st.integers(0, 150)] * 2), min_size=1, max_size=8), late=st.integers(0, 3))
def test_each_stream_gets_the_emissions_that_it_would_get_alone(
    encoder: str, normalize: str, feeds: list[tuple[int, int]], late: int
) -> None:
    model = tiny_recognizer(encoder, normalize).double()
    samples, batch = noise(2, 1200), StreamBatch(model, slots=3)
    streams, done = [batch.open()], [0, 0]
    parts: list[list[Tensor]] = [[], []]
    for number, counts in enumerate(feeds):
        if number == late:
            streams.append(batch.open())
        chunks = {}
        for item, stream in enumerate(streams):
            chunks[stream] = samples[item, done[item] : done[item] + counts[item]]
            done[item] += counts[item]
        for item, emissions in batch.feed(chunks).items():
            parts[streams.index(item)].append(emissions)
    for item, stream in enumerate(streams):
        found = torch.cat([*parts[item], batch.close(stream)])
        with torch.inference_mode():
            expected = model(samples[item : item + 1, : done[item]], torch.tensor(done[item : item + 1]))[0][0]
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
        assert greedy(found.numpy()).ids == greedy(expected.numpy()).ids


def test_emissions_come_as_soon_as_their_chunk_is_whole() -> None:
    model = tiny_recognizer("conformer", "cumulative").double()
    batch, samples, state = StreamBatch(model, slots=1), noise(1, 900), model.start()
    stream = batch.open()
    for first in range(0, 900, 30):
        expected, _, state = model.step(samples[:, first : first + 30], None, state)
        found = batch.feed({stream: samples[0, first : first + 30]})[stream]
        torch.testing.assert_close(found, expected[0], rtol=0, atol=1e-10)


def test_a_closed_stream_frees_its_slot_and_leaves_nothing_to_the_next() -> None:
    model = tiny_recognizer("tds").double()
    batch, samples = StreamBatch(model, slots=1), noise(2, 500)
    for item in range(2):
        stream = batch.open()
        with pytest.raises(DataError, match="all 1 slots are taken"):
            batch.open()
        found = torch.cat([batch.feed({stream: samples[item]})[stream], batch.close(stream)])
        torch.testing.assert_close(
            found, model(samples[item : item + 1], torch.tensor([500]))[0][0], rtol=0, atol=1e-10
        )


@pytest.mark.parametrize("normalize", WAYS)
@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_shared_step_is_that_of_the_recognizer_and_reads_no_number(
    encoder: str, features: str, normalize: str
) -> None:
    model = tiny_recognizer(encoder, normalize, features=FEATURES[features])
    state, step = aligned(model, 2), AcousticStep(model)
    samples, ready = noise(2, model.chunk_samples).float(), torch.tensor([True, False])
    with HostReads() as reads, torch.no_grad():
        found, new = step(samples, ready, state)
    assert reads.count == 0
    expected, _, stepped = model.step(samples, None, state)
    assert torch.equal(found, expected)
    for name, tensor in tensors_of(new).items():
        assert torch.equal(tensor[0], tensors_of(stepped)[name][0])
        assert torch.equal(tensor[1], tensors_of(state)[name][1])


EXPORTED = [
    *((encoder, "log_spectrogram", "cumulative") for encoder in ENCODERS),
    *(("linear", features, "fixed") for features in FEATURES),
    *(("linear", "log_spectrogram", normalize) for normalize in WAYS),
]


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "features", "normalize"), EXPORTED)
def test_the_shared_step_is_exported_as_a_graph_of_tensors(encoder: str, features: str, normalize: str) -> None:
    model = tiny_recognizer(encoder, normalize, features=FEATURES[features])
    state, step = aligned(model, 2), AcousticStep(model)
    samples, ready = noise(2, model.chunk_samples).float(), torch.tensor([True, False])
    with torch.no_grad():
        exported = torch.export.export(step, (samples, ready, state), strict=False).module()
        for _ in range(2):
            found, new = exported(samples, ready, state)
            expected, state = step(samples, ready, state)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
            for name, tensor in tensors_of(new).items():
                torch.testing.assert_close(tensor, tensors_of(state)[name], rtol=0, atol=1e-6)
    model.step(samples, None, model.start(2))  # a trace leaves no stand-in for a tensor behind


def test_a_read_on_the_host_is_counted() -> None:
    numbers = torch.tensor([1, 2])
    with HostReads() as reads:
        numbers.tolist(), int(numbers[0]), bool(numbers[0] > 0), float(numbers[1]), numbers[0].item()
    assert reads.count == 5
