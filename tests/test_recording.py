"""Recordings, their labels, and the native session file."""

from __future__ import annotations

import errno
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgasr.errors import DataError, OutputError, RecordingError
from emgasr.files.hdf5 import OPEN_FILES, OpenFiles
from emgasr.recording import Band, Events, Montage, Recording, Signal, Spans, montage_of
from emgasr.sessions.native import open_session, save_session
from tests.helpers.disk import room_for
from tests.helpers.miniatures import make_recording, write_native


def test_what_is_saved_is_what_is_opened(tmp_path: Path) -> None:
    saved = make_recording()
    save_session(saved, tmp_path / "one.hdf5")
    opened = open_session(tmp_path / "one.hdf5")
    np.testing.assert_array_equal(opened.read(), saved.samples)
    for name in ("rate_hz", "unit", "bands", "subject", "session", "start_unix_s", "origin"):
        assert getattr(opened, name) == getattr(saved, name)
    assert opened.events.keys == ("a", "Key.backspace", "\x00")
    np.testing.assert_array_equal(opened.events.time_s, saved.events.time_s)
    np.testing.assert_array_equal(opened.events.release_s, [0.6, np.nan, 2.2])
    assert (opened.spans.kinds, opened.spans.texts) == (("prompt",), ("añb",))


def test_a_recording_without_labels_or_start_comes_back_without(tmp_path: Path) -> None:
    save_session(make_recording(events=Events.empty(), spans=Spans.empty(), start_unix_s=None), tmp_path / "one.hdf5")
    opened = open_session(tmp_path / "one.hdf5")
    assert (len(opened.events), len(opened.spans), opened.start_unix_s) == (0, 0, None)


def test_samples_stay_on_disk_and_slices_read_the_same(tmp_path: Path) -> None:
    path = write_native(tmp_path, seconds=60)
    samples = make_recording(seconds=60).samples
    opened = open_session(path)
    assert not isinstance(opened.samples, np.ndarray)
    np.testing.assert_array_equal(opened.samples[100:5000], samples[100:5000])
    np.testing.assert_array_equal(opened.read(10, 12.5), samples[2000:2500])
    assert opened.samples[7:7].shape == (0, 8)


def test_a_lazy_recording_can_be_pickled_for_a_worker(tmp_path: Path) -> None:
    opened = open_session(write_native(tmp_path))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(opened)).read(), opened.read())


def test_a_segment_shifts_labels_and_cuts_spans_at_its_edges(tmp_path: Path) -> None:
    part = open_session(write_native(tmp_path)).segment(1.0, 2.5).segment(0.0, 1.25)
    np.testing.assert_array_equal(part.read(), make_recording().samples[200:450])
    assert part.events.keys == ("Key.backspace", "\x00")
    np.testing.assert_allclose(part.events.time_s, [0.0, 1.0])
    assert (part.spans.start_s[0], part.spans.end_s[0]) == (0.0, 1.25)
    assert part.start_unix_s == 1.6e9 + 1.0
    assert part.duration_s == 1.25


@pytest.mark.slow
@given(
    times=st.lists(st.floats(0, 10), max_size=30),
    edges=st.tuples(st.floats(-1, 11), st.floats(-1, 11)),
)
def test_events_between_are_those_that_a_scan_finds(times: list[float], edges: tuple[float, float]) -> None:
    start, end = sorted(edges)
    events = Events.of([(t, t, f"k{i}") for i, t in enumerate(times)])
    expected = sorted(t for t in times if start <= t < end)
    assert events.between(start, end).time_s.tolist() == expected


@given(
    spans=st.lists(st.tuples(st.floats(0, 10), st.floats(0, 5)), max_size=20),
    edges=st.tuples(st.floats(-1, 16), st.floats(0.01, 5)),
)
def test_overlapping_spans_are_those_that_a_scan_finds(
    spans: list[tuple[float, float]], edges: tuple[float, float]
) -> None:
    start, end = edges[0], edges[0] + edges[1]
    made = Spans.of([(a, a + length, "gesture", str(i)) for i, (a, length) in enumerate(spans)])
    expected = {str(i) for i, (a, length) in enumerate(spans) if a < end and a + length > start}
    assert set(made.overlapping(start, end).texts) == expected


