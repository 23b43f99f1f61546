"""What a folder of takes holds, and which files are no takes like the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from emgasr.errors import RecordingError
from emgasr.quickstart.survey import check, look, silent_labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six takes of 80 samples on two channels."""
    rng = np.random.default_rng(0)
    for number in range(6):
        np.save(tmp_path / f"a_{number}.npy", rng.integers(-99, 99, (80, 2), dtype=np.int16))
    return tmp_path


def bad_of(folder: Path, rate_hz: float = 200.0) -> dict[str, str]:
    found = look(folder)
    takes = [header.name for header in found.headers]
    return check(found, takes, dict.fromkeys(takes, rate_hz), "counts")[0]


def test_takes_alike_are_good(folder: Path) -> None:
    found = look(folder)
    assert found.summary() == "6 .npy files, 2 channels, stored as int16"
    assert bad_of(folder) == {}


def test_wav_files_tell_their_rate(tmp_path: Path) -> None:
    for name in "abc":
        wavfile.write(tmp_path / f"{name}.wav", 1000, np.ones((200, 3), np.int16))
    found = look(tmp_path)
    assert found.rates == {1000.0: 3}
    assert found.summary() == "3 .wav files, 3 channels, 1000 Hz, stored as int16"


def test_other_channels_short_and_silent_takes_are_named(folder: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(folder / "b_0.npy", rng.normal(0, 9, (80, 3)))
    np.save(folder / "b_1.npy", rng.normal(0, 9, (8, 2)))
    np.save(folder / "b_2.npy", np.full((80, 2), 7.0))
    np.save(folder / "b_3.npy", np.full((80, 2), np.nan))
    (folder / "b_4.npy").write_bytes(b"\x93NUMPY nothing")
    found = bad_of(folder)
    assert sorted(found) == [f"b_{number}.npy" for number in range(5)]
    assert found["b_0.npy"] == "has 3 channels, most takes have 2"
    assert found["b_1.npy"] == "lasts 40 ms: shorter than a frame (100 ms)"
    assert "silent" in found["b_2.npy"]
    assert found["b_3.npy"] == "holds no finite value"
    assert "truncated" in found["b_4.npy"]


def test_a_label_all_whose_takes_are_silent_is_told(folder: Path) -> None:
    for number in range(2):
        np.save(folder / f"b_{number}.npy", np.zeros((80, 2)))
    found = bad_of(folder)
    labels = {f"a_{number}.npy": "a" for number in range(6)} | {"b_0.npy": "b", "b_1.npy": "b"}
    assert silent_labels(found, labels) == ["all takes of 'b' are silent"]
    assert silent_labels(found, labels | {"a_0.npy": "b"}) == []


def test_files_of_another_kind_are_passed_over_and_told(folder: Path) -> None:
    (folder / "notes.csv").write_text("a,b\n1,2\n")
    (folder / ".hidden.npy").write_bytes(b"")
    found = look(folder)
    assert len(found.headers) == 6
    assert any("notes.csv" in note for note in found.notes)
    assert any(".hidden.npy" in note for note in found.notes)


@pytest.mark.parametrize(
    ("name", "told"), [("x.mat", "there is: 1 .mat"), ("recordings.csv", "--corpus spans"), ("", "there are: nothing")]
)
def test_a_folder_without_takes_says_what_is_there(tmp_path: Path, name: str, told: str) -> None:
    if name:
        (tmp_path / name).write_text("x")
    with pytest.raises(RecordingError) as refused:
        look(tmp_path)
    assert told in str(refused.value)
