"""Recorded files, simulated people, pipes, boards and network streams all give the samples that went in."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from miniatures import make_recording, write_bids, write_native

from emgasr.errors import RecordingError
from emgasr.recording import Band, open_recording
from emgasr.sources import Chunk, Source, Typing, channel_count, open_source, origin_of
from emgasr.sources.live import LiveConfig
from emgasr.sources.stdin import RawSource


def joined(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


def kinds(chunks: list[Chunk]) -> set[str]:
    return {note.kind for chunk in chunks for note in chunk.notes}


@pytest.mark.parametrize("speed", ["fast", "20"])
def test_a_file_is_replayed_as_it_is(tmp_path: Path, speed: str) -> None:
    path = write_native(tmp_path)
    source = open_source(f"file:{path},speed={speed},chunk_ms=10")
    recording = open_recording(path)
    assert (source.rate_hz, source.unit, source.bands) == (recording.rate_hz, recording.unit, recording.bands)
    assert origin_of(source) == "simulated"
    chunks = list(source.chunks())
    np.testing.assert_array_equal(joined(chunks), recording.read())
    assert not kinds(chunks)


def test_real_time_is_real_time(tmp_path: Path) -> None:
    path = write_native(tmp_path, seconds=1.0, events=make_recording().events.between(0, 0))
    source = open_source(f"file:{path}")
    started = time.monotonic()
    assert len(joined(list(source.chunks()))) == 200
    assert time.monotonic() - started >= 0.95


def test_any_file_that_describes_itself_can_be_replayed(tmp_path: Path) -> None:
    pytest.importorskip("edfio")
    source = open_source(f"file:{write_bids(tmp_path)},speed=fast")
    assert len(joined(list(source.chunks()))) == 2000


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(RecordingError, match="cannot be opened"):
        open_source("file:/nowhere.hdf5")


def test_a_simulated_person_types_what_they_are_shown_and_says_when() -> None:
    source = open_source("simulate:seed=9001,speed=fast,chunk_ms=50")
    assert isinstance(source, Typing)
    assert (source.rate_hz, source.unit, channel_count(source)) == (2000.0, "uV", 32)
    source.show("")
    chunks, taken = source.chunks(), []
    for chunk in chunks:
        taken.append(chunk)
        if len(taken) == 20:
            assert len(source.typed()) == 0
            source.show("ab")
        if len(source.typed()) and source.typed().keys[-1] == "Key.enter":
            break
    source.close()
    keys = source.typed()
    first_s = keys.time_s[0]
    assert first_s > 1.0
    samples = joined(taken)
    burst = samples[round((first_s - 0.1) * 2000) : round((first_s + 0.05) * 2000)]
    assert burst.std() > 1.5 * samples[:1600].std()


def test_a_simulated_person_is_the_same_each_time_and_may_stop_by_themselves() -> None:
    one, two = (list(open_source("simulate:seed=3,speed=fast,minutes=0.02").chunks()) for _ in range(2))
    np.testing.assert_array_equal(joined(one), joined(two))
    assert len(joined(one)) == 2400


def pipe_source(**options: object) -> tuple[RawSource, int]:
    reading, writing = os.pipe()
    values: dict[str, object] = {"rate_hz": 1000.0, "unit": "uV", "dtype": "<f4", "scale": 1.0}
    values |= {"bands": (Band.numbered("emg", 2),), "live": LiveConfig(0.01, stall_s=30.0)} | options
    return RawSource(reading, **values), writing  # type: ignore[arg-type]


@pytest.mark.parametrize(("dtype", "scale"), [("<f4", 1.0), ("<i2", 0.5)])
def test_raw_samples_come_through_a_pipe_however_they_are_cut(dtype: str, scale: float) -> None:
    source, writing = pipe_source(dtype=dtype, scale=scale)
    values = np.random.default_rng(0).integers(-500, 500, (333, 2)).astype(dtype)
    raw = values.tobytes()

    def write() -> None:
        for first in range(0, len(raw), 101):
            os.write(writing, raw[first : first + 101])
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    chunks = list(source.chunks())
    writer.join()
    np.testing.assert_array_equal(joined(chunks), values.astype(np.float32) * np.float32(scale))
    assert not kinds(chunks)


def test_a_pipe_that_ends_within_a_sample_says_so() -> None:
    source, writing = pipe_source()
    os.write(writing, np.ones(5, "<f4").tobytes()[:-1])
    os.close(writing)
    chunks = list(source.chunks())
    assert len(joined(chunks)) == 2
    assert kinds(chunks) == {"dropped"}


def test_a_pipe_that_stays_silent_is_told_then_given_up() -> None:
    source, writing = pipe_source(live=LiveConfig(0.01, stall_s=0.1, give_up_s=0.4))
    os.write(writing, np.ones(2, "<f4").tobytes())
    chunks = []
    with pytest.raises(RecordingError, match="nothing came"):
        chunks += source.chunks()
    os.close(writing)


def test_the_synthetic_board_streams_at_its_rate_without_loss() -> None:
    pytest.importorskip("brainflow")
    source = open_source("brainflow:board=synthetic,bands=left:8+right:8")
    assert (source.rate_hz, source.unit, channel_count(source)) == (250.0, "uV", 16)
    chunks = take(source, seconds=1.0)
    assert len(joined(chunks)) >= 250
    assert not kinds(chunks) & {"gap", "bridged", "repeated", "dropped"}


def test_a_playback_board_gives_back_what_was_recorded(tmp_path: Path) -> None:
    pytest.importorskip("brainflow")
    from brainflow.board_shim import BoardShim, BrainFlowInputParams

    open_source("brainflow:board=-1").close()  # so that the library is loaded
    board = BoardShim(-1, BrainFlowInputParams())
    board.prepare_session()
    board.start_stream(45000, f"file://{tmp_path / 'board.csv'}:w")
    time.sleep(1.0)
    board.stop_stream()
    recorded = board.get_board_data()[BoardShim.get_emg_channels(-1)].T.astype(np.float32)
    board.release_session()
    source = open_source(f"brainflow:board=-3,master=-1,file={tmp_path / 'board.csv'}")
    chunks = take(source, seconds=0.4)
    played = joined(chunks)
    first = np.flatnonzero((np.abs(recorded - played[0]) < 1e-3).all(axis=1))
    assert len(first)
    np.testing.assert_allclose(played[:50], recorded[first[0] : first[0] + 50], atol=1e-3)
    with pytest.raises(RecordingError, match="no file to play back"):
        open_source("brainflow:board=-3,master=-1,file=/nowhere.csv")


def test_a_board_that_is_not_there_is_told() -> None:
    pytest.importorskip("brainflow")
    with pytest.raises(RecordingError, match="does not answer"):
        open_source("brainflow:board=cyton,serial_port=/dev/nowhere")


class Outlet:
    """A sender of a known signal on an absolute schedule, in a thread; sample i of channel c is 100 c + i mod 97."""

    def __init__(self, name: str, unit: str = "microvolts", rate_hz: float = 500.0, channels: int = 4) -> None:
        import pylsl

        info = pylsl.StreamInfo(name, "EMG", channels, rate_hz, "float32", f"id-{name}")
        described = info.desc().append_child("channels")
        for i in range(channels):
            channel = described.append_child("channel")
            channel.append_child_value("label", f"e{i + 1}")
            channel.append_child_value("unit", unit)
        self._outlet = pylsl.StreamOutlet(info, 10)
        self._clock = pylsl.local_clock
        self._stopped = threading.Event()
        self._shape = (rate_hz, channels)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        rate_hz, channels = self._shape
        start_s, sent = self._clock(), 0
        while not self._stopped.wait(0.01):
            due = int((self._clock() - start_s) * rate_hz)
            if due <= sent:
                continue
            at = np.arange(sent, due)
            samples = (at % 97)[:, None] + 100 * np.arange(channels)
            stamp = start_s + (due - 1) / rate_hz
            self._outlet.push_chunk(samples.astype(np.float32).tolist(), stamp)
            sent = due

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        del self._outlet


def take(source: Source, seconds: float) -> list[Chunk]:
    chunks, end_s = [], time.monotonic() + 30.0
    for chunk in source.chunks():
        chunks.append(chunk)
        if chunk.time_s >= seconds or time.monotonic() > end_s:
            break
    source.close()
    return chunks


@pytest.fixture
def outlet(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[Outlet]]]:
    pytest.importorskip("pylsl")
    name = f"emgasr-{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"
    outlets = [Outlet(name)]
    yield name, outlets
    for each in outlets:
        each.stop()


def steps(chunks: list[Chunk]) -> set[int]:
    first = joined(chunks)[:, 0].astype(int)
    return set(((first[1:] - first[:-1]) % 97).tolist())


def test_a_network_stream_arrives_whole_with_its_labels_and_unit(outlet: tuple[str, list[Outlet]]) -> None:
    source = open_source(f"lsl:name={outlet[0]}")
    assert (source.rate_hz, source.unit) == (500.0, "uV")
    assert source.bands[0].electrodes == ("e1", "e2", "e3", "e4")
    chunks = take(source, seconds=1.0)
    assert not kinds(chunks) & {"gap", "bridged", "repeated", "dropped"}
    assert steps(chunks) == {1}


def test_an_outlet_that_is_killed_and_started_again_is_survived(outlet: tuple[str, list[Outlet]]) -> None:
    name, outlets = outlet
    source = open_source(f"lsl:name={name},stall_s=0.3,reopen_s=0.5,wait_s=1")
    chunks, restarted = [], False
    end_s = time.monotonic() + 60.0
    for chunk in source.chunks():
        chunks.append(chunk)
        if chunk.time_s > 0.5 and not restarted:
            outlets.pop().stop()
            outlets.append(Outlet(name))
            restarted = True
        if ("reconnected" in kinds(chunks) and len(chunks[-1].samples)) or time.monotonic() > end_s:
            break
    source.close()
    assert {"disconnected", "reconnected"} <= kinds(chunks)


def test_a_stream_that_is_not_there_is_told() -> None:
    pytest.importorskip("pylsl")
    with pytest.raises(RecordingError, match=r"was not found in 0\.2 s"):
        open_source("lsl:name=nobody-sends-this,wait_s=0.2")
