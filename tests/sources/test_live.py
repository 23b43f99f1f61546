"""A device that stalls, disappears, comes back or is read too slowly: each has its behavior, and each is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from emgasr.errors import RecordingError
from emgasr.recording import Band
from emgasr.sources import Chunk
from emgasr.sources.live import Disconnected, EndOfStream, LiveConfig, LiveSource
from emgasr.sources.timeline import Packet, TimelineConfig

RATE_HZ = 1000.0
QUICK = LiveConfig(chunk_s=0.005, queue_s=0.5, stall_s=0.1, reopen_s=0.15, give_up_s=0.5)
Step = Callable[["ScriptedDevice"], list[Packet]]


class ScriptedDevice:
    """Does at each read what its script says, then ends."""

    rate_hz, unit, bands = RATE_HZ, "uV", (Band.numbered("emg", 2),)

    def __init__(self, script: Iterator[Step], comes_back: bool = True) -> None:
        self.script = script
        self.comes_back = comes_back
        self.sent = self.opened = self.closed = 0

    def open(self) -> None:
        self.opened += 1
        if not self.comes_back:
            raise RecordingError("device", "is not there", "look for it")

    def read(self, wait_s: float) -> list[Packet]:
        if not wait_s:
            return []
        time.sleep(wait_s)
        return next(self.script, ending)(self)

    def close(self) -> None:
        self.closed += 1


def sending(rows: int) -> Step:
    def step(device: ScriptedDevice) -> list[Packet]:
        counts = np.arange(device.sent, device.sent + rows)
        device.sent += rows
        return [Packet(np.repeat(counts[:, None], 2, axis=1).astype(np.float32), time.monotonic(), counts=counts)]

    return step


def silent(device: ScriptedDevice) -> list[Packet]:
    return []


def gone(device: ScriptedDevice) -> list[Packet]:
    raise Disconnected("unplugged")


def ending(device: ScriptedDevice) -> list[Packet]:
    raise EndOfStream


def listen(device: ScriptedDevice, config: LiveConfig = QUICK, pause_s: float = 0.0) -> list[Chunk]:
    source = LiveSource(device, TimelineConfig(RATE_HZ, 2), config, "scripted")
    chunks = []
    for chunk in source.chunks():
        chunks.append(chunk)
        time.sleep(pause_s)
    assert device.closed
    return chunks


def kinds(chunks: list[Chunk]) -> list[str]:
    return [note.kind for chunk in chunks for note in chunk.notes]


def test_a_sound_device_is_read_to_its_end() -> None:
    chunks = listen(ScriptedDevice(iter([sending(5)] * 20)))
    samples = np.concatenate([chunk.samples for chunk in chunks])
    np.testing.assert_array_equal(samples[:, 0], np.arange(100))
    assert not kinds(chunks)
    assert all(chunk.arrived_s > 0 for chunk in chunks)


def test_a_stall_is_told_while_it_lasts_and_costs_nothing() -> None:
    patient = replace(QUICK, reopen_s=30.0, give_up_s=60.0)
    chunks = listen(ScriptedDevice(iter([sending(5)] * 3 + [silent] * 60 + [sending(5)] * 3)), patient)
    assert "stalled" in kinds(chunks)
    told = next(chunk for chunk in chunks if chunk.notes)
    assert len(told.samples) == 0
    assert sum(len(chunk.samples) for chunk in chunks) == 30


@pytest.mark.parametrize("how", [[gone], [silent] * 60], ids=["unplugged", "silent for long"])
def test_a_device_that_disappears_is_opened_anew_and_the_time_away_is_lost(how: list[Step]) -> None:
    device = ScriptedDevice(iter([sending(20)] * 10 + how + [sending(20)] * 10))
    chunks = listen(device, replace(QUICK, give_up_s=60.0))
    assert device.opened >= 1
    told = kinds(chunks)
    assert told.index("disconnected") < told.index("reconnected")
    samples = np.concatenate([chunk.samples for chunk in chunks])
    assert {0, 399} <= set(samples[:, 0].astype(int))
    end = chunks[-1]
    if how != [gone]:  # the pause was long enough to count
        assert "gap" in told
        assert end.time_s > 0.4


def test_a_device_that_stays_away_fails_the_stream_after_a_while() -> None:
    device = ScriptedDevice(iter([sending(5)] * 3 + [gone] * 3), comes_back=False)
    started = time.monotonic()
    with pytest.raises(RecordingError, match="is gone"):
        listen(device)
    assert time.monotonic() - started >= QUICK.give_up_s


def test_a_device_that_opens_but_stays_silent_fails_too() -> None:
    with pytest.raises(RecordingError, match="is gone"):
        listen(ScriptedDevice(iter([sending(5)] * 3 + [silent] * 2000)))


def test_what_is_not_taken_in_time_is_thrown_away_and_told() -> None:
    device = ScriptedDevice(iter([sending(100)] * 30))
    chunks = listen(device, pause_s=0.1)
    told = kinds(chunks)
    assert "dropped" in told
    assert "gap" in told
    dropped, missing = (
        sum(note.samples for chunk in chunks for note in chunk.notes if note.kind in kinds_)
        for kinds_ in (("dropped",), ("gap", "bridged"))
    )
    assert dropped == missing > 0
    samples = np.concatenate([chunk.samples for chunk in chunks])
    assert len(samples) + missing == 3000


def test_what_is_thrown_away_before_the_end_is_told_though_nothing_comes_behind_it() -> None:
    chunks = listen(ScriptedDevice(iter([silent, sending(2000), ending])), pause_s=0.05)
    assert sum(note.samples for chunk in chunks for note in chunk.notes if note.kind == "dropped") == 2000


def test_a_slow_reader_still_hears_that_the_device_was_away() -> None:
    device = ScriptedDevice(iter([sending(100)] * 10 + [gone] + [sending(100)] * 30))
    told = kinds(listen(device, replace(QUICK, queue_s=0.2), pause_s=0.2))
    assert "dropped" in told
    assert told.index("disconnected") < told.index("reconnected")


def test_a_bug_of_a_device_is_not_swallowed() -> None:
    def broken(device: ScriptedDevice) -> list[Packet]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        listen(ScriptedDevice(iter([sending(5), broken])))


def test_closing_ends_the_chunks_from_any_thread_more_than_once() -> None:
    device = ScriptedDevice(iter([sending(5)] * 10_000))
    source = LiveSource(device, TimelineConfig(RATE_HZ, 2), QUICK, "scripted")
    chunks = source.chunks()
    next(chunks)
    source.close()
    source.close()
    assert sum(1 for _ in chunks) <= 1000
    assert device.closed
