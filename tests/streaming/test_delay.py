"""The delay told is the delay measured; quantiles of any number of durations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from emgasr.decoding import SearchConfig
from emgasr.streaming.decoder import BeamReader
from emgasr.streaming.delay import Stopwatch, delay_of
from emgasr.streaming.stream import StreamConfig
from tests.helpers.streams import stream_of
from tests.helpers.tiny_models import ENCODERS, tiny_recognizer


@pytest.mark.parametrize("feed", [1, 16])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_delay_told_is_that_from_the_middle_of_a_window_to_its_emission(encoder: str, feed: int) -> None:
    model = tiny_recognizer(encoder)
    delay = delay_of(model, 1.0, feed_ms=1000 * feed / 200)
    state, out, late = model.start(), 0, []
    for fed in range(feed, 800, feed):
        log_probs, _, state = model.step(torch.zeros(1, feed, 8), None, state)
        for frame in range(out, out + log_probs.shape[1] * model.encoder.stride):
            late.append(1000 * (fed - frame * model.features.hop - model.features.window / 2) / 200)
        out += log_probs.shape[1] * model.encoder.stride
    mean, worst = delay.partial_ms
    assert worst - delay.feed_ms <= max(late) <= worst
    assert np.mean(late) == pytest.approx(mean, abs=delay.feed_ms)


@pytest.mark.parametrize("finalize_s", [0.1, 0.3, 1.0])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_longest_time_to_a_final_key_is_that_of_its_emission_to_the_look_that_finalizes_it(
    encoder: str, finalize_s: float
) -> None:
    model = tiny_recognizer(encoder)
    config = StreamConfig(agreement=1.0, finalize_within_s=finalize_s, pause_s=None)
    reader = stream_of(model, search=SearchConfig(beam=20), config=config)._reader
    assert isinstance(reader, BeamReader)
    chunk, late = model.encoder.chunk_frames, []
    rows = np.log(np.tile([1 - 3e-9, 1e-9, 1e-9, 1e-9], (600, 1)))
    rows[::14], rows[7::14] = np.log([0.35, 0.65, 1e-9, 1e-9]), np.log([0.35, 1e-9, 0.65, 1e-9])  # never certain
    for first in range(0, 600, chunk):
        reader.read(rows[first : first + chunk])
        late += [first + chunk - token.frame for token in reader.taken()]
    delay = delay_of(model, finalize_s, feed_ms=0.0)
    # Emission f fits a key half a window after f frames best; n of them are there a window after n frames, less a hop.
    assert len(late) > 50
    longest_ms = max(late) * delay.frame_ms - delay.hop_ms + delay.window_ms / 2
    assert delay.final_ms == pytest.approx(longest_ms)


def test_a_delay_is_plain_numbers_and_a_line() -> None:
    delay = delay_of(tiny_recognizer(normalize="cumulative"), None)
    figures = delay.as_dict()
    assert figures["final_worst_ms"] is figures["finalize_ms"] is None
    assert (figures["window_ms"], figures["hop_ms"], figures["chunk_ms"], figures["warmup_ms"]) == (40, 20, 80, 200)
    assert str(delay) == (
        "first shown after 82 ms (at most 144), final without a bound (window 40, hop 20, chunk 80, fed 64 ms)"
    )


def test_quantiles_are_right_to_two_percent() -> None:
    watch = Stopwatch()
    assert np.isnan(watch.quantile_ms(0.5))
    seconds = np.random.default_rng(0).lognormal(-6, 1, 20_000)
    for duration in seconds:
        watch.add(float(duration))
    for share in (0.5, 0.95, 0.99):
        assert watch.quantile_ms(share) == pytest.approx(1000 * np.quantile(seconds, share), rel=0.03)
    assert watch.count == 20_000
    assert watch.total_s == pytest.approx(seconds.sum())
    for extreme in (0.0, 1e9):
        watch.add(extreme)
