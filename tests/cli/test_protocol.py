"""`emgasr protocol`: split, run and report from the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.manifests.manifest import read_manifest, write_manifest
from tests.helpers.jobs import Here
from tests.helpers.people import write_corpus


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus, its splits, and jobs that are done in this process."""
    write_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("emgasr.protocol.engines.local.LocalEngine", lambda workers, threads, preload: Here(workers))
    return tmp_path


def split(*options: str) -> int:
    rule = ["--rule", "leave-one-subject-out", "--test-session-count", "1"]
    return main(["protocol", "split", "manifest.jsonl", *rule, "--out", "splits.json", *options])


def run(*options: str, out: str = "out", system: str = "linear=system.yaml --fit.learning-rate 0.02") -> int:
    ladder = ["--adaptation.minutes=[0.2]", "--adaptation.methods=[affine]"]
    places = ["manifest.jsonl", "splits.json", "--system", system, "--out", out]
    return main(["protocol", "run", *places, *ladder, "--quiet", *options])


@pytest.mark.parametrize(("word", "seconds"), [("0", "0.0"), ("2.5", "2.5"), ("all", "all")])
def test_unlabelled_seconds_are_a_number_or_all(word: str, seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["protocol", "run", "m", "s", "--system", "a=b", "--out", "o", "--unlabelled-seconds", word]
    assert main([*told, "--print-config"]) == 0
    assert f"unlabelled_seconds: {seconds}\n" in capsys.readouterr().out


def test_a_fold_is_written_as_a_manifest(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert split() == 0
    capsys.readouterr()
    fold = ["protocol", "fold", "manifest.jsonl", "splits.json", "--fold"]
    assert main([*fold, "bob", "--out", "folds/bob.jsonl", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    made = read_manifest("folds/bob.jsonl")
    assert told["recordings"] == {side: len(made.split(side)) for side in made.splits}
    assert {entry.subject for entry in made.split("test")} == {"bob"}
    assert not {"bob"} & {entry.subject for entry in made.entries if entry.split in ("train", "validation")}
    assert all(made.file(entry).is_file() for entry in made.entries)
    assert main([*fold, "bob", "--out", "folds/bob.jsonl"]) == 2
    assert main([*fold, "dan", "--out", "folds/dan.jsonl"]) == 2
    assert "dan is none of the folds; choose of ann, bob, cat" in capsys.readouterr().err


def test_a_split_file_is_made_once_and_its_checksum_told(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert split("--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["folds"], told["splits"]) == (3, "splits.json")
    assert told["sha256"] == json.loads((world / "splits.json").read_text())["sha256"]
    assert split() == 2
    assert "splits.json: exists; choose another name or pass --overwrite" in capsys.readouterr().err
    assert split("--overwrite") == 0
    assert told["sha256"] in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_writes_the_table_and_a_report_writes_it_anew_with_more(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split()
    assert run("--title", "Easy people", "--json") == 0
    printed = capsys.readouterr().out
    rows = json.loads(printed[printed.index('{"rows"') :])["rows"]
    assert {(row["system"], row["method"], row["minutes"]) for row in rows} == {
        ("linear", "none", 0),
        ("linear", "affine", 0.2),
    }
    text = (world / "out" / "RESULTS.md").read_text()
    assert "# Easy people" in text
    command = "emgasr protocol run manifest.jsonl splits.json --system 'linear=system.yaml --fit.learning-rate 0.02'"
    assert f"`{command}" in text
    told = json.loads((world / "out" / "run.json").read_text())
    assert told["systems"]["linear"]["fit"]["learning_rate"] == 0.02
    own = {"list": "sessions", "sessions": "test", "method": "none", "minutes": 0.0, "seed": 0, "keys": 9}
    more = [own | {"system": "other", "subject": name, "cer_greedy": 0.25} for name in ("ann", "bob", "cat")]
    (world / "more.json").write_text(json.dumps({"rows": more}))
    (world / "published.md").write_text("Others found 1.")
    assert main(["protocol", "report", "out", "--rows", "more.json", "--published", "published.md"]) == 0
    text = capsys.readouterr().out
    assert "| other | none | 0 | 3 | 25.00 % ± 0.00 |" in text
    assert "linear − other" in text
    assert "## Published, not re-run here\n\nOthers found 1." in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"system": "linear"}, "--system: 'linear' is not NAME=CONFIG"),
        ({"system": "a/b=system.yaml"}, "'a/b' cannot name a folder"),
        ({"system": "linear=none.yaml"}, "none.yaml: cannot be read"),
        ({"system": "linear=system.yaml --stepz 3"}, "stepz"),
        ({"options": ["--adaptation.methods=[legs]"]}, "'legs' is unknown"),
        ({"options": ["--calibrationn.steps=3"]}, "calibrationn"),
        ({"options": ["--system", "linear=system.yaml"]}, "names two systems alike"),
        ({"options": ["--list", "strings"]}, "--list: 'strings' is not NAME=MANIFEST"),
    ],
)
def test_bad_options_are_one_line(
    world: Path, capsys: pytest.CaptureFixture[str], options: dict[str, object], told: str
) -> None:
    split()
    more = options.pop("options", [])
    assert run(*more, **options) == 2  # type: ignore[misc, arg-type]
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (world / "out").exists()


def test_a_fold_without_validation_people_is_a_line(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = read_manifest("manifest.jsonl")
    last = manifest.entries[-1].subject
    entries = tuple(replace(e, split="test" if e.subject == last else "train") for e in manifest.entries)
    write_manifest(replace(manifest, entries=entries), "manifest.jsonl")
    assert main(["protocol", "split", "manifest.jsonl", "--rule", "official", "--out", "splits.json"]) == 2
    error = capsys.readouterr().err
    assert "fold official: has no validation recordings; choose another rule" in error
    assert error.count("\n") == 1
    assert not Path("splits.json").exists()


def test_an_edited_split_file_is_a_line(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split()
    content = json.loads(Path("splits.json").read_text())
    content["folds"][0]["train"] += content["folds"][0]["test"]
    Path("splits.json").write_text(json.dumps(content))
    assert run() == 2
    assert "splits.json: was changed after it was made (checksum); make it anew" in capsys.readouterr().err
    assert not (world / "out").exists()


def test_what_is_no_protocol_cannot_be_reported(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocol", "report", "."]) == 2
    assert "rows.json: holds no rows of a protocol" in capsys.readouterr().err
    assert main(["protocol", "report", ".", "--colour"]) == 2
    assert "unknown option --colour" in capsys.readouterr().err


def test_the_help_names_every_engine_and_what_slurm_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocol", "run", "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("{local,ray,slurm}", "--slurm.partition", "--slurm.minutes", "--slurm.gpus", "--slurm.memory-gb"):
        assert option in text


def test_rows_that_garble_a_figure_are_a_line(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.json").write_text('[{"system": "a", "list": "x", "sessions": "test", "method": "none", "minutes": "5"}]')
    assert main(["protocol", "report", "."]) == 2
    error = capsys.readouterr().err
    assert "rows.json: a row: 'minutes' is '5', not a finite number; run `emgasr protocol run` to its end" in error
    assert error.count("\n") == 1