def test_spans_are_chosen_by_kind() -> None:
    spans = Spans.of([(0, 1, "rest", "rest"), (1, 2, "gesture", "fist")])
    assert spans.of_kind("gesture").texts == ("fist",)
    assert spans.shift(1.0).start_s.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"samples": np.zeros((600, 8))}, "float64"),
        ({"samples": np.zeros(600, np.float32)}, "shape"),
        ({"rate_hz": 0.0}, "rate is 0.0 Hz"),
        ({"rate_hz": float("nan")}, "rate is nan"),
        ({"rate_hz": 1e308}, r"rate is 1e\+308"),
        ({"rate_hz": 1e-300}, "rate is 1e-300"),
        ({"unit": "furlong"}, "unknown unit 'furlong'"),
        ({"unit": ""}, "unknown unit ''"),
        ({"origin": "dreamt"}, "unknown origin"),
        ({"bands": (Band.numbered("left", 4),)}, "8 channels but 4 electrodes"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(RecordingError, match=told):
        replace(make_recording(), **changes)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Events(np.array([1.0, 0.5]), np.full(2, np.nan), ("a", "b")), "goes back at label 1"),
        (lambda: Events(np.array([1.0, np.nan]), np.full(2, np.nan), ("a", "b")), "not finite at label 1"),
        (lambda: Events(np.array([1.0]), np.full(2, np.nan), ("a",)), "release_s has shape"),
        (lambda: Spans.of([(1.0, 0.5, "rest", "")]), "ends before it starts"),
        (lambda: Spans.of([(0.0, 0.5, "nap", "")]), "unknown kind 'nap'"),
    ],
)
def test_labels_that_make_no_sense_are_refused(make: Callable[[], object], told: str) -> None:
    with pytest.raises(DataError, match=told):
        make()


@pytest.mark.parametrize("asked", [(-1.0, 1.0), (2.0, 1.0), (0.0, 3.1)])
def test_reading_outside_a_recording_is_refused(asked: tuple[float, float]) -> None:
    with pytest.raises(RecordingError, match=r"it lasts 3\.000 s"):
        make_recording().read(*asked)


# --- files that are not what they should be


def truncate(path: Path, part: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])


