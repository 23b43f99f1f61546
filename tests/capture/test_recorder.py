"""Chunks, keys and prompts become one recording whose labels lie where the muscles moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emgasr.capture.keyboard import keys_of
from emgasr.capture.recorder import Director, HostClock, Progress, Recorder
from emgasr.recording import Band
from emgasr.sessions.native import open_session
from emgasr.sources import Chunk, Note

RATE_HZ = 1000.0


class Bench:
    """A source of counted samples in chunks of 20 ms that arrive at host time 50 s and a delay later."""

    rate_hz, unit, bands = RATE_HZ, "uV", (Band.numbered("emg", 2),)

    def __init__(self, gap_at: int = -1) -> None:
        self.gap_at = gap_at
        self.now_s = 50.0

    def chunks(self) -> Iterator[Chunk]:
        rng = np.random.default_rng(0)
        at_s, number = 0.0, 0
        for i in range(500):
            notes: tuple[Note, ...] = ()
            if i == self.gap_at:
                at_s += 1.0
                notes = (Note("gap", at_s - 1.0, 1000, "1000 samples were lost"),)
            samples = np.repeat(np.arange(number, number + 20)[:, None], 2, axis=1).astype(np.float32)
            self.now_s = 50.0 + at_s + 0.02
            yield Chunk(samples, at_s, notes, self.now_s + (rng.exponential(0.01) if i % 7 else 0.0))
            at_s += 0.02
            number += 20

    def close(self) -> None:
        pass


def test_the_hosts_clock_is_read_by_the_quickest_arrivals() -> None:
    clock = HostClock()
    rng = np.random.default_rng(1)
    for i in range(2000):
        stream_s = i * 0.02
        clock.observe(stream_s, 7.0 + stream_s * 1.0001 + rng.exponential(0.03))
    assert clock.stream_s(7.0 + 40.0 * 1.0001) == pytest.approx(40.0, abs=0.004)


def test_keys_lie_where_they_were_pressed_also_after_a_gap(tmp_path: Path) -> None:
    source = Bench(gap_at=100)
    recorder = Recorder(tmp_path / "one.hdf5", source, "ann", "day")
    for chunk in source.chunks():
        recorder.add(chunk)
        if len(chunk.samples) and chunk.samples[0, 0] in (1000, 3000):
            recorder.press(recorder.clock.stream_s(source.now_s - 0.010), "a")
    recording = recorder.finish()
    assert recording.n_samples == 10_000
    np.testing.assert_array_equal(recording.read()[:, 0], np.arange(10_000))  # the gap takes no time in the file
    np.testing.assert_allclose(recording.events.time_s, [1.010, 3.010], atol=0.003)
    assert recorder.notes[0].kind == "gap"


def test_a_session_of_rest_and_prompts_is_labelled(tmp_path: Path) -> None:
    source = Bench()
    shown: list[Progress] = []
    script = {30: "h", 35: "x", 40: "Key.backspace", 45: "i", 60: "Key.enter", 90: "y", 95: "Key.enter"}
    calls = 0

    def keys() -> list[tuple[float, str]]:
        nonlocal calls
        calls += 1
        return [(source.now_s, script[calls])] if calls in script else []

    recorder = Recorder(tmp_path / "one.hdf5", source, "ann", "day")
    director = Director(source, keys, True, shown.append)
    chunks = source.chunks()
    director.rest(chunks, recorder, 0.4)
    assert director.prompt(chunks, recorder, "hi", 1, 2)
    assert director.prompt(chunks, recorder, "y", 2, 2)
    director.rest(chunks, recorder, 0.4)
    recording = recorder.finish()
    assert recording.spans.kinds == ("rest", "prompt", "prompt", "rest")
    assert recording.spans.texts == ("", "hi\n", "y\n", "")
    assert recording.events.keys == ("h", "x", "Key.backspace", "i", "Key.enter", "y", "Key.enter")
    assert recording.spans.end_s[1] == pytest.approx(recording.events.time_s[4] + 0.1, abs=1e-6)
    assert "hi" in {progress.typed for progress in shown}
    assert open_session(tmp_path / "one.hdf5").origin == "measured"


def test_enter_goes_on_to_the_next_prompt_also_where_keys_are_not_kept(tmp_path: Path) -> None:
    source = Bench()
    recorder = Recorder(tmp_path / "one.hdf5", source, "ann", "day")
    calls = iter(range(1000))
    director = Director(source, lambda: [(source.now_s, "Key.enter")] if next(calls) == 10 else [], False)
    assert director.prompt(source.chunks(), recorder, "fist", 1, 1)
    recording = recorder.finish()
    assert len(recording.events) == 0
    assert recording.spans.texts == ("fist\n",)


def test_a_source_that_ends_within_a_prompt_is_told_and_the_prompt_kept(tmp_path: Path) -> None:
    source = Bench()
    recorder = Recorder(tmp_path / "one.hdf5", source, "ann", "day")
    assert not Director(source, list, True).prompt(source.chunks(), recorder, "never typed", 1, 1)
    assert recorder.finish().spans.end_s[0] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("aB \r", ["a", "B", "Key.space", "Key.enter"]),
        ("\x7f\b", ["Key.backspace", "Key.backspace"]),
        ("é\x1b[A\x1b[1;5Cx\x1bOPy\x1b", ["é", "x", "y"]),
        ("\x00\x03", []),
    ],
)
def test_terminal_input_is_read_as_keys(text: str, keys: list[str]) -> None:
    assert keys_of(text) == keys
