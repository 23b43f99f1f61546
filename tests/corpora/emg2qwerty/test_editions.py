"""emg2qwerty's HDF5 release and its BIDS edition: equal sessions give equal recordings."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora import scan
from emgasr.corpora.emg2qwerty import bids as emg2qwerty_bids
from emgasr.corpora.emg2qwerty import sessions as emg2qwerty
from emgasr.errors import RecordingError
from tests.helpers.layouts import NUMBER, USER, write_bids_session, write_hdf5_session


def test_both_editions_of_a_session_are_one_recording(tmp_path: Path) -> None:
    release = emg2qwerty.open_recording(write_hdf5_session(tmp_path / "release"))
    bids = emg2qwerty_bids.open_recording(write_bids_session(tmp_path / "bids"))
    np.testing.assert_allclose(bids.read(), release.read(), atol=1e-4)  # 24 bits of ±500 µV
    assert (bids.rate_hz, bids.unit, bids.bands) == (release.rate_hz, release.unit, release.bands)
    assert {band.montage for band in bids.bands} == {"bipolar"}
    assert bids.subject == release.subject == USER
    assert bids.session in release.session
    assert bids.events.keys == release.events.keys
    np.testing.assert_allclose(bids.events.time_s, release.events.time_s, atol=2e-6)
    np.testing.assert_allclose(bids.events.release_s, release.events.release_s, atol=2e-6)
    assert bids.spans.texts == release.spans.texts == ("hi there\n",)
    np.testing.assert_allclose(bids.spans.end_s, release.spans.end_s, atol=2e-6)


def test_gzipped_events_and_a_folder_are_read_too(tmp_path: Path) -> None:
    path = write_bids_session(tmp_path)
    events = next(path.parent.glob("*_events.tsv"))
    events.with_name(events.name + ".gz").write_bytes(gzip.compress(events.read_bytes()))
    events.unlink()
    (entry,) = scan(tmp_path, "emg2qwerty_bids")
    assert (entry.subject, entry.session, entry.channels, entry.duration_s) == (USER, str(NUMBER), 32, 4.0)


def replace_in(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        file = next(path.parent.glob(f"*_{name}"))
        file.write_text(file.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (replace_in("emg.json", "2000", "1000"), r"sampled at 2000 Hz, .*emg\.json says 1000"),
        (replace_in("channels.tsv", "\tbipolar", "\tR"), "is of montage reference, as its sidecars say, not bipolar"),
        (replace_in("channels.tsv", "EMG31\tEMG", "EMG31\tMISC"), "has the bands left 16, right 15"),
        (replace_in("channels.tsv", "left", "zright"), "in the order zright and right"),
        (replace_in("emg.json", "{", "["), "is not JSON"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "truncated"),
    ],
)
def test_what_is_not_the_published_session_is_refused(
    tmp_path: Path, change: Callable[[Path], object], told: str
) -> None:
    path = write_bids_session(tmp_path)
    change(path)
    with pytest.raises(RecordingError, match=told):
        emg2qwerty_bids.open_recording(path)
