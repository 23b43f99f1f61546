"""Delays of a live stream: what counts as shown, a known stretch, the gate."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from emgasr.recording import Spans
from emgasr.streaming.events import KeyEvent
from emgasr.streaming.stream import StreamConfig
from emgasr.transcript import Key
from tests.helpers.tiny_models import easy_recording, tiny_recognizer

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from live_delay import Stretch, _last_change_s, fed, rest_level, summed


def key(index: int, symbol: str, state: str, shown_s: float) -> KeyEvent:
    return KeyEvent(index, Key(symbol, 0.0, 1.0), state, 0, shown_s)


def test_a_key_is_shown_since_its_last_change() -> None:
    keys = [
        key(0, "a", "partial", 1.0),
        key(1, "b", "partial", 1.1),
        key(0, "a", "final", 1.2),
        key(1, "c", "partial", 1.3),
        key(2, "d", "partial", 1.4),
        key(2, "d", "retracted", 1.5),
        key(1, "c", "final", 1.6),
        key(2, "d", "final", 1.7),
    ]
    assert _last_change_s(keys) == [1.0, 1.3, 1.7]


def test_delays_are_counted_from_the_press_and_errors_from_the_truth() -> None:
    recording = easy_recording(seconds=10.0, spans=Spans.of([(0.0, 1.5, "rest", "")]))
    model = tiny_recognizer("linear")
    stretch = Stretch(model, recording, recording.events.keys, recording.events.time_s, [(0.0, 1.5)])
    tally = fed(stretch, None, None, StreamConfig(), 100.0)
    row = summed([tally, tally])
    assert row["cer"] == pytest.approx(100 * tally.counts.rate, abs=0.01)
    assert tally.counts.reference_length == len(recording.events)
    assert len(tally.partial_s) == len(tally.final_s) == tally.counts.hits
    assert all(first <= last for first, last in zip(tally.partial_s, tally.final_s, strict=True))
    assert tally.rest_minutes == pytest.approx(1.5 / 60)
    assert rest_level(stretch, 2.0) is None
    level = rest_level(stretch, 1.0)
    assert level is not None
    assert np.all(np.array(level.levels) > 1)
