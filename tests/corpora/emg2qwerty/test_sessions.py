"""emg2qwerty's session layout."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from emgasr.corpora import open_any, scan
from emgasr.corpora.emg2qwerty.sessions import open_recording
from emgasr.errors import RecordingError
from tests.helpers.miniatures import write_emg2qwerty


def test_fields_are_found_by_name_and_unix_times_become_seconds(tmp_path: Path) -> None:
    emg = write_emg2qwerty(tmp_path / "s.hdf5")
    opened = open_recording(tmp_path / "s.hdf5")
    np.testing.assert_array_equal(opened.read(1, 2), emg[2000:4000])
    assert (opened.rate_hz, opened.unit, opened.start_unix_s) == (2000.0, "uV", 1.6e9)
    assert [(band.name, len(band.electrodes), band.ring) for band in opened.bands] == [
        ("left", 16, True),
        ("right", 16, True),
    ]
    assert (opened.subject, opened.session) == ("89335547", "2020-09-13-1600000000-keystrokes")
    assert opened.events.keys == ("a", "Key.shift")
    np.testing.assert_allclose(opened.events.time_s, [1.0, 1.5], atol=1e-6)
    np.testing.assert_allclose(opened.events.release_s, [1.09, 1.7], atol=1e-6)
    assert opened.spans.texts == ("a cat",)  # a prompt without text is no prompt to type
    np.testing.assert_allclose([opened.spans.start_s[0], opened.spans.end_s[0]], [0.5, 3.0], atol=1e-6)


def test_labels_follow_the_samples_own_clock_when_it_drifts(tmp_path: Path) -> None:
    write_emg2qwerty(tmp_path / "s.hdf5", drift=1.004)  # a second of the clock is 1 / 1.004 s of signal
    opened = open_recording(tmp_path / "s.hdf5")
    np.testing.assert_allclose(opened.events.time_s, np.array([1.0, 1.5]) / 1.004, atol=1e-5)


def test_labels_after_a_gap_stay_beside_their_samples(tmp_path: Path) -> None:
    times = 1.6e9 + np.arange(8000) / 2000
    times[1000:] += 0.3  # 0.3 s were lost after half a second
    write_emg2qwerty(tmp_path / "s.hdf5", times=times)
    np.testing.assert_allclose(open_recording(tmp_path / "s.hdf5").events.time_s, [0.7, 1.2], atol=1e-3)


def test_chunked_and_compressed_tables_read_the_same(tmp_path: Path) -> None:
    emg = write_emg2qwerty(tmp_path / "s.hdf5")
    with h5py.File(tmp_path / "s.hdf5", "a") as file:
        table = file["emg2qwerty/timeseries"][()]
        del file["emg2qwerty/timeseries"]
        file["emg2qwerty"].create_dataset("timeseries", data=table, chunks=(500,), compression="gzip")
    np.testing.assert_array_equal(open_recording(tmp_path / "s.hdf5").read(), emg)


def test_a_session_is_recognized_by_its_content_and_listed(tmp_path: Path) -> None:
    write_emg2qwerty(tmp_path / "deep" / "s.hdf5")
    assert open_any(tmp_path / "deep" / "s.hdf5").n_channels == 32
    (entry,) = scan(tmp_path, "emg2qwerty")
    assert (entry.subject, entry.duration_s, entry.channels) == ("89335547", 4.0, 32)


def fields(**changed: object) -> list[tuple[object, ...]]:
    kinds = {"emg_left": ("<f4", (16,)), "emg_right": ("<f4", (16,)), "time": ("<f8",)} | changed
    return [(name, *kind) for name, kind in kinds.items() if kind]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"keystrokes": '[{"key": "a", "start": 1'}, "'keystrokes' is broken JSON"),
        ({"keystrokes": '{"key": "a"}'}, "'keystrokes' is not a JSON list"),
        ({"keystrokes": '[{"start": 1.0}]'}, "keystroke 0: lacks the field 'key'"),
        ({"keystrokes": '[{"key": "a", "start": NaN}]'}, "holds NaN"),
        ({"keystrokes": '[{"key": "a", "start": "1.5"}]'}, "keystroke 0: 'start' is '1.5', not a finite number"),
        ({"keystrokes": '[{"key": 7, "start": 1.5}]'}, "keystroke 0: 'key' is 7, not text"),
        ({"keystrokes": "[" * 9999}, "nests more than"),
        ({"user": " "}, "attribute 'user' is empty"),
        ({"user": np.array([1, 2])}, "attribute 'user' is int64 of shape"),
        ({"keystrokes": '["a"]'}, "keystroke 0: is not a JSON object"),
        ({"keystrokes": None}, "lacks the attribute 'keystrokes'"),
        ({"prompts": "nonsense"}, "'prompts' is broken JSON"),
        ({"prompts": '[{"payload": {"text": "a"}}]'}, "prompt 0: lacks the field 'start'"),
        ({"user": None}, "lacks the attribute 'user'"),
        ({"dtype": fields(emg_right=None)}, "lacks the field 'emg_right'"),
        ({"dtype": fields(time=None)}, "lacks the field 'time'"),
        ({"dtype": fields(emg_left=("<f8", (16,)))}, "field 'emg_left' is"),
        ({"dtype": fields(emg_left=("<i2", (16,)))}, "field 'emg_left' is"),
        ({"times": 1.6e9 + np.arange(8000) / 1000}, r"its times tell 1000\.0 Hz"),
        ({"times": 1.6e9 - np.arange(8000) / 2000}, "'time' goes back"),
        ({"times": np.full(8000, np.nan)}, "'time' is not finite"),
        ({"seconds": 0}, "holds no samples"),
    ],
)
def test_a_session_that_is_not_as_published_is_refused(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    write_emg2qwerty(tmp_path / "s.hdf5", **changes)  # type: ignore[arg-type]
    with pytest.raises(RecordingError, match=told):
        open_recording(tmp_path / "s.hdf5")


def test_other_and_damaged_files_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["x"] = 1
    write_emg2qwerty(tmp_path / "cut.hdf5")
    (tmp_path / "cut.hdf5").write_bytes((tmp_path / "cut.hdf5").read_bytes()[:5000])
    (tmp_path / "zero.hdf5").touch()
    (tmp_path / "text.hdf5").write_text("no")
    for name, told in (("other", "no dataset"), ("cut", "truncated"), ("zero", "zero bytes"), ("text", "not an HDF5")):
        with pytest.raises(RecordingError, match=told):
            open_recording(tmp_path / f"{name}.hdf5")
