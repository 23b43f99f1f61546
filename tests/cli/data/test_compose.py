"""`emgasr compose` as a user meets it: fixed lists of composed sequences, never of leaked takes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.corpora import open_entry
from emgasr.errors import ManifestError
from emgasr.manifests.leaks import check_apart, part_name
from emgasr.manifests.manifest import Manifest, read_manifest, write_manifest
from tests.helpers.miniatures import write_spans, write_takes


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A manifest of single letters: day 1 trains and validates, day 2 tests."""
    write_takes(tmp_path / "data")
    (tmp_path / "words.txt").write_text("ab\nba\naab\n")
    monkeypatch.chdir(tmp_path)
    split = ["--unit", "counts", "--test-sessions", "d2", "--validation-every", "3"]
    assert main(["manifest", "data", "--corpus", "takes", "--out", "takes.jsonl", *split]) == 0
    return tmp_path


def compose(*arguments: object) -> int:
    return main(["compose", *map(str, arguments)])


def test_words_are_spelled_and_every_take_of_the_split_is_used(
    letters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compose("takes.jsonl", "--out", "fixed", "--words", "words.txt") == 0
    assert "test: " in capsys.readouterr().out
    manifest = read_manifest(letters / "fixed" / "manifest.jsonl")
    assert manifest.splits == ["validation", "test"]
    takes = read_manifest(letters / "takes.jsonl")
    for split in manifest.splits:
        used = {part.partition("@")[0] for entry in manifest.split(split) for part in entry.take.split()}
        assert used == {part_name(entry) for entry in takes.split(split)}
        assert [entry.text for entry in manifest.split(split)][:3] == ["ab", "ba", "aab"]
    for entry in manifest.entries:
        recording = open_entry(entry, manifest.root)
        assert recording.origin == "composed"
        assert "".join(recording.spans.of_kind("gesture").texts) == entry.text
        assert (recording.unit, recording.rate_hz, recording.n_channels) == ("counts", 200.0, 8)


def test_a_composed_manifest_passes_validation_and_may_be_held_out(
    letters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compose("takes.jsonl", "--out", "fixed", "--words", "words.txt") == 0
    assert main(["validate", "fixed/manifest.jsonl"]) == 0
    assert "no problem found" in capsys.readouterr().out
    takes, fixed = read_manifest(letters / "takes.jsonl"), read_manifest(letters / "fixed" / "manifest.jsonl")
    for split in fixed.splits:
        check_apart(takes.split("train"), fixed.split(split))
        with pytest.raises(ManifestError, match="trained on"):
            check_apart(takes.split(split), fixed.split(split))


def test_the_same_seed_composes_the_same_recordings(letters: Path) -> None:
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        assert compose("takes.jsonl", "--out", name, "--splits", "test", "--seed", seed) == 0
    one, two, three = (
        [entry.sha256 for entry in read_manifest(letters / name / "manifest.jsonl").entries]
        for name in ("one", "two", "three")
    )
    assert one == two != three


def test_random_strings_use_every_take_once_a_round(letters: Path) -> None:
    options = ["--splits", "test", "--shortest", 2, "--longest", 4, "--rounds", 3]
    assert compose("takes.jsonl", "--out", "fixed", *options) == 0
    manifest = read_manifest(letters / "fixed" / "manifest.jsonl")
    used = Counter(part for entry in manifest.entries for part in entry.take.split())
    assert set(used.values()) == {3}
    assert len(used) == len(read_manifest(letters / "takes.jsonl").split("test"))
    assert all(len(entry.text.split()) >= 2 for entry in manifest.entries)


@pytest.mark.parametrize("splits", [["validation", "test"], ["train", "validation"], ["test"]])
def test_gestures_of_held_out_people_keep_their_claims(
    splits: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_spans(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    folds = ["--folds", "5", "--fold", "2", "--validation-subject-count", "1"]
    assert main(["manifest", "data", "--corpus", "spans", "--out", "takes.jsonl", *folds]) == 0
    assert compose("takes.jsonl", "--out", "fixed", "--splits", *splits, "--shortest", 1, "--rest-ms", 300) == 0
    manifest = read_manifest(tmp_path / "fixed" / "manifest.jsonl")
    assert manifest.splits == splits
    claims = [f"subject:{split}" for split in ("test", "validation") if split in splits]
    assert manifest.claims == tuple(claims if len(splits) > 1 else [])
    assert main(["validate", "fixed/manifest.jsonl"]) == 0


def test_a_take_on_both_sides_is_refused(letters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = read_manifest(letters / "takes.jsonl")
    leaked = replace(manifest.split("train")[0], split="test", session="d2")
    write_manifest(Manifest((*manifest.entries, leaked), letters), letters / "takes.jsonl")
    capsys.readouterr()
    assert compose("takes.jsonl", "--out", "fixed") == 2
    error = capsys.readouterr().err
    assert "the same recording" in error
    assert error.count("\n") == 1
    assert not (letters / "fixed").exists()


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["nowhere.jsonl", "--out", "fixed"], "cannot be read"),
        (["takes.jsonl"], "--out"),
        (["takes.jsonl", "--out", "fixed", "--splits", "dev"], "no split 'dev'"),
        (["takes.jsonl", "--out", "fixed", "--shortest", "3", "--longest", "2"], "no range"),
        (["takes.jsonl", "--out", "fixed", "--words", "nowhere.txt"], "nowhere.txt"),
        (["takes.jsonl", "--out", "fixed", "--words", "long.txt"], "no take of 'c'"),
        (["takes.jsonl", "--out", "fixed", "--words", "empty.txt"], "holds no word"),
        (["takes.jsonl", "--out", "fixed", "--rest-ms", "100"], "no rest takes"),
        (["takes.jsonl", "--out", "fixed", "--join-ms", "-1"], "join_ms: -1 is out of range"),
        (["takes.jsonl", "--out", "fixed", "--rounds", "0"], "--rounds"),
        (["takes.jsonl", "--out", "data"], "already holds something"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    arguments: list[str], wrong: str, letters: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (letters / "long.txt").write_text("ab\ncab\n")
    (letters / "empty.txt").write_text("\n")
    capsys.readouterr()
    assert compose(*arguments) == 2
    error = capsys.readouterr().err
    assert wrong in error
    assert error.count("\n") == 1
    assert not (letters / "fixed").exists()


def test_takes_of_two_montages_are_not_composed(letters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = read_manifest(letters / "takes.jsonl")
    first, *others = manifest.split("test")
    told = [replace(e, options={**e.options, "montage": "bipolar"}) for e in others[:-1]]
    last = replace(others[-1], options={**others[-1].options, "montage": "reference"})
    write_manifest(Manifest((first, *told), letters), letters / "one.jsonl")
    assert compose("one.jsonl", "--splits", "test", "--out", "one") == 0
    made = read_manifest(letters / "one" / "manifest.jsonl")
    assert {entry.montage for entry in made.entries} == {"bipolar"}
    write_manifest(Manifest((first, *told, last), letters), letters / "two.jsonl")
    capsys.readouterr()
    assert compose("two.jsonl", "--splits", "test", "--out", "two") == 2
    assert "is of montage reference" in capsys.readouterr().err
    assert not (letters / "two").exists()
