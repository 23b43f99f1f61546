"""Bad samples cost a stretch: found by one rule, mended alike in any chunks, live as offline, counted and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.data.batches import WindowSampler, WindowsConfig
from emgasr.frontend.measured import LARGEST, Measured, mended, unmeasured
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.sessions.native import save_session
from emgasr.sources import open_source
from emgasr.streaming.events import FINAL, KeyEvent
from emgasr.streaming.rules import OFFLINE
from emgasr.transcribe import transcribe
from tests.helpers.streams import stream_of
from tests.helpers.tiny_models import easy_recording, tiny_recognizer

BAD = [np.nan, np.inf, -np.inf, 1e20, -3e38]


def spoiled(rows: slice, channels: slice | int, value: float, seconds: float = 8.0) -> Recording:
    recording = easy_recording(3, seconds)
    samples = recording.read()
    samples[rows, channels] = value
    return replace(recording, samples=samples)


def reader(normalize: str = "cumulative") -> Recognizer:
    """A model that writes keys of many kinds."""
    model = tiny_recognizer("linear", normalize)
    hidden = model.hidden(
        *model.features(torch.from_numpy(easy_recording(3).read())[None], torch.tensor([6000]))
    ).hidden
    model.head.bias.data -= model.head(hidden).mean((0, 1)).detach()
    return model


@pytest.mark.parametrize("unit", ["uV", "counts"])
def test_what_an_amplifier_can_give_is_left_alone(unit: str) -> None:
    samples = np.array([[0.0, -0.0], [LARGEST[unit], -LARGEST[unit]], [1e-30, 5.0]], np.float32)
    assert unmeasured(samples, unit) is None
    for value in BAD:
        samples[1, 1] = value
        bad = unmeasured(samples, unit)
        assert bad is not None
        assert np.argwhere(bad).tolist() == [[1, 1]]


@settings(max_examples=50, deadline=None)
@given(
    spots=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 2), st.sampled_from(BAD)), max_size=40),
    cuts=st.lists(st.integers(0, 100), max_size=10),
)
def test_each_bad_value_holds_the_last_good_one_in_any_chunks(
    spots: list[tuple[int, int, float]], cuts: list[int]
) -> None:
    samples = np.random.default_rng(0).normal(0, 1, (100, 3)).astype(np.float32)
    for row, channel, value in spots:
        samples[row, channel] = value
    measured = Measured(3, "uV", block=7)
    parts = [measured.feed(chunk) for chunk in np.split(samples, sorted(cuts))]
    expected, last, lost = samples.copy(), np.zeros(3, np.float32), np.zeros((14, 3), bool)
    for row in range(100):
        for channel in range(3):
            if not abs(samples[row, channel]) <= LARGEST["uV"]:
                expected[row, channel] = last[channel]
                if row < 98:
                    lost[row // 7, channel] = True
            last[channel] = expected[row, channel]
    np.testing.assert_array_equal(np.concatenate([part.samples for part in parts]), expected)
    np.testing.assert_array_equal(np.concatenate([part.lost for part in parts]), lost)
    assert measured.count == len({(row, channel) for row, channel, _ in spots})


@pytest.mark.slow
@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    ("rows", "channels"), [(slice(500, 501), 1), (slice(0, 1), 0), (slice(300, 900), slice(0, 8)), (slice(0, 1600), 2)]
)
def test_a_recording_with_bad_values_is_read_as_live_and_tells_them(
    rows: slice, channels: slice | int, value: float, tmp_path: Path
) -> None:
    recording, model = spoiled(rows, channels, value), reader()
    found = transcribe(model, recording)
    path = tmp_path / "r.hdf5"
    save_session(recording, path)
    stream, events = stream_of(model, config=OFFLINE), []
    for chunk in open_source(f"file:{path},speed=fast").chunks():
        events += stream.feed(chunk.samples)
    events += stream.close()
    keys = [event for event in events if isinstance(event, KeyEvent) and event.state == FINAL]
    assert [event.key.symbol for event in keys] == [key.symbol for key in found.keys]
    np.testing.assert_allclose([event.key.time_s for event in keys], [key.time_s for key in found.keys])
    assert len(keys) > 5
    count = (rows.stop - rows.start) * (8 if isinstance(channels, slice) else 1)
    assert [note.split(" value")[0] for note in found.notes] == [str(count)]
    assert f"first at {rows.start / 200:.3f} s" in found.notes[0]
    assert found.as_dict()["notes"] == list(found.notes)


def test_where_half_of_the_electrodes_are_bad_no_key_is_read() -> None:
    spoilt, half = reader(), slice(0, 4)
    found = transcribe(spoilt, spoiled(slice(600, 1000), half, np.nan))
    assert any(key.time_s < 3 for key in found.keys)
    assert any(key.time_s > 5.1 for key in found.keys)
    assert not any(3.05 < key.time_s < 5.0 for key in found.keys)
    assert "are passed over" in found.notes[0]


def test_a_recording_without_bad_values_is_read_to_the_bit_as_by_the_network_alone() -> None:
    model, recording = reader("none"), easy_recording(3, 8.0)
    lengths = torch.tensor([recording.n_samples])
    with torch.inference_mode():
        expected = model(torch.from_numpy(recording.read())[None], lengths)[0][0].numpy()
    np.testing.assert_allclose(model.emissions(recording)[: len(expected)], expected, atol=1e-4)
    assert transcribe(model, recording).notes == ()


@pytest.mark.parametrize("value", BAD)
def test_training_windows_are_finite_and_tell_once_whose_are_not(value: float) -> None:
    told: list[str] = []
    recordings = [mended(spoiled(slice(100, 300), 2, value), told.append), mended(easy_recording(1), told.append)]
    for cache_gb in (1.0, 0.0):
        config = WindowsConfig(shortest_s=2.0, longest_s=3.0, batch_s=24.0, cache_gb=cache_gb)
        source = WindowSampler(recordings, tiny_recognizer().tokens, config, 0)
        examples = [example for step in range(4) for example in source.examples(step)]
        assert all(np.abs(example.samples).max() < 1e6 for example in examples)
    assert len(told) == 1
    assert "values that no amplifier gives" in told[0]
