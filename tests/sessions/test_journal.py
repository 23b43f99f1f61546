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
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from emgasr import open_recording
from emgasr.data.validate import check_recording
from emgasr.errors import OutputError, RecordingError
from emgasr.recording import Band, Recording
from emgasr.sessions.journal import Journal, finish, is_recorded_to
from emgasr.sessions.journal_reading import FRAME_CHECK, FRAME_HEAD, MAGIC, is_journal, journal_notes
from tests.helpers.miniatures import make_recording


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
    assert not check_recording(recording)[0]


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
        assert not [p for p in check_recording(recording)[0] if "no samples" not in p]
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


def framed(kind: bytes, payload: bytes) -> bytes:
    head = FRAME_HEAD.pack(kind, len(payload))
    return head + payload + FRAME_CHECK.pack(zlib.crc32(payload, zlib.crc32(head)))


HEADER = {
    "rate_hz": 200.0,
    "unit": "uV",
    "subject": "ann",
    "session": "day0",
    "origin": "measured",
    "bands": [{"name": "a", "electrodes": ["e1", "e2"], "ring": False}],
    "start_unix_s": None,
}
SAMPLES = framed(b"S", np.zeros((200, 2), "<f4").tobytes())


def journal(path: Path, *frames: bytes, **header: object) -> Path:
    path.write_bytes(MAGIC + framed(b"H", json.dumps(HEADER | header).encode()) + b"".join(frames))
    return path


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ({"rate_hz": "200"}, "'rate_hz' is '200', not a finite number"),
        ({"rate_hz": True}, "'rate_hz' is True"),
        ({"rate_hz": -1}, "rate is -1"),
        ({"rate_hz": None}, "'rate_hz' is None"),
        ({"unit": "inch"}, "unknown unit 'inch'"),
        ({"subject": ["ann"]}, "'subject' is"),
        ({"bands": []}, "names no electrode"),
        ({"bands": "ab"}, "'bands' is not a list"),
        (
            {"bands": [{"name": "a", "electrodes": "ab", "ring": False}]},
            "'bands': 'electrodes' is 'ab', not a list, each item text",
        ),
        ({"bands": [{"name": "a", "electrodes": ["e1"], "ring": 0}]}, "'bands': 'ring' is 0, not true or false"),
        ({"start_unix_s": "now"}, "'start_unix_s' is 'now', not a finite number or null"),
        ({"deep": json.loads("[" * 40 + "]" * 40)}, "nests more than"),
    ],
)
def test_a_header_is_checked_as_any_other_json(tmp_path: Path, header: dict[str, object], told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        open_recording(journal(tmp_path / "j.hdf5", SAMPLES, **header))


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (framed(b"S", bytes(12)), "samples of another number of channels"),
        (framed(b"H", json.dumps(HEADER).encode()), "has a second header"),
        (framed(b"K", b'{"time_s": "0.5", "release_s": null, "key": "a"}'), "'time_s' is '0.5'"),
        (framed(b"K", b'{"time_s": NaN, "release_s": null, "key": "a"}'), "holds NaN"),
        (framed(b"K", b'{"time_s": 1e999, "release_s": null, "key": "a"}'), "double precision"),
        (framed(b"K", b'{"time_s": 0.5, "release_s": "x", "key": "a"}'), "'release_s' is 'x'"),
        (framed(b"K", b'{"time_s": 0.5, "key": 7}'), "'key' is 7, not text"),
        (framed(b"B", b'{"time_s": 0.5, "kind": "prompt"}'), "lacks the field 'text'"),
        (framed(b"N", b'{"time_s": 0.5, "text": 1}'), "'text' is 1, not text"),
        (framed(b"K", b"[1]"), "is not a JSON object"),
        (framed(b"K", b"\xff"), "is not UTF-8"),
        (framed(b"K", b"[" * 9999), "nests more than"),
        (framed(b"B", b'{"time_s": 0.1, "kind": "nap", "text": ""}'), "unknown kind"),
    ],
)
def test_whole_frames_of_nonsense_are_refused_in_one_line(tmp_path: Path, frame: bytes, told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        open_recording(journal(tmp_path / "j.hdf5", SAMPLES, frame))


def test_a_journal_that_begins_with_samples_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j.hdf5").write_bytes(MAGIC + SAMPLES)
    with pytest.raises(RecordingError, match="does not begin with a header"):
        open_recording(tmp_path / "j.hdf5")


@pytest.mark.parametrize("length", [2**32 - 1, 2**28, 5000])
def test_a_frame_that_claims_more_than_the_file_holds_costs_nothing(tmp_path: Path, length: int) -> None:
    path = journal(tmp_path / "j.hdf5", SAMPLES, FRAME_HEAD.pack(b"S", length), bytes(100))
    assert open_recording(path).n_samples == 200


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    note = b'{"time_s": 0.25, "kind": "bridged", "samples": 4, "text": "4 samples were lost"}'
    late = b'{"time_s": 7.5, "release_s": null, "key": "a"}'
    path = journal(tmp_path / "j.hdf5", SAMPLES, framed(b"N", note), framed(b"K", late), b"S\1")
    size = path.stat().st_size
    assert open_recording(path).notes == (
        "at 0.250 s: 4 samples were lost",
        f"its last 2 of {size:,} bytes are not whole frames and are left out",
        "1 keys outside the 1.000 s of samples are left out",
    )
    assert finish(path).notes == ("at 0.250 s: 4 samples were lost",)


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
        patch.setattr("emgasr.sessions.journal.os.write", half)
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
        patch.setattr("emgasr.files.output.os.replace", full)
        with pytest.raises(OutputError, match=r"holds all that .*No space left.* --finish`"):
            finish(path)
    assert is_journal(path)
    np.testing.assert_array_equal(open_recording(path).read(), samples)
    assert [file.name for file in tmp_path.iterdir()] == ["one.hdf5"]


KILLED = """
import sys, time, numpy as np
from emgasr.sessions.journal import Journal
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


@pytest.mark.process
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
    assert not check_recording(recording)[0]
    assert not is_recorded_to(path)
    assert finish(path).n_samples == recording.n_samples


@pytest.mark.parametrize("size", [0, 2, 40])
def test_a_file_killed_as_it_began_says_so(tmp_path: Path, size: int) -> None:
    path = tmp_path / "one.hdf5"
    written(path, 0)
    path.write_bytes(path.read_bytes()[: len(MAGIC) + size])
    with pytest.raises(RecordingError, match="no whole header"):
        open_recording(path)


def test_a_journal_says_its_montage_and_one_of_before_opens_without(tmp_path: Path) -> None:
    for name, montage in (("told", "bipolar"), ("untold", "")):
        bands = (Band.numbered("left", 8, montage=montage),)  # type: ignore[arg-type]
        Journal(tmp_path / name, make_recording(0, bands=bands)).close()
    assert open_recording(tmp_path / "told").bands[0].montage == "bipolar"
    assert open_recording(tmp_path / "untold").bands[0].montage == ""
    assert b"montage" not in (tmp_path / "untold").read_bytes()
