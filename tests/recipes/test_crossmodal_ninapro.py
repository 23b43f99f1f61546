"""NinaPro with its glove: one set with pose beside, folds of people, and sizes of samples as they were measured."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import exit_code
from emgasr.corpora import open_entry
from emgasr.corpora.beside import open_beside
from emgasr.manifests.manifest import read_manifest
from emgasr.protocol.folds import read_splits
from tests.helpers.scripts import ROOT

spec = importlib.util.spec_from_file_location("crossmodal_ninapro", ROOT / "recipes/crossmodal/ninapro.py")
assert spec
assert spec.loader
ninapro = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ninapro)

PEOPLE, ROWS = 6, 900


def write_set(folder: Path, channels: int, lowest: int = 0, rows: int = ROWS) -> Path:
    (folder / "recordings").mkdir(parents=True)
    tables: dict[str, list[list[object]]] = {
        "recordings.csv": [["file", "subject", "session", "rate_hz", "unit"]],
        "labels.csv": [["file", "subject", "start_s", "end_s", "label"]],
    }
    for number in range(PEOPLE):
        name = f"n{number:02d}_E1.npy"
        values = np.random.default_rng((channels, number)).integers(lowest, 30000, (rows, channels)).astype(np.int16)
        np.save(folder / "recordings" / name, values)
        tables["recordings.csv"].append([name, f"n{number:02d}", "E1", 100, "counts"])
        for turn, label in enumerate(["g00", "g01", "g00", "g02"]):
            tables["labels.csv"].append([name, f"n{number:02d}", 2 * turn, 2 * turn + 2, label])
    for table, lines in tables.items():
        with (folder / table).open("w", newline="") as file:
            csv.writer(file).writerows(lines)
    return folder


def made(tmp_path: Path, **glove: int) -> int:
    emg, hand = write_set(tmp_path / "emg", 10), write_set(tmp_path / "glove", 22, **glove)
    return exit_code(
        ninapro.run, [str(emg), str(hand), str(tmp_path / "out"), "--folds", "3", "--validation-people", "1"]
    )


def test_the_glove_lies_beside_the_muscles(tmp_path: Path) -> None:
    assert made(tmp_path) == 0
    manifest = read_manifest(tmp_path / "out/recordings.jsonl")
    assert len(manifest.entries) == PEOPLE
    for number, entry in enumerate(manifest.entries):
        recording, beside = open_entry(entry, manifest.root), open_beside(entry, manifest.root)
        assert beside is not None
        assert (recording.subject, recording.n_channels) == (f"ninapro_db1_n{number:02d}", 10)
        assert recording.spans.texts == ("rest", "g01", "rest", "g02")
        name = Path(entry.path).name
        np.testing.assert_array_equal(abs(recording.read()), np.load(tmp_path / "emg/recordings" / name))
        np.testing.assert_array_equal(beside.samples[0:ROWS], np.load(tmp_path / "glove/recordings" / name))
        assert (recording.read() < 0).mean() == pytest.approx(0.5, abs=0.05)


def test_folds_hold_each_person_out_once(tmp_path: Path) -> None:
    assert made(tmp_path) == 0
    folds = read_splits(tmp_path / "out/splits.json").folds
    assert len(folds) == 3


def test_a_glove_of_other_rows_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made(tmp_path, rows=ROWS - 1) != 0
    assert "899 rows at 100 Hz beside 900" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
