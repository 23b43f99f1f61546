"""Recorded files, simulated people, pipes and boards all give the samples that went in."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emgasr.errors import ConfigError, RecordingError
from emgasr.recording import Band
from emgasr.sessions.native import open_session
from emgasr.sources import Typing, channel_count, open_source, origin_of
from emgasr.sources.boards import Board
from emgasr.sources.live import LiveConfig
from emgasr.sources.stdin import RawSource
from tests.helpers.listening import joined, kinds, take
from tests.helpers.miniatures import make_recording, write_bids, write_emg2qwerty, write_native


@pytest.mark.parametrize("speed", ["fast", "20"])
def test_a_file_is_replayed_as_it_is(tmp_path: Path, speed: str) -> None:
    path = write_native(tmp_path)
    source = open_source(f"file:{path},speed={speed},chunk_ms=10")
    recording = open_session(path)
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


@pytest.mark.parametrize("speed", ["fast", "20"])
def test_a_gap_of_the_files_own_clock_is_told_as_one(tmp_path: Path, speed: str) -> None:
    times = 1.6e9 + np.arange(8000) / 2000
    times[1000:] += 0.3
    times[5000:] += 0.01  # short enough to be bridged
    emg = write_emg2qwerty(tmp_path / "s.hdf5", times=times)
    chunks = list(open_source(f"file:{tmp_path / 's.hdf5'},speed={speed},chunk_ms=10").chunks())
    assert kinds(chunks) == {"gap", "bridged"}
    before = [chunk for chunk in chunks if chunk.time_s < 0.5]
    np.testing.assert_array_equal(joined(before)[:1000], emg[:1000])
    (gap,) = (note for chunk in chunks for note in chunk.notes if note.kind == "gap")
    assert (gap.time_s, gap.samples) == (0.5, 600)
    assert len(joined(chunks)) == 8000 + 20


@pytest.mark.parametrize("name", ["t.npy", "t.csv", "t.txt"])
def test_bare_samples_say_too_little_to_be_replayed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"1,2")
    with pytest.raises(RecordingError, match="holds bare samples"):
        open_source(f"file:{tmp_path / name}")


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(RecordingError, match="cannot be read"):
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


@pytest.mark.parametrize(
    ("begin", "told"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "WAV"),
        (b"\x93NUMPY\1\0", "NumPy"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\xffBIOSEMI", "BDF"),
        (b"0.001,-12.5,3\n0.002,1,2\n", "text"),
    ],
)
def test_a_file_sent_as_it_is_is_not_taken_for_samples(begin: bytes, told: str) -> None:
    source, writing = pipe_source()
    os.write(writing, begin + bytes(4000 if told != "text" else 0))
    os.close(writing)
    with pytest.raises(RecordingError, match=rf"begins as a file \({told}\)"):
        list(source.chunks())


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
    chunks = list(source.chunks())
    played = joined(chunks)
    assert len(recorded) - 50 <= len(played) <= len(recorded)  # it ends where the file does
    first = np.flatnonzero((np.abs(recorded - played[0]) < 1e-3).all(axis=1))
    assert len(first)
    np.testing.assert_allclose(played[:50], recorded[first[0] : first[0] + 50], atol=1e-3)
    again = open_source(f"brainflow:board=-3,master=-1,file={tmp_path / 'board.csv'},config=loopback_true")
    assert len(joined(take(again, seconds=1.5))) > len(recorded)
    with pytest.raises(RecordingError, match="no file to play back"):
        open_source("brainflow:board=-3,master=-1,file=/nowhere.csv")


def test_every_emg_board_is_known_by_its_id_and_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("brainflow")
    from emgasr.sources.boards import MICROVOLTS

    open_source("brainflow:board=-1").close()  # so that the library is loaded
    from brainflow.board_shim import BoardIds, BoardShim

    monkeypatch.setattr(Board, "open", lambda board: None)
    boards = {int(board.value): board.name for board in BoardIds}
    with_emg = {board for board in boards if "emg_channels" in facts_of(BoardShim, board)}
    assert {-1, 0, 1, 2, 16} <= with_emg
    assert with_emg >= set(MICROVOLTS)
    for board in with_emg:
        for name in (str(board), boards[board], boards[board].removesuffix("_BOARD").lower()):
            if board not in MICROVOLTS:
                with pytest.raises(ConfigError, match="does not state its unit; add unit=uV"):
                    open_source(f"brainflow:board={name}")
            told = "" if board in MICROVOLTS else ",unit=uV,scale=0.5"
            source = open_source(f"brainflow:board={name}{told}")
            facts = facts_of(BoardShim, board)
            assert (source.rate_hz, source.unit) == (facts["sampling_rate"], "uV")
            assert channel_count(source) == len(facts["emg_channels"])
    for board in boards.keys() - with_emg - {-2, -3}:
        with pytest.raises(ConfigError, match="has no EMG channels"):
            open_source(f"brainflow:board={board}")
    with pytest.raises(ConfigError, match="does not state its unit"):  # the command may change the gain
        open_source("brainflow:board=cyton_wifi,config=x1060110X")
    assert open_source("brainflow:board=cyton_wifi,config=x1060110X,unit=uV,scale=2").unit == "uV"
    assert open_source("brainflow:board=cyton,config=x1060110X").unit == "uV"
    with pytest.raises(ConfigError, match="does not say its master"):
        open_source("brainflow:board=streaming,ip_address=225.1.1.1,ip_port=6677")
    with pytest.raises(ConfigError, match="has no option 'scale'"):  # BrainFlow scales these itself
        open_source("brainflow:board=cyton,scale=2")


def facts_of(shim: Any, board: int) -> dict[str, Any]:
    try:
        return dict(shim.get_board_descr(board))
    except Exception:
        return {}


def test_counts_of_a_board_are_scaled_as_told() -> None:
    class Session:
        def __init__(self, board: int, parameters: object) -> None: ...
        def prepare_session(self) -> None: ...
        def start_stream(self, samples: int) -> None: ...
        def get_board_data(self) -> np.ndarray:
            return np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    class Shim:
        BrainFlowError = ValueError
        BoardShim = Session

    board = Board(Shim, 16, None, [1, 2], (0, None), 500.0, "uV", (Band.numbered("emg", 2),), "", 0.5)
    board.open()
    (packet,) = board.read(0.0)
    np.testing.assert_array_equal(packet.samples, [[1.5, 2.5], [2.0, 3.0]])
    assert packet.samples.dtype == np.float32


def test_a_board_that_is_not_there_is_told() -> None:
    pytest.importorskip("brainflow")
    with pytest.raises(RecordingError, match="does not answer"):
        open_source("brainflow:board=cyton,serial_port=/dev/nowhere")