@pytest.mark.parametrize("part", [0.05, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(tmp_path: Path, part: float) -> None:
    path = write_native(tmp_path, seconds=60)
    truncate(path, part)
    with pytest.raises(RecordingError, match=r"one\.hdf5: is truncated"):
        open_session(path)


def test_a_zero_byte_file_a_text_file_a_folder_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "zero.hdf5").touch()
    (tmp_path / "text.hdf5").write_text("dear diary")
    for name, told in (("zero.hdf5", "zero bytes"), ("text.hdf5", "not an HDF5"), (".", "folder"), ("no", "No such")):
        with pytest.raises(RecordingError, match=told):
            open_session(tmp_path / name)


def edit(path: Path, change: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "a") as file:
        change(file)


def put(file: h5py.File, name: str, value: object) -> None:
    del file[name]
    file[name] = value


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda f: f.attrs.__delitem__("format"), "not an emgasr session"),
        (lambda f: f.attrs.__setitem__("version", 99), "format version 99"),
        (lambda f: f.attrs.__delitem__("rate_hz"), "lacks the attribute 'rate_hz'"),
        (lambda f: f.attrs.__setitem__("rate_hz", "fast"), "not a number"),
        (lambda f: f.attrs.__setitem__("rate_hz", -1.0), "rate is -1.0 Hz"),
        (lambda f: f.attrs.__delitem__("unit"), "lacks the attribute 'unit'"),
        (lambda f: f.attrs.__setitem__("unit", "inch"), "unknown unit 'inch'"),
        (lambda f: f.attrs.__setitem__("unit", 1), "not text"),
        (lambda f: f.attrs.__delitem__("subject"), "lacks the attribute 'subject'"),
        (lambda f: f.attrs.__setitem__("bands", "[1]"), "'bands': is not a JSON object"),
        (lambda f: f.__delitem__("samples"), "no dataset 'samples'"),
        (lambda f: put(f, "samples", np.zeros((600, 8), np.int16)), "'samples' is int16"),
        (lambda f: put(f, "samples", np.zeros(600, np.float32)), "1 dimensions"),
        (lambda f: f.__delitem__("events/keys"), "no dataset 'events/keys'"),
        (lambda f: put(f, "events/keys", "[1, 2, 3]"), "not a JSON list of texts"),
        (lambda f: put(f, "events/keys", "{broken"), "not a JSON list"),
        (lambda f: put(f, "events/time_s", np.array([1, 2, 3])), "not float64"),
        (lambda f: put(f, "events/time_s", np.array([1.0, 2.0])), "time_s has shape"),
        (lambda f: put(f, "events/time_s", np.array([2.0, 1.0, 3.0])), "goes back"),
        (lambda f: put(f, "events/time_s", np.array([1.0, np.nan, 3.0])), "not finite"),
        (lambda f: put(f, "spans/end_s", np.array([0.1])), "ends before it starts"),
        (lambda f: put(f, "spans/kinds", '["nap"]'), "unknown kind"),
    ],
)
def test_a_session_file_with_a_wrong_or_missing_field_is_refused_in_one_line_naming_it(
    tmp_path: Path, change: Callable[[h5py.File], None], told: str
) -> None:
    path = write_native(tmp_path)
    edit(path, change)
    with pytest.raises(RecordingError, match=told) as caught:
        open_session(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_wherever_a_bit_of_a_session_file_changes_it_is_refused_or_told_or_means_nothing(tmp_path: Path) -> None:
    path = write_native(tmp_path)
    whole, content = open_session(path), path.read_bytes()
    samples, outcomes = whole.read(), []
    for at in range(0, len(content), 199):
        changed = bytearray(content)
        changed[at] ^= 1 << (at % 8)
        (tmp_path / "changed.hdf5").write_bytes(changed)
        try:
            found = open_session(tmp_path / "changed.hdf5")
            same = np.array_equal(found.read(), samples) and same_facts(found, whole)
            outcomes.append("told" if found.notes else "same" if same else f"silent at {at}")
        except RecordingError:
            outcomes.append("refused")
    assert set(outcomes) <= {"told", "same", "refused"}
    assert outcomes.count("refused") > 60


def same_facts(one: Recording, other: Recording) -> bool:
    names = ("rate_hz", "unit", "bands", "subject", "session", "start_unix_s", "origin")
    labels = [(r.events.keys, r.spans.kinds, r.spans.texts) for r in (one, other)]
    times = [(r.events.time_s, r.events.release_s, r.spans.start_s, r.spans.end_s) for r in (one, other)]
    return (
        all(getattr(one, name) == getattr(other, name) for name in names)
        and labels[0] == labels[1]
        and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*times, strict=True))
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.attrs.__setitem__("subject", "bob"),
        lambda f: f.attrs.__setitem__("rate_hz", 201.0),
        lambda f: put(f, "events/time_s", np.array([0.5, 1.0, 1.6])),
        lambda f: put(f, "events/keys", '["a", "b", "d"]'),
        lambda f: put(f, "spans/texts", '["other"]'),
    ],
)
def test_labels_that_were_edited_after_a_file_was_saved_are_read_and_told(
    tmp_path: Path, change: Callable[[h5py.File], None]
) -> None:
    path = write_native(tmp_path)
    assert open_session(path).notes == ()
    edit(path, change)
    assert open_session(path).notes == (
        "its labels, or what it tells of itself, were changed since it was saved (checksum)",
    )


def test_flipped_bits_in_the_samples_are_noticed(tmp_path: Path) -> None:
    path = write_native(tmp_path, seconds=60)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(RecordingError, match="is damaged"):
        open_session(path).read()


