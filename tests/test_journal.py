"""A recording in the making opens whatever happens to it: cut anywhere, killed at any moment, on a full disk."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from miniatures import make_recording

from emgasr import open_recording
from emgasr.errors import OutputError, RecordingError
from emgasr.journal import Journal, finish, is_recorded_to
from emgasr.journal_reading import MAGIC, is_journal, journal_notes
from emgasr.recording import Recording
from emgasr.validate import recording_problems


def empty() -> Recording:
    recording = make_recording()
    return make_recording(samples=recording.samples[:0], events=recording.events.between(0, 0), spans=no_spans())


def no_spans() -> object:
    from emgasr.recording import Spans

    return Spans.empty()


def written(path: Path, blocks: int = 10) -> np.ndarray:
    samples = make_recording().read()[: blocks * 20]
    journal = Journal(path, empty())
    journal.begin(0.0, "rest", "")
    for i in range(blocks):
        journal.samples(samples[20 * i : 20 * (i + 1)])
        if i == 3:
            journal.end(0.3)
            journal.begin(0.35, "prompt", "ab\n")
            journal.key(0.36, "a", 0.39)
            journal.note("bridged", 4, "4 samples were lost")
        if i == 5:
            journal.key(0.55, "Key.enter")
            journal.end(0.6)
    journal.sync()
    journal.close()
    return samples


def test_a_journal_opens_as_the_recording_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "one.hdf5"
    samples = written(path)
    recording = open_recording(path)
    np.testing.assert_array_equal(recording.read(), samples)
    np.testing.assert_array_equal(recording.samples[33:77], samples[33:77])
    assert (recording.subject, recording.unit, recording.rate_hz) == ("ann", "uV", 200.0)
    assert recording.bands == make_recording().bands
    assert recording.events.keys == ("a", "Key.enter")
    assert recording.events.release_s[0] == pytest.approx(0.39)
    assert math.isnan(recording.events.release_s[1])
    assert list(zip(recording.spans.kinds, recording.spans.texts, strict=True)) == [("rest", ""), ("prompt", "ab\n")]
    assert journal_notes(path) == [{"time_s": 0.4, "kind": "bridged", "samples": 4, "text": "4 samples were lost"}]
    assert not list(recording_problems(recording))


def test_a_journal_cut_at_any_byte_opens_with_all_whole_frames_before(tmp_path: Path) -> None:
    path = tmp_path / "one.hdf5"
    samples = written(path)
    raw = path.read_bytes()
    lengths = set()
    for size in [*range(len(MAGIC) + 420, len(raw), 211), len(raw) - 1, len(raw)]:
        path.write_bytes(raw[:size])
        recording = open_recording(path)
        np.testing.assert_array_equal(recording.read(), samples[: recording.n_samples])
        assert recording.n_samples % 20 == 0
        assert not [p for p in recording_problems(recording) if "no samples" not in p]
        lengths.add(recording.n_samples)
    assert lengths == set(range(0, 201, 20))


def test_reading_stops_at_a_damaged_frame(tmp_path: Path) -> None:
    path = tmp_path / "one.hdf5"
    samples = written(path)
    raw = bytearray(path.read_bytes())
    raw[len(raw) * 2 // 3] ^= 0x40
    path.write_bytes(raw)
    recording = open_recording(path)
    assert 0 < recording.n_samples < 200
    np.testing.assert_array_equal(recording.read(), samples[: recording.n_samples])


def test_finishing_leaves_a_native_session_with_the_notes(tmp_path: Path) -> None:
    path = tmp_path / "one.hdf5"
    samples = written(path)
    recording = finish(path)
    assert not is_journal(path)
    np.testing.assert_array_equal(recording.read(), samples)
    with h5py.File(path, "r", locking=False) as file:
        assert json.loads(file["notes"][()])[0]["kind"] == "bridged"
    with pytest.raises(RecordingError, match="no unfinished recording"):
        finish(path)


def test_two_recordings_to_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.hdf5"
    journal = Journal(path, empty())
    assert is_recorded_to(path)
    with pytest.raises(OutputError, match="recorded to by another process"):
        Journal(path, empty())
    with pytest.raises(OutputError, match="end that one first"):
        finish(path)
    journal.close()
    with pytest.raises(OutputError, match="exists already"):
        Journal(path, empty())


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.hdf5"
    samples = make_recording().read()
    journal = Journal(path, empty())
    journal.samples(samples[:100])
    write = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) > 1000:
            return write(descriptor, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("emgasr.journal.os.write", half)
        with pytest.raises(OutputError, match=r"stopped at 0\.5 s \(No space left on device\)"):
            journal.samples(samples[100:200])
    journal.close()
    np.testing.assert_array_equal(open_recording(path).read(), samples[:100])


def test_a_disk_too_full_to_finish_keeps_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.hdf5"
    samples = written(path)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("emgasr.output.os.replace", full)
        with pytest.raises(OutputError, match=r"holds all that .*No space left.* --finish`"):
            finish(path)
    assert is_journal(path)
    np.testing.assert_array_equal(open_recording(path).read(), samples)
    assert [file.name for file in tmp_path.iterdir()] == ["one.hdf5"]


KILLED = """
import sys, time, numpy as np
from emgasr.journal import Journal
from emgasr.recording import Band, Recording
signal = Recording(np.zeros((0, 8), np.float32), 2000.0, "uV", (Band.numbered("emg", 8),), "ann", "day")
journal = Journal(sys.argv[1], signal)
at = 0
while True:
    journal.samples(np.repeat(np.arange(at, at + 20)[:, None], 8, axis=1).astype(np.float32))
    at += 20
    if at % 100 == 0:
        journal.key(at / 2000, "a")
    print(at, flush=True)
    time.sleep(0.002)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_recording_opens_and_lacks_nothing_that_was_written(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "one.hdf5"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(float(np.random.default_rng(seed).uniform(0.02, 0.4)))
    process.send_signal(signal.SIGKILL)
    process.wait()
    told = [int(line) for line in process.stdout.read().split()]
    recording = open_recording(path)
    assert recording.n_samples >= max(told, default=20)
    np.testing.assert_array_equal(recording.read()[:, 3], np.arange(recording.n_samples))
    assert not list(recording_problems(recording))
    assert not is_recorded_to(path)
    assert finish(path).n_samples == recording.n_samples


@pytest.mark.parametrize("size", [0, 2, 40])
def test_a_file_killed_as_it_began_says_so(tmp_path: Path, size: int) -> None:
    path = tmp_path / "one.hdf5"
    written(path, 0)
    path.write_bytes(path.read_bytes()[: len(MAGIC) + size])
    with pytest.raises(RecordingError, match="no whole header"):
        open_recording(path)
