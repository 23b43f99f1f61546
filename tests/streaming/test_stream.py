"""Live streams: as offline, events that add up, gates, pauses, faults that never end a stream."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.decoding import SearchConfig
from emgasr.errors import ConfigError, DataError
from emgasr.lm import estimate
from emgasr.models.recognizer import Recognizer
from emgasr.streaming.activity import Notice, RestLevel
from emgasr.streaming.events import FINAL, RETRACTED, Event, KeyEvent, as_dict
from emgasr.streaming.rules import OFFLINE, StreamConfig
from emgasr.streaming.stream import LEARN_HOLD_S
from emgasr.tokens import Tokens
from emgasr.transcribe import transcribe
from tests.helpers.miniatures import make_recording
from tests.helpers.streams import fed, final, stream_of
from tests.helpers.tiny_models import RATE_HZ, tiny_recognizer

LM = estimate(["abba", "ab", "ba"], order=3)
SEARCH = SearchConfig(beam=8, lm_weight=0.5, length_bonus=1.0)


def model(encoder: str = "conformer", normalize: str = "cumulative") -> Recognizer:
    """A model whose every token has its turns."""
    recognizer = tiny_recognizer(encoder, normalize)
    with torch.inference_mode():
        samples = torch.from_numpy(talk(400))[None]
        hidden = recognizer.hidden(*recognizer.features(samples, torch.tensor([400]))).hidden
        mean = recognizer.head(hidden).mean((0, 1))
    recognizer.head.bias.data -= mean.clone()
    recognizer.head.weight.data *= 2
    return recognizer


def talk(samples: int, seed: int = 0) -> np.ndarray:
    """Noise in bursts of 25 samples, float32 (T, 8)."""
    rng = np.random.default_rng(seed)
    loudness = 10.0 ** rng.integers(0, 3, (samples // 25 + 1, 8)).repeat(25, 0)[:samples]
    return (rng.normal(0, 1, (samples, 8)) * loudness).astype(np.float32)


cuttings = st.lists(st.integers(0, 900), max_size=15)


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["conformer", "tds", "linear"])
@pytest.mark.parametrize("search", [None, SEARCH, SearchConfig(beam=8, end_of_sentence=True)])
@settings(max_examples=6, deadline=None)
@given(cuts=cuttings)
def test_without_a_commit_rule_any_chunking_reads_as_offline(
    encoder: str, search: SearchConfig | None, cuts: list[int]
) -> None:
    recognizer, recording = model(encoder), make_recording(4.5, samples=talk(900))
    stream = stream_of(recognizer, LM if search else None, search, OFFLINE)
    beam = stream._reader._ending if search else None  # type: ignore[attr-defined]
    expected = transcribe(recognizer, recording, beam)
    events = final(fed(stream, talk(900), cuts))
    assert [key for key, _, _ in events] == [key.symbol for key in expected.keys]
    assert len(events) > 10
    np.testing.assert_allclose([time for _, time, _ in events], [key.time_s for key in expected.keys], atol=0.021)
    assert stream.text == expected.text


@pytest.mark.slow
@pytest.mark.parametrize("search", [None, SEARCH])
@settings(max_examples=15, deadline=None)
@given(cuts=cuttings, agreement=st.sampled_from([0.6, 0.95]), pause_s=st.sampled_from([None, 0.2]))
def test_any_chunking_finalizes_the_same_keys(
    search: SearchConfig | None, cuts: list[int], agreement: float, pause_s: float | None
) -> None:
    recognizer = model()
    config = StreamConfig(agreement, 0.3, pause_s)
    lm = LM if search else None
    expected = final(fed(stream_of(recognizer, lm, search, config), talk(900), []))
    found = final(fed(stream_of(recognizer, lm, search, config), talk(900), cuts))
    assert [key for key, _, _ in found] == [key for key, _, _ in expected]
    np.testing.assert_allclose([time for _, time, _ in found], [time for _, time, _ in expected], atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(cuts=cuttings, least=st.sampled_from([0.0, 0.6]))
def test_events_add_up_to_what_is_shown(cuts: list[int], least: float) -> None:
    stream = stream_of(model(), LM, SEARCH, StreamConfig(0.9, 0.3, min_confidence=least))
    page: list[tuple[str, bool]] = []
    revisions: dict[int, int] = {}
    for chunk in [*np.split(talk(900), sorted(cuts)), None]:
        for event in stream.close() if chunk is None else stream.feed(chunk):
            if not isinstance(event, KeyEvent):
                continue
            assert event.revision >= revisions.get(event.index, 0)
            assert event.key.time_s <= event.shown_s + 1e-9
            assert event.key.confidence >= least
            assert event.index == len(page) or not page[event.index][1]  # nothing final is ever changed
            if event.state == RETRACTED:
                del page[event.index :]
            else:
                page[event.index : event.index + 1] = [(event.key.symbol, event.state == FINAL)]
            revisions[event.index] = event.revision
        ids = stream.recognizer.tokens.ids(key for key, _ in page)
        assert stream.recognizer.tokens.render(ids) == stream.partial_text
    assert page
    assert all(state for _, state in page)
    assert stream.text == stream.partial_text
    assert stream.close() == []


def test_a_key_is_final_within_its_bound() -> None:
    recognizer = model()
    stream = stream_of(recognizer, LM, SEARCH, StreamConfig(1.0, 0.3, None))
    shown = [event for first in range(0, 900, 8) for event in stream.feed(talk(900)[first : first + 8])]
    late = [e.shown_s - e.key.time_s for e in shown if isinstance(e, KeyEvent) and e.state == FINAL]
    assert late
    # The bound, one chunk of the encoder (80 ms) and one feed.
    assert max(late) <= 0.3 + 0.08 + 0.04 + 1e-6


def test_a_pause_finalizes_what_is_partial_and_says_so() -> None:
    recognizer = model()
    row = torch.full((1, 200, 4), -12.0)
    row[..., 0] = 0.0
    row[0, 3] = torch.tensor([0.3, 0.4, 0.3, 1e-6]).log()
    row = row.log_softmax(-1)
    stream = stream_of(recognizer, None, SearchConfig(beam=8, end_of_sentence=True), StreamConfig(1.0, None, 1.0))
    reader = stream._reader
    reader.read(row[0, :20].double().numpy())
    assert not reader.taken()
    assert [token.id for token in reader.partial()] == [1]
    reader.read(row[0, 20:40].double().numpy())
    assert [(token.id, token.frame) for token in reader.taken()] == [(1, 3)]
    assert reader.paused
    reader.read(row[0, :20].double().numpy())  # a new sentence
    assert [(token.id, token.frame) for token in reader.partial()] == [(1, 43)]


def test_at_rest_there_are_no_keys() -> None:
    recognizer = model(normalize="none")
    quiet = np.random.default_rng(1).normal(0, 1, (1000, 8)).astype(np.float32)
    loud = quiet[:400] * 50
    ungated = stream_of(recognizer, config=StreamConfig(rest_blank=0.0))
    assert final(fed(ungated, quiet, []))  # the model hears keys in noise
    stream = stream_of(recognizer, config=StreamConfig(rest_blank=0.0))
    events = stream.feed(quiet[:400], rest=True)
    events += stream.feed(quiet[400:])
    assert [e.kind for e in events if isinstance(e, Notice)] == ["rest"]
    assert not any(isinstance(event, KeyEvent) for event in events)
    assert any(isinstance(event, KeyEvent) for event in stream.feed(loud))
    known = StreamConfig(rest=RestLevel((2.0, 2.0)), rest_blank=0.0)
    assert not final(fed(stream_of(recognizer, config=known), quiet, [3]))


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(cuts=cuttings)
def test_a_long_rest_teaches_the_running_statistics_nothing(cuts: list[int]) -> None:
    recognizer = model()
    busy, later = talk(500, seed=1), talk(400, seed=2)
    quiet = np.random.default_rng(1).normal(0, 1e-3, (3000, 8)).astype(np.float32)
    gate = StreamConfig(rest=RestLevel((0.1, 0.1)))

    def mean_after(rest_config: StreamConfig, rest: np.ndarray, chunks: list[int]) -> np.ndarray:
        stream = stream_of(recognizer, config=rest_config)
        for chunk in np.split(np.concatenate([busy, rest, later]), sorted(chunks)):
            stream.feed(chunk)
        return stream._state.normalize.mean.numpy()

    short, long = quiet[: round(3 * LEARN_HOLD_S * RATE_HZ)], quiet
    known = mean_after(gate, short, [])
    assert np.allclose(mean_after(gate, long, cuts), known, rtol=0, atol=1e-4)
    assert not np.allclose(mean_after(StreamConfig(), long, []), known, rtol=0, atol=0.1)


def test_values_that_are_not_finite_are_replaced_and_told() -> None:
    stream = stream_of(model(), LM, SEARCH)
    samples = talk(900)
    samples[300:420, 2] = np.nan
    samples[500, :] = np.inf
    events = fed(stream, samples, [350, 400, 500])
    told = [event for event in events if isinstance(event, Notice) and event.kind == "replaced"]
    assert [round(notice.time_s, 3) for notice in told] == [1.5, 2.5]
    assert "left3" in told[0].text
    assert "every electrode" in told[1].text
    assert all(np.isfinite(key.key.confidence) for key in events if isinstance(key, KeyEvent))
    assert len(final(events)) > 10


def test_a_stream_of_nothing_but_faults_goes_on_and_writes_nothing() -> None:
    stream = stream_of(model(), LM, SEARCH)
    events = fed(stream, np.full((900, 8), np.nan, np.float32), list(range(0, 900, 10)))
    assert not any(isinstance(event, KeyEvent) for event in events)
    assert sum(isinstance(event, Notice) and event.kind == "replaced" for event in events) == 1


def test_values_beyond_all_measure_do_no_lasting_harm() -> None:
    stream = stream_of(model(), LM, SEARCH)
    samples = talk(2000)
    samples[300:600] = np.float32(3e38) * np.sign(samples[300:600])
    samples[700:720, 3] = -np.inf
    events = fed(stream, samples, [310, 590, 705])
    assert len([time for _, time, _ in final(events) if time > 4.0]) > 10


def test_dead_and_saturated_electrodes_are_told_and_so_is_their_recovery() -> None:
    stream = stream_of(model())
    samples = np.random.default_rng(0).normal(0, 10, (2000, 8)).astype(np.float32)
    samples[400:800, 1] = 7.0
    samples[900:1200, 5] = np.where(samples[900:1200, 5] > 0, 500.0, -500.0)
    notices = [event for event in fed(stream, samples, list(range(0, 2000, 37))) if isinstance(event, Notice)]
    told = [(notice.kind, notice.text.split()[0]) for notice in notices]
    assert told == [("dead", "left2"), ("alive", "left2"), ("saturated", "right2"), ("alive", "right2")]
    assert 2.4 < notices[0].time_s < 2.7
    assert 4.5 < notices[2].time_s < 4.7


def test_small_counts_that_repeat_are_not_saturated() -> None:
    rng = np.random.default_rng(0)
    counts = np.round(rng.normal(0, 1.5, (2000, 8))).clip(-3, 3).astype(np.float32)
    assert not [e for e in fed(stream_of(model()), counts, [100]) if isinstance(e, Notice)]


def test_frames_of_mostly_invented_samples_hold_no_key() -> None:
    recognizer = model(normalize="none")
    samples = talk(900)
    samples[300:700, :5] = np.nan
    events = final(fed(stream_of(recognizer), samples, []))
    assert not [time for _, time, _ in events if 1.8 < time < 3.4]
    assert [time for _, time, _ in events if time < 1.5]
    assert [time for _, time, _ in events if time > 3.6]


def test_a_gap_finalizes_keys_and_moves_the_clock() -> None:
    stream = stream_of(model(), LM, SEARCH)
    before = stream.feed(talk(600))
    middle = stream.gap(10.0)
    assert isinstance(middle[0], Notice)
    assert stream.text == stream.partial_text
    after = [*stream.feed(talk(600, seed=1)), *stream.close()]
    assert stream.time_s == 16.0
    assert all(event.key.time_s <= 3.0 for event in before if isinstance(event, KeyEvent))
    assert all(13.0 < event.key.time_s <= 16.0 for event in after if isinstance(event, KeyEvent))
    assert [e.index for e in [*before, *middle, *after] if isinstance(e, KeyEvent) and e.state == FINAL] == list(
        range(stream.summary()["keys"])  # type: ignore[arg-type]
    )


def test_events_and_the_summary_are_plain_numbers() -> None:
    stream = stream_of(model(), LM, SEARCH)
    events = [as_dict(event) for event in fed(stream, talk(900), [100])]
    assert {type(value) for event in events for value in event.values()} <= {str, int, float}
    summary = stream.summary()
    assert (summary["seconds"], summary["feeds"]) == (4.5, 2)
    assert 0 < summary["p50_ms"] <= summary["p99_ms"]


def test_the_end_of_a_with_block_closes_the_stream() -> None:
    expected = fed(stream_of(model(), LM, SEARCH), talk(900), [])
    with stream_of(model(), LM, SEARCH) as stream:
        events = stream.feed(talk(900))
    assert stream.closed
    assert [*events, *stream.close()] == expected
    assert stream.close() == []
    with pytest.raises(ValueError, match="of the user"), stream_of(model()) as stream:
        raise ValueError("of the user")
    assert stream.closed


@pytest.mark.parametrize("shape", [(10, 7), (10,), (1, 10, 8)])
def test_samples_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"this model takes \(T, 8 channels\)"):
        stream_of(model()).feed(np.zeros(shape, np.float32))


def test_a_closed_stream_is_closed() -> None:
    stream = stream_of(model())
    stream.close()
    with pytest.raises(DataError, match="is closed"):
        stream.feed(talk(10))


@pytest.mark.parametrize(
    "change", [{"agreement": 0.3}, {"finalize_within_s": 0.0}, {"pause_s": -1.0}, {"min_confidence": 2.0}]
)
def test_impossible_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        StreamConfig(**change)


def test_text_of_other_tokens_streams_too() -> None:
    recognizer = tiny_recognizer(tokens=Tokens.words(["yes", "no", "stop"]))
    stream = stream_of(recognizer)
    fed(stream, talk(900), [400])
    assert set(stream.text.split()) <= {"yes", "no", "stop"}


REFUSED = [
    np.zeros((10, 7), np.float32),
    np.zeros(8),
    np.zeros((3, 10, 8)),
    np.zeros((10, 8), complex),
    np.zeros((10, 8), bool),
    np.full((10, 8), "1.0"),
    np.full((10, 8), None),
    [[1.0] * 8, [1.0] * 7],
    None,
    "samples",
]


@pytest.mark.parametrize("search", [None, SEARCH])
def test_a_stream_after_a_refused_call_is_as_if_it_had_never_been(search: SearchConfig | None) -> None:
    samples, plain, tried = talk(900), stream_of(model(), LM if search else None, search), None
    expected = fed(plain, samples, [200, 450])
    tried = stream_of(model(), LM if search else None, search)
    events: list[Event] = []
    for chunk in np.split(samples, [200, 450]):
        for wrong in REFUSED:
            with pytest.raises(DataError, match=r"samples (have|are)"):
                tried.feed(wrong)  # type: ignore[arg-type]
        for seconds in (-1, -1e-9, np.nan, np.inf, "1", None, True):
            with pytest.raises(DataError, match="a gap of"):
                tried.gap(seconds)  # type: ignore[arg-type]
        events += tried.feed(chunk)
    events += tried.close()
    assert [as_dict(event) for event in events] == [as_dict(event) for event in expected]
    with pytest.raises(DataError, match="is closed"):
        tried.feed(samples)
    with pytest.raises(DataError, match="is closed"):
        tried.gap(1.0)
    assert tried.close() == []


@pytest.mark.parametrize("kind", ["float64", "int16", "list", "huge"])
def test_any_numbers_are_fed(kind: str) -> None:
    samples = talk(300).round()
    given = {"float64": samples.astype(np.float64), "int16": samples.astype(np.int16), "list": samples.tolist()}
    given["huge"] = np.where(np.arange(300)[:, None] < 100, 1e300, samples.astype(np.float64))
    first = samples.copy()
    if kind == "huge":
        first[:100] = np.inf
    found = fed(stream_of(model()), given[kind], [])
    assert final(found) == final(fed(stream_of(model()), first, []))


@pytest.mark.parametrize("search", [None, SEARCH])
def test_ctrl_c_in_the_middle_of_a_feed_loses_nothing(
    search: SearchConfig | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = talk(900)
    expected = fed(stream_of(model(), LM if search else None, search), samples, [450])
    stream = stream_of(model(), LM if search else None, search)
    step, steps = stream.recognizer.step, []

    def interrupted(*values: Any, **options: Any) -> Any:
        steps.append(1)
        if len(steps) == 1:
            signal.raise_signal(signal.SIGINT)
        return step(*values, **options)

    monkeypatch.setattr(stream.recognizer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stream.feed(samples[:450])
    events = [*stream.feed(samples[450:]), *stream.close()]
    assert final(events) == final(expected)
    assert stream.fed_samples == 900
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_stream_that_failed_in_the_middle_of_a_feed_refuses_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = stream_of(model())
    stream.feed(talk(200))

    def failing(*values: Any, **options: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(stream.recognizer, "step", failing)
        with pytest.raises(MemoryError):
            stream.feed(talk(200))
    with pytest.raises(DataError, match="failed in the middle"):
        stream.feed(talk(200))
    stream.close()
    assert stream.closed
