"""Streams of several models: any chunks give the same keys, the live answer is the offline one, sensors may go."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.corpora.sensors import only_bands
from emgasr.errors import ConfigError, DataError
from emgasr.fusion.pipeline import FusedPipeline
from emgasr.fusion.stream import FusedStream
from emgasr.recording import Recording, Signal
from emgasr.streaming.activity import Notice
from emgasr.streaming.events import KeyEvent
from emgasr.streaming.rules import OFFLINE
from emgasr.streaming.stream import Stream
from tests.helpers.fused import LEFT, cut, noise, wrists
from tests.helpers.streams import final

BOTH, WITHOUT, DYING = noise(), cut(noise(), LEFT), cut(noise(), LEFT, 3.0)


def fed(stream: FusedStream | Stream, samples: np.ndarray, cuts: list[int]) -> list[KeyEvent | Notice]:
    events = [event for chunk in np.split(samples, sorted(cuts)) for event in stream.feed(chunk)]
    return [*events, *stream.close()]


@pytest.mark.parametrize("recording", [BOTH, WITHOUT, DYING], ids=["both", "cut", "dying"])
@settings(max_examples=4, deadline=None)
@given(cuts=st.lists(st.integers(0, 1200), max_size=12))
def test_any_chunks_give_the_keys_of_the_whole_recording(recording: Recording, cuts: list[int]) -> None:
    ensemble = wrists(normalize="cumulative")
    whole = FusedPipeline(ensemble).transcribe(recording)  # type: ignore[arg-type]
    events = fed(FusedStream(ensemble, None, OFFLINE), recording.read(), cuts)
    keys = [(key.symbol, round(key.time_s, 9), round(key.confidence, 4)) for key in whole.keys]
    assert final(events) == keys


def test_live_with_one_sensor_cut_the_keys_are_those_of_the_others_own_stream_to_the_bit() -> None:
    ensemble = wrists()
    events = fed(FusedStream(ensemble, None, OFFLINE), WITHOUT.read(), [100, 700])
    own = fed(Stream(ensemble.members[1].recognizer, None, OFFLINE), only_bands(WITHOUT, ["right"]).read(), [100, 700])
    assert [e for e in events if isinstance(e, KeyEvent)] == [e for e in own if isinstance(e, KeyEvent)]


def test_notices_say_when_a_sensor_is_out_and_when_it_is_back() -> None:
    samples = np.array(DYING.read())
    samples[900:] = BOTH.read()[900:]  # 4.5 s
    events = fed(FusedStream(wrists(back_after_s=0.5), None, OFFLINE), samples, [])
    out, back = (e for e in events if isinstance(e, Notice) and e.kind in ("out", "back"))
    assert (out.kind, out.text) == ("out", "sensor left does not work and is not read")
    assert (back.kind, back.text) == ("back", "sensor left is read again")
    assert out.time_s == pytest.approx(3.05, abs=0.1)  # a tenth of a second without any change
    assert back.time_s == pytest.approx(4.95, abs=0.1)  # half a second that works


def sources() -> tuple[FusedStream, list[np.ndarray]]:
    parts = [only_bands(BOTH, [name]) for name in ("left", "right")]
    return FusedStream(wrists(), None, OFFLINE, [Signal.of(part) for part in parts]), [part.read() for part in parts]


def test_sources_of_their_own_give_the_keys_of_one_source_in_whatever_turns_they_come() -> None:
    together = final(fed(FusedStream(wrists(), None, OFFLINE), BOTH.read(), []))
    for size in (37, 160):  # samples at 200 Hz: below the second by which one may lag
        stream, (left, right) = sources()
        events = []
        for first in range(0, 1200, size):
            events += stream.feed(right[first : first + size], 1)
            events += stream.feed(left[first : first + size], 0)
        assert final([*events, *stream.close()]) == together


def test_a_source_that_ends_leaves_the_others() -> None:
    stream, (left, right) = sources()
    events = [*stream.feed(left[:10], 0), *stream.lost(0), *stream.feed(right, 1), *stream.close()]
    own = fed(Stream(wrists().members[1].recognizer, None, OFFLINE), right, [])
    assert final(events) == final(own)
    assert [e.text for e in events if isinstance(e, Notice)] == ["sensor left has ended and is not read"]
    with pytest.raises(DataError, match="is closed"):
        stream.feed(right, 1)


def test_a_source_that_lags_is_not_waited_for() -> None:
    stream, (left, right) = sources()
    events = stream.feed(right[:600], 1)
    assert [e.kind for e in events if isinstance(e, Notice)] == ["out"]
    events += stream.feed(left[:600], 0)
    assert [e.kind for e in events if isinstance(e, Notice)] == ["out", "back"]
    stream.close()


def test_a_gap_ends_the_keys_and_moves_the_times() -> None:
    stream = FusedStream(wrists(), None, OFFLINE)
    events = [*stream.feed(BOTH.read()[:600]), *stream.gap(2.0), *stream.feed(BOTH.read()[600:]), *stream.close()]
    assert stream.time_s == pytest.approx(8.0)
    assert all(not 3.1 < time_s < 5.0 for _, time_s, _ in final(events))
    first = final(fed(FusedStream(wrists(), None, OFFLINE), BOTH.read()[:600], []))
    assert final(events)[: len(first)] == first


def test_a_vote_cannot_be_streamed() -> None:
    ensemble = wrists()
    vote = replace(ensemble, config=replace(ensemble.config, kind="rover"))
    with pytest.raises(ConfigError, match="is a vote on whole readings"):
        FusedStream(vote)
