"""`emgasr manifest` and `emgasr validate`, from a folder to a verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import main
from emgasr.corpora import open_entry
from emgasr.manifests.manifest import read_manifest
from emgasr.recording import Band
from tests.helpers.miniatures import write_native, write_spans, write_takes


def test_takes_are_listed_split_and_validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_takes(tmp_path / "data", takes=6)
    out = tmp_path / "m.jsonl"
    options = ["--unit", "counts", "--ring", "--test-sessions", "d2", "--validation-every", "5"]
    assert main(["manifest", str(tmp_path / "data"), "--corpus", "takes", "--out", str(out), *options]) == 0
    assert "10 train, 2 validation, 12 test" in capsys.readouterr().out
    manifest = read_manifest(out)
    assert manifest.claims == ("take", "session:test")
    assert open_entry(manifest.entries[0], manifest.root).bands[0].ring
    assert main(["validate", str(out)]) == 0
    assert "no problem found" in capsys.readouterr().out


def test_folds_by_subject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_spans(tmp_path / "data")
    out = tmp_path / "m.jsonl"
    options = ["--folds", "5", "--fold", "2", "--validation-subject-count", "1", "--json"]
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
        ([*make, str(tmp_path / "m.jsonl"), "--unit", "counts", "--label-clock", "t"], "--label-clock: does not apply"),
        ([*make, str(tmp_path / "m.jsonl"), "--kind", "rest"], "argument --kind: invalid choice: 'rest'"),
        (["validate", str(tmp_path / "none.jsonl")], "cannot be read"),
        (["validate", str(tmp_path / "there.jsonl")], "is not JSON"),
    ):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert told in captured.err
        assert captured.err.count("\n") == 1
    assert (tmp_path / "there.jsonl").read_text() == "mine"
    assert not (tmp_path / "m.jsonl").exists()


@pytest.mark.parametrize(
    "rule", [["--test-subjects", "ALL"], ["--test-sessions", "ALL"], ["--split", "test"], ["--split", "held out"]]
)
def test_a_corpus_that_is_only_for_testing(tmp_path: Path, capsys: pytest.CaptureFixture[str], rule: list[str]) -> None:
    write_takes(tmp_path / "data")
    make = ["manifest", str(tmp_path / "data"), "--corpus", "takes", "--unit", "counts", "--out"]
    assert main([*make, str(tmp_path / "m.jsonl"), *rule]) == 0
    name = "test" if "ALL" in rule else rule[-1]
    assert f"20 {name}" in capsys.readouterr().out
    assert read_manifest(tmp_path / "m.jsonl").splits == [name]
    assert main(["validate", str(tmp_path / "m.jsonl")]) == 0
    assert "no problem found" in capsys.readouterr().out
    assert main([*make, str(tmp_path / "n.jsonl"), *rule, "--validation-every", "5"]) == 2
    assert "--validation-every: finds nothing" in capsys.readouterr().err


def test_labels_that_match_nothing_are_told_by_manifest_info_and_validate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_spans(tmp_path / "data", subjects=1)
    with (folder / "labels.csv").open("a") as table:
        table.write("recordings\\P0,3,3.5,wave\nq.npy,0,1,fist\n")
    out = tmp_path / "m.jsonl"
    lost = "labels.csv line 6 names 'q.npy', which is no recording"
    assert main(["manifest", str(folder), "--corpus", "spans", "--out", str(out)]) == 0
    assert f"matches nothing: {lost}" in capsys.readouterr().out
    assert main(["info", str(out)]) == 0
    assert lost in capsys.readouterr().out
    assert main(["validate", str(out)]) == 2
    told = capsys.readouterr().out
    assert f"problem corpus: matches nothing: {lost}" in told
    assert "no problem found" not in told
    assert "note corpus: labels.csv: 1 row matched to a file of another spelling (line 5)" in told
    assert told.count(lost) == 1


def test_labels_that_match_nothing_are_found_by_validate_in_a_manifest_that_does_not_tell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = write_spans(tmp_path / "data"), tmp_path / "m.jsonl"
    assert main(["manifest", str(folder), "--corpus", "spans", "--out", str(out)]) == 0
    out.write_text("\n".join(out.read_text().splitlines()[1:3]))  # no header, and two of five recordings
    assert main(["validate", str(out)]) == 0
    with (folder / "labels.csv").open("a") as table:
        table.write("p2\\p0.npy,3,3.5,wave\n")
    capsys.readouterr()
    assert main(["validate", str(out)]) == 2
    assert "matches nothing: labels.csv line 17 names 'p2\\\\p0.npy'" in capsys.readouterr().out


def test_one_content_under_two_names_and_one_person_in_two_spellings_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_takes(tmp_path / "data", takes=1)
    (folder / "takes" / "d2_b_0.npy").write_bytes((folder / "takes" / "d1_a_0.npy").read_bytes())
    table = folder / "metadata.csv"
    table.write_text(table.read_text().replace("a,s01,d2", "a,S01 ,d2"))
    out = tmp_path / "m.jsonl"
    options = ["--corpus", "takes", "--unit", "counts", "--out", str(out)]
    assert main(["manifest", str(folder), *options]) == 0
    told = capsys.readouterr().out
    assert "note: subjects 's01', 'S01' are one person" in told
    assert "d2_b_0.npy has the content of data/takes/d1_a_0.npy" in told
    assert main(["validate", str(out), "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert [problem["what"] for problem in report["problems"]] == ["has the content of data/takes/d1_a_0.npy"]
    assert "subjects 's01', 'S01' are one person" in [note["what"] for note in report["notes"]]
    table.write_text("".join(line for line in table.read_text().splitlines(True) if "d2_b_0" not in line))
    assert main(["manifest", str(folder), *options, "--overwrite", "--test-subjects", "s01"]) == 2
    assert "nothing is left to train on" in capsys.readouterr().err


@pytest.mark.parametrize("corpus", ["takes", "spans"])
def test_a_montage_that_is_said_reaches_recordings_manifest_and_info(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], corpus: str
) -> None:
    {"takes": write_takes, "spans": write_spans}[corpus](tmp_path / "data")
    out = str(tmp_path / "m.jsonl")
    words = ["manifest", str(tmp_path / "data"), "--corpus", corpus, "--out", out, "--overwrite"]
    words += ["--unit", "counts"] if corpus == "takes" else []
    for said, told in (([], "not told"), (["--montage", "reference"], "reference")):
        assert main([*words, *said]) == 0
        manifest = read_manifest(out)
        opened = open_entry(manifest.entries[0], manifest.root)
        assert opened.bands[0].montage == ("" if told == "not told" else told)
        capsys.readouterr()
        assert main(["info", out, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["montages"] == {told: len(manifest.entries)}
    assert main([*words, "--montage", "mono"]) == 2
    assert "mono" in capsys.readouterr().err


def test_info_says_the_montage_of_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bands = (Band.numbered("left", 4, montage="bipolar"), Band.numbered("right", 4))
    assert main(["info", str(write_native(tmp_path, bands=bands)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["montage"] == "left bipolar, right not told"


def test_recordings_of_two_montages_are_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, montage in enumerate(("bipolar", "reference")):
        bands = (Band.numbered("both", 8, montage=montage),)  # type: ignore[arg-type]
        write_native(tmp_path, f"{number}.hdf5", seed=number, bands=bands)
    out = str(tmp_path / "m.jsonl")
    assert main(["manifest", str(tmp_path), "--corpus", "native", "--out", out]) == 0
    assert "several montages" in capsys.readouterr().out
    assert main(["validate", out]) == 2
    assert "several montages: bipolar in 1; reference in 1" in capsys.readouterr().out
