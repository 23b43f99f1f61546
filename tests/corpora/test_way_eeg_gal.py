"""WAY-EEG-GAL: a lift is read as two sensors with one clock."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from emgasr.corpora import open_entry, scan
from emgasr.corpora.samples.mat import structure
from emgasr.corpora.sensors import only_bands
from emgasr.corpora.way_eeg_gal.lifts import open_recording
from emgasr.errors import RecordingError
from tests.helpers.layouts import write_way_eeg_gal


def test_a_lift_holds_the_muscles_and_the_scalp_each_at_its_rate_aligned_by_their_times(tmp_path: Path) -> None:
    folder = write_way_eeg_gal(tmp_path)
    entries = scan(folder, "way_eeg_gal")
    assert [entry.take for entry in entries] == ["WS_P3_S1_01", "WS_P3_S1_02", "WS_P3_S2_01", "WS_P3_S2_02"]
    lift = open_entry(entries[1], folder)
    assert (lift.subject, lift.session, lift.rate_hz, lift.n_channels) == ("p03", "s1", 4000.0, 5)
    assert lift.spans.texts == ("330 g",)
    (scalp,) = lift.others
    assert (scalp.offset_s, scalp.recording.rate_hz, scalp.recording.n_channels) == (0.25, 500.0, 32)
    alone = only_bands(lift, ["eeg"])
    assert (alone.spans.start_s[0], alone.spans.end_s[0]) == (0.0, 1.25)


def test_values_are_those_that_scipy_reads(tmp_path: Path) -> None:
    folder = write_way_eeg_gal(tmp_path)
    for number in (1, 2):  # the second is compressed
        path = folder / f"WS_P3_S{number}.mat"
        theirs = loadmat(path, simplify_cells=True)["ws"]
        for lift in (1, 2):
            mine = open_recording(path, lift=lift)
            np.testing.assert_array_equal(mine.read(), theirs["win"][lift - 1]["emg"].astype(np.float32))
            scalp = mine.others[0].recording
            np.testing.assert_array_equal(scalp.read(), theirs["win"][lift - 1]["eeg"].astype(np.float32))
        assert mine.bands[0].electrodes == tuple(theirs["names"]["emg"])


def test_the_surface_is_the_label_where_it_is_asked_for(tmp_path: Path) -> None:
    folder = write_way_eeg_gal(tmp_path, 1)
    entries = scan(folder, "way_eeg_gal", label="surface")
    assert open_entry(entries[0], folder).spans.texts == ("silk",)


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {"emg": np.zeros((4000, 5, 1)), "emg_t": np.zeros((4000, 1))},
            "no time for each row|no table 'emg'|its times",
        ),
        ({"eeg_t": np.zeros((3, 1))}, "no time for each row of 'eeg'"),
        ({"emg_t": np.arange(4000)[:, None] / 1000, "emg": np.zeros((4000, 5))}, "its times say 1000 Hz for emg"),
        ({"eeg": "text"}, "no table 'eeg' of numbers"),
    ],
)
def test_a_window_that_is_none_is_refused_in_a_line(tmp_path: Path, more: dict[str, object], line: str) -> None:
    folder = write_way_eeg_gal(tmp_path, 1, **more)
    with pytest.raises(RecordingError, match=line) as caught:
        open_recording(folder / "WS_P3_S1.mat")
    assert "\n" not in str(caught.value)


def test_a_byte_that_changed_ends_in_a_line_or_in_nothing_worse_than_another_value(tmp_path: Path) -> None:
    path = write_way_eeg_gal(tmp_path, 1) / "WS_P3_S1.mat"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(128, 2000, 60).tolist():
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with suppress(RecordingError):  # any other error fails the test
            structure(path, "ws", ("win", "emg"))