def test_a_file_replaced_by_a_shorter_one_is_not_read_as_the_old(tmp_path: Path) -> None:
    opened = open_session(write_native(tmp_path))
    opened.read()
    write_native(tmp_path, seconds=1)
    with pytest.raises(RecordingError, match="changed since it was opened"):
        opened.read()


# --- writing


class _FailingSamples:
    """Samples that end in an error, as when a full disk or Ctrl-C comes half-way."""

    shape = (1_000_000, 8)

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __getitem__(self, rows: slice) -> np.ndarray:
        if rows.start > 100_000:
            raise self.error
        return np.zeros((rows.stop - rows.start, 8), np.float32)


@pytest.mark.parametrize(
    ("error", "told"), [(OSError(errno.ENOSPC, "No space left on device"), OutputError), (KeyboardInterrupt(), None)]
)
def test_a_failed_save_leaves_what_was_there(tmp_path: Path, error: BaseException, told: type | None) -> None:
    path = write_native(tmp_path)
    before = path.read_bytes()
    with pytest.raises(told or KeyboardInterrupt):
        save_session(make_recording(samples=_FailingSamples(error)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_one_clear_line(tmp_path: Path) -> None:
    with room_for(1_000_000), pytest.raises(OutputError, match="cannot be written \\(File too large\\)"):
        save_session(make_recording(seconds=600), tmp_path / "one.hdf5")
    assert list(tmp_path.iterdir()) == []


# --- many files, many readers


def test_at_most_a_bounded_number_of_files_stays_open(tmp_path: Path) -> None:
    files = OpenFiles(limit=3)
    paths = [write_native(tmp_path, f"{i}.hdf5") for i in range(6)]
    for path in paths + paths[::-1]:
        with files.reading(path) as file:
            assert file["samples"].shape == (600, 8)
    assert len(files) == 3
    assert OPEN_FILES.limit <= 64


@pytest.mark.slow
def test_threads_read_the_same_as_one(tmp_path: Path) -> None:
    recordings = [open_session(write_native(tmp_path, f"{i}.hdf5", seed=i)) for i in range(40)]
    expected = [make_recording(seed=i).samples for i in range(40)]
    wrong: list[int] = []

    def read(offset: int) -> None:
        for k in range(80):
            i = (k * 7 + offset) % 40
            if not np.array_equal(recordings[i].read(), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=read, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _sum(recording: Recording) -> float:
    return float(recording.read().sum())


@pytest.mark.process
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_worker_reads_the_same_as_its_parent(tmp_path: Path) -> None:
    opened = open_session(write_native(tmp_path))
    parent = _sum(opened)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_sum, [opened] * 4) == [parent] * 4
    assert _sum(replace(opened, subject="bob")) == parent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("rate_hz", value) for value in ("2000", True, None, float("nan"), float("inf"), 0, -1.0, 2j, [2000.0])),
        *((name, value) for name in ("subject", "session") for value in (5, None, True, b"ann", "a\0b", "\ud800")),
        *(("start_unix_s", value) for value in ("now", float("nan"), True, float("inf"))),
        *(("unit", value) for value in ("mV", None, 1)),
        *(("bands", value) for value in (None, [], "left", (5,), ("left", "right"))),
        *(("samples", value) for value in (None, [[0.0] * 8], np.zeros((5, 8)), np.zeros(8, np.float32), "x")),
        *(("events", value) for value in (None, [(0.0, 1.0, "a")])),
        ("spans", None),
    ],
)
def test_what_could_be_saved_and_never_read_again_is_refused_when_it_is_made(field: str, value: Any) -> None:
    with pytest.raises(RecordingError) as told:
        replace(make_recording(1.0), **{field: value})
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("rate", [200, np.float32(200), np.int64(200), np.float64(200)])
def test_any_number_is_a_rate_and_what_is_made_can_be_saved_and_read(rate: Any, tmp_path: Path) -> None:
    recording = replace(make_recording(1.0), rate_hz=rate, start_unix_s=np.int64(7))
    save_session(recording, tmp_path / "r.hdf5")
    found = open_session(tmp_path / "r.hdf5")
    assert (found.rate_hz, found.start_unix_s) == (200.0, 7.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Events(np.zeros(1), np.zeros(1), (5,)),  # type: ignore[arg-type]
        lambda: Events(np.zeros(1), np.zeros(1), "a"),  # type: ignore[arg-type]
        lambda: Events(["soon"], np.zeros(1), ("a",)),  # type: ignore[arg-type]
        lambda: Spans(np.zeros(1), np.zeros(1), ("rest",), (None,)),  # type: ignore[arg-type]
        lambda: Band(5, ("a",)),  # type: ignore[arg-type]
        lambda: Band("left", "abc"),  # type: ignore[arg-type]
        lambda: Band("left", (1, 2)),  # type: ignore[arg-type]
        lambda: Band("left", ("a",), ring=1),  # type: ignore[arg-type]
        lambda: Band("left", ("a",), montage="monopolar"),  # type: ignore[arg-type]
    ],
)
def test_labels_and_bands_of_what_is_no_text_are_refused_when_they_are_made(make: Callable[[], object]) -> None:
    with pytest.raises(DataError):
        make()


