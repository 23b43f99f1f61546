"""`emgasr simulate` as a user meets it: recordings and a manifest, or one line that says what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.corpora import open_entry
from emgasr.manifests.leaks import leaks
from emgasr.manifests.manifest import checksum_file, read_manifest


def simulate(*arguments: object) -> int:
    return main(["simulate", "--out", *map(str, arguments)])


@pytest.mark.slow
def test_recordings_and_a_manifest_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert simulate(out, "--people", 2, "--sessions", 2, "--session-minutes", 0.3, "--split", "test", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["people"], summary["sessions"], summary["minutes"]) == (2, 4, 1.2)
    manifest = read_manifest(out / "manifest.jsonl")
    assert {entry.subject for entry in manifest.split("test")} == {"sim9000", "sim9001"}
    assert leaks(manifest) == []
    for entry in manifest.entries:
        assert checksum_file(manifest.file(entry)) == entry.sha256
        recording = open_entry(entry, manifest.root)
        assert (recording.subject, recording.duration_s, recording.n_channels) == (entry.subject, 18.0, 32)
        assert len(recording.events) > 0


def test_the_same_seed_makes_the_same_recordings(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        seed = 1 if name == "c" else 0
        assert simulate(tmp_path / name, "--people", 1, "--sessions", 1, "--session-minutes", 0.3, "--seed", seed) == 0
    sums = [read_manifest(tmp_path / name / "manifest.jsonl").entries[0].sha256 for name in ("a", "b", "c")]
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.slow
@pytest.mark.process
def test_any_number_of_jobs_makes_the_same_recordings_in_the_same_order(tmp_path: Path) -> None:
    for name, jobs in (("one", 1), ("two", 2)):
        assert simulate(tmp_path / name, "--people", 3, "--sessions", 1, "--session-minutes", 0.3, "--jobs", jobs) == 0
    one, two = (read_manifest(tmp_path / name / "manifest.jsonl") for name in ("one", "two"))
    assert [entry.subject for entry in two.entries] == ["sim0000", "sim0001", "sim0002"]
    assert one.checksum() == two.checksum()


def test_text_and_real_key_times_are_typed_on_request(tmp_path: Path) -> None:
    text = tmp_path / "lines.txt"
    text.write_text("my own words\n\n")
    events = tmp_path / "events.tsv"
    events.write_text(
        "onset\tduration\tvalue\tkey\tprompt_text\n1.0\t0.1\tkeystroke_q\tq\tn/a\n1.4\t0.1\tkeystroke_z\tz\tn/a\n"
    )
    common = ("--people", 1, "--sessions", 1)
    assert simulate(tmp_path / "t", *common, "--session-minutes", 0.3, "--text", text) == 0
    assert simulate(tmp_path / "e", *common, "--events", events) == 0
    typed, replayed = (read_manifest(tmp_path / name / "manifest.jsonl") for name in ("t", "e"))
    assert set(open_entry(typed.entries[0], typed.root).spans.of_kind("prompt").texts) == {"my own words\n"}
    recording = open_entry(replayed.entries[0], replayed.root)
    assert (recording.events.keys, recording.events.time_s.tolist()) == (("q", "z"), [1.0, 1.4])


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--people", 0), "--people"),
        (("--sessions", -1), "--sessions"),
        (("--session-minutes", "nan"), "--session-minutes"),
        (("--session-minutes", 0), "--session-minutes"),
        (("--session-minutes", 0.01), "time for no prompt"),
        (("--session-minutes", 1, "--rest-minutes", 1), "--rest-minutes: 1 does not fit"),
        (("--rest-minutes", -1), "--rest-minutes: -1 does not fit"),
        (("--seed", -1), "--seed"),
        (("--seed", 7999, "--people", 2), "leaves the split"),
        (("--split", "exam"), "exam"),
        (("--text", "missing.txt"), "missing.txt"),
        (("--events", "missing.tsv"), "missing.tsv"),
        (("--text", "a.txt", "--events", "b.tsv"), "not allowed"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], wrong: str
) -> None:
    out = tmp_path / "out"
    assert simulate(out, *arguments) == 2
    line = capsys.readouterr().err
    assert wrong in line
    assert line.count("\n") == 1
    assert not list(out.rglob("*.*")) if out.exists() else True


@pytest.mark.parametrize(("content", "wrong"), [("", "no text"), ("fine\nna\u00efve\n", "line 2: holds 'ï'")])
def test_text_that_cannot_be_typed_is_refused_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, wrong: str
) -> None:
    text = tmp_path / "lines.txt"
    text.write_text(content, encoding="utf-8")
    assert simulate(tmp_path / "out", "--text", text) == 2
    assert wrong in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    assert simulate(tmp_path, "--people", 1, "--sessions", 1, "--session-minutes", 0.3) == 2
    assert "already holds something" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
