"""What lies beside the recordings of a layout is passed over by a rule, and told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from emgasr.corpora import scan
from emgasr.corpora.files import find_files
from emgasr.errors import RecordingError
from emgasr.manifests.manifest import Findings
from tests.helpers.layouts import write_gaddy, write_hdf5_session, write_neuromotor, write_ninapro, write_uci
from tests.helpers.miniatures import write_native


def native(folder: Path) -> Path:
    folder.mkdir()
    return write_native(folder)


def ninapro(folder: Path) -> Path:
    return write_ninapro(folder, 1) / "S1_E2_A1.mat"


def uci(folder: Path) -> Path:
    return next((write_uci(folder, 1) / "01").iterdir())


def neuromotor(folder: Path) -> Path:
    return write_neuromotor(folder, 1) / "handwriting_user_000_dataset_000.hdf5"


def gaddy(folder: Path) -> Path:
    return write_gaddy(folder) / "nonparallel_data" / "5-10" / "0_emg.npy"


LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "native": native,
    "emg2qwerty": write_hdf5_session,
    "neuromotor": neuromotor,
    "ninapro": ninapro,
    "uci_gestures": uci,
    "gaddy": gaddy,
}


def found(folder: Path, corpus: str) -> tuple[list[str], Findings]:
    findings = Findings()
    return [entry.path for entry in scan(folder, corpus, findings)], findings


@pytest.mark.parametrize("corpus", LAYOUTS)
def test_hidden_files_and_resource_forks_are_passed_over_and_told(tmp_path: Path, corpus: str) -> None:
    path = LAYOUTS[corpus](tmp_path / "c")
    before, _ = found(tmp_path / "c", corpus)
    path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7" * 20)
    (tmp_path / "c" / ".trash").mkdir()
    shutil.copy(path, tmp_path / "c" / ".trash")
    after, findings = found(tmp_path / "c", corpus)
    assert after == before
    (note,) = (line for line in findings.notes if line.startswith("hidden files passed over: 2 ("))
    assert f"._{path.name}" in note


@pytest.mark.parametrize("corpus", [corpus for corpus in LAYOUTS if corpus not in ("gaddy", "neuromotor")])
def test_suffixes_are_met_in_any_case(tmp_path: Path, corpus: str) -> None:
    path = LAYOUTS[corpus](tmp_path / "c")
    other = path.with_name(path.stem + path.suffix.upper())
    path.rename(other)
    assert found(tmp_path / "c", corpus)[0] == [str(other)]


@pytest.mark.parametrize("corpus", ["native", "emg2qwerty", "neuromotor"])
def test_hdf5_of_another_kind_is_told_and_a_damaged_one_refused(tmp_path: Path, corpus: str) -> None:
    path = LAYOUTS[corpus](tmp_path / "c")
    with h5py.File(path.with_name("weights.h5"), "w") as file:
        file["w"] = 1
    files, findings = found(tmp_path / "c", corpus)
    assert files == [str(path)]
    (note,) = findings.notes
    assert note.endswith(f"passed over: 1 ({path.with_name('weights.h5').relative_to(tmp_path / 'c')})")
    path.with_name("half.hdf5").write_bytes(path.read_bytes()[:900])
    with pytest.raises(RecordingError, match="half"):
        found(tmp_path / "c", corpus)


@pytest.mark.parametrize(
    ("corpus", "name"),
    [
        ("ninapro", "S1_E2.mat"),
        ("uci_gestures", "readme/1_raw.txt"),
        ("gaddy", "extra/5-4/0_emg.npy"),
        ("gaddy", "nonparallel_data/0_emg.npy"),
    ],
)
def test_files_of_other_names_are_told(tmp_path: Path, corpus: str, name: str) -> None:
    path = LAYOUTS[corpus](tmp_path / "c")
    before, _ = found(tmp_path / "c", corpus)
    (tmp_path / "c" / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, tmp_path / "c" / name)
    after, findings = found(tmp_path / "c", corpus)
    assert after == before
    assert any(name in line and "passed over" in line for line in findings.notes)


@pytest.mark.parametrize(
    ("corpus", "name"),
    [("neuromotor", "x_prompts.csv"), ("gaddy", "nonparallel_data/5-10/77_info.json")],
)
def test_labels_without_their_samples_are_left_over(tmp_path: Path, corpus: str, name: str) -> None:
    LAYOUTS[corpus](tmp_path / "c")
    (tmp_path / "c" / name).write_text("{}")
    (line,) = found(tmp_path / "c", corpus)[1].left_over
    assert line.startswith(f"{tmp_path / 'c' / name}: ")


def test_a_file_under_several_names_is_read_once_as_itself(tmp_path: Path) -> None:
    (tmp_path / "b.hdf5").write_bytes(b"x")
    (tmp_path / "a.hdf5").symlink_to("b.hdf5")
    (tmp_path / "c.hdf5").hardlink_to(tmp_path / "b.hdf5")
    (tmp_path / "lost.hdf5").symlink_to("nowhere")
    findings = Findings()
    paths = find_files(tmp_path, findings, lambda path: True, [".hdf5"], "x")
    assert [path.name for path in paths] == ["b.hdf5", "lost.hdf5"]
    assert findings.notes == ["further names of files that are read passed over: 2 (a.hdf5, c.hdf5)"]


def test_exercises_and_series_of_one_sitting_are_one_session(tmp_path: Path) -> None:
    path = ninapro(tmp_path / "n")
    from scipy.io import loadmat, savemat

    content = loadmat(path)
    savemat(path.with_name("S1_E1_A1.mat"), {"emg": content["emg"] + 1, "restimulus": content["restimulus"]})
    log = uci(tmp_path / "u")
    log.with_name(log.name.replace("1_raw", "2_raw")).write_text(log.read_text().replace("0\t", "1\t"))
    for folder, corpus in (("n", "ninapro"), ("u", "uci_gestures"), ("g", "gaddy")):
        if corpus == "gaddy":
            write_gaddy(tmp_path / "g")
        entries = scan(tmp_path / folder, corpus)
        assert len({entry.key("take") for entry in entries}) > len({entry.key("session") for entry in entries})