def test_equal_recordings_make_equal_files_whenever_they_are_saved(tmp_path: Path) -> None:
    save_session(make_recording(), tmp_path / "first.hdf5")
    time.sleep(1.1)  # HDF5 keeps times in whole seconds
    save_session(make_recording(), tmp_path / "second.hdf5")
    assert (tmp_path / "first.hdf5").read_bytes() == (tmp_path / "second.hdf5").read_bytes()


def worn(*montages: Montage) -> tuple[Band, ...]:
    return tuple(Band.numbered(f"b{i}", 4, montage=montage) for i, montage in enumerate(montages))


def test_a_montage_that_is_told_comes_back_and_one_that_is_not_leaves_the_file_as_before(tmp_path: Path) -> None:
    save_session(make_recording(bands=worn("bipolar", "")), tmp_path / "told.hdf5")
    told = open_session(tmp_path / "told.hdf5")
    assert [band.montage for band in told.bands] == ["bipolar", ""]
    assert told.notes == ()
    save_session(make_recording(), tmp_path / "untold.hdf5")
    with h5py.File(tmp_path / "untold.hdf5") as file:
        assert "montage" not in file.attrs["bands"]
        # As the release before this field wrote it: its files are not taken for edited ones, nor ours by it.
        assert file.attrs["sha256"] == "d06a1038ddeb1150b16c833c04617a741be0c6f1aecc009d987ad7b4c609aff0"


def test_a_file_with_a_montage_of_another_word_is_one_line(tmp_path: Path) -> None:
    save_session(make_recording(bands=worn("average", "average")), tmp_path / "one.hdf5")
    with h5py.File(tmp_path / "one.hdf5", "a") as file:
        file.attrs["bands"] = file.attrs["bands"].replace("average", "averaged")
    with pytest.raises(RecordingError, match="'montage' is 'averaged', not ''"):
        open_session(tmp_path / "one.hdf5")


@pytest.mark.parametrize(
    ("bands", "told"),
    [
        (worn("", ""), ""),
        (worn("bipolar", "bipolar"), "bipolar"),
        (worn("bipolar", ""), "b0 bipolar, b1 not told"),
        (worn("average", "reference"), "b0 average, b1 reference"),
        ((), ""),
    ],
)
def test_the_montage_of_bands_is_one_word_where_they_agree(bands: tuple[Band, ...], told: str) -> None:
    assert montage_of(bands) == told


def test_a_signal_takes_the_montage_that_recordings_say_and_refuses_two() -> None:
    untold, bipolar, shared = (make_recording(bands=worn(m, m)) for m in ("", "bipolar", "reference"))
    signal = Signal.of(untold).with_montage_of([untold, bipolar, untold])
    assert montage_of(signal.bands) == "bipolar"
    assert montage_of(Signal.of(untold).with_montage_of([untold]).bands) == ""
    wrong = r"ann/day0: is of montage reference, the model of bipolar \(between two poles over one muscle\)"
    with pytest.raises(RecordingError, match=wrong):
        Signal.of(untold).with_montage_of([untold, bipolar, shared])
