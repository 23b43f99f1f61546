"""`emgasr manifest` and `emgasr validate`, from a folder to a verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from miniatures import write_native, write_spans, write_takes

from emgasr.cli import main
from emgasr.manifest import read_manifest


def test_takes_are_listed_split_and_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_takes(tmp_path / "data")
    out = tmp_path / "m.jsonl"
    options = ["--unit", "counts", "--ring", "--test-sessions", "d2", "--val-every", "5"]
    assert main(["manifest", str(tmp_path / "data"), "--corpus", "takes", "--out", str(out), *options]) == 0
    assert "8 train, 2 validation, 10 test" in capsys.readouterr().out
    manifest = read_manifest(out)
    assert manifest.claims == ("take", "session:test")
    assert manifest.open(manifest.entries[0]).bands[0].ring
    assert main(["validate", str(out)]) == 0
    assert "no problem found" in capsys.readouterr().out


def test_folds_by_subject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_spans(tmp_path / "data")
    out = tmp_path / "m.jsonl"
    options = ["--folds", "5", "--fold", "2", "--val-subject-count", "1", "--json"]
    assert main(["manifest", str(tmp_path / "data"), "--corpus", "spans", "--out", str(out), *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["recordings"] == {"train": 3, "validation": 1, "test": 1}
    assert told["disjoint"] == ["take", "subject:test", "subject:validation"]
    assert told["sha256"] == read_manifest(out).checksum()


def test_a_leak_fails_validation_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_native(tmp_path, "a.hdf5", subject="ann")
    write_native(tmp_path, "b.hdf5", subject="bob")  # bob's file is a copy of ann's but for the name
    write_native(tmp_path, "c.hdf5", subject="bob", session="day7", seed=3)
    out = tmp_path / "m.jsonl"
    assert main(["manifest", str(tmp_path), "--corpus", "native", "--out", str(out), "--test-subjects", "bob"]) == 0
    out.write_text(out.read_text().replace('"subject": "bob"', '"subject": "ann"'))
    capsys.readouterr()
    assert main(["validate", str(out), "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert not report["ok"]
    assert report["problems"][0]["where"] == "splits"
    assert "the same subject is in train and test" in report["problems"][-1]["what"]
    assert main(["validate", str(out)]) == 2
    assert "problem splits: " in capsys.readouterr().out


def test_a_recording_is_validated_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sound = write_native(tmp_path, "sound.hdf5")
    assert main(["validate", str(sound)]) == 0
    assert "no problem found" in capsys.readouterr().out
    flat = write_native(tmp_path, "flat.h5", samples=np.ones((600, 8), np.float32))
    assert main(["validate", str(flat)]) == 2
    assert "every channel is constant" in capsys.readouterr().out
    assert main(["validate", str(flat), "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], len(report["problems"])) == (False, 1)
    assert main(["validate", str(tmp_path / "none.hdf5")]) == 2


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_takes(tmp_path / "data")
    (tmp_path / "there.jsonl").write_text("mine")
    make = ["manifest", str(tmp_path / "data"), "--corpus", "takes", "--out"]
    for arguments, told in (
        ([*make, str(tmp_path / "m.jsonl")], "has no unit"),
        ([*make, str(tmp_path / "there.jsonl"), "--unit", "counts"], "exists"),
        ([*make, str(tmp_path / "m.jsonl"), "--unit", "counts", "--test-sessions", "d9"], "no training session"),
        ([*make, str(tmp_path / "m.jsonl"), "--unit", "counts", "--kind", "rest"], "--kind: does not apply"),
        (["validate", str(tmp_path / "none.jsonl")], "cannot be read"),
        (["validate", str(tmp_path / "there.jsonl")], "is not JSON"),
    ):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert told in captured.err
        assert captured.err.count("\n") == 1
    assert (tmp_path / "there.jsonl").read_text() == "mine"
    assert not (tmp_path / "m.jsonl").exists()
