"""`emgasr simulate-takes` as a user meets it: files by their names, tables that the layouts read, or one line."""

from __future__ import annotations

import csv
import json
import wave
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import main
from emgasr.corpora import open_entry
from emgasr.manifests.manifest import read_manifest

SMALL = ("--words", "yes", "no", "--sessions", 2, "--takes", 2, "--quiet")


def simulate(*arguments: object) -> int:
    return main(["simulate-takes", "--out", *map(str, arguments)])


def test_takes_are_named_by_word_session_and_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(tmp_path / "takes", *SMALL, "--rest-takes", 1, "--json") == 0
    names = {f"{word}_{session}_{n:02d}.wav" for word in ("yes", "no") for session in (1, 2) for n in (1, 2)}
    assert {path.name for path in (tmp_path / "takes").iterdir()} == names | {"rest_1_01.wav", "rest_2_01.wav"}
    summary = json.loads(capsys.readouterr().out)
    assert (summary["files"], summary["rate_hz"], summary["electrodes"]) == (10, 1000, 6)


def test_wav_and_npy_files_hold_the_same_microvolts_to_a_step(tmp_path: Path) -> None:
    options = (*SMALL, "--electrodes", 3, "--rate-hz", 500)
    assert simulate(tmp_path / "wav", *options) == 0
    assert simulate(tmp_path / "npy", *options, "--format", "npy") == 0
    with wave.open(str(tmp_path / "wav" / "yes_1_02.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (3, 2, 500)
        steps = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 3)
    samples = np.load(tmp_path / "npy" / "yes_1_02.npy")
    assert samples.dtype == np.float32
    assert np.abs(samples - steps).max() <= 0.5


def test_with_metadata_the_folder_is_a_corpus_of_takes(tmp_path: Path) -> None:
    folder, listed = tmp_path / "takes", tmp_path / "takes.jsonl"
    assert simulate(folder, *SMALL, "--metadata") == 0
    assert main(["manifest", str(folder), "--corpus", "takes", "--test-sessions", "2", "--out", str(listed)]) == 0
    manifest = read_manifest(listed)
    assert {(entry.subject, entry.session, entry.split) for entry in manifest.entries} == {
        ("sim0000", "1", "train"),
        ("sim0000", "2", "test"),
    }
    recording = open_entry(manifest.entries[0], manifest.root)
    assert (recording.unit, recording.rate_hz, recording.n_channels) == ("uV", 1000.0, 6)
    with wave.open(str(manifest.root / manifest.entries[0].path)) as file:
        steps = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 6)
    assert np.array_equal(recording.read(), steps.astype(np.float32))


def test_a_continuous_session_is_a_corpus_of_spans(tmp_path: Path) -> None:
    folder, listed = tmp_path / "live", tmp_path / "live.jsonl"
    small = ("--words", "yes", "no", "--sessions", 1, "--first-session", 4, "--takes", 2, "--rest-takes", 1, "--quiet")
    assert simulate(folder, *small, "--continuous") == 0
    assert {path.name for path in folder.iterdir()} == {"session_4.wav", "recordings.csv", "labels.csv"}
    scan = ("manifest", folder, "--corpus", "spans", "--kind", "utterance", "--split", "test", "--out", listed)
    assert main(list(map(str, scan))) == 0
    manifest = read_manifest(listed)
    spans = open_entry(manifest.entries[0], manifest.root).spans
    assert sorted(spans.of_kind("utterance").texts) == ["no", "no", "yes", "yes"]
    assert spans.of_kind("rest").texts == ("rest",)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        starts = [float(row["start_s"]) for row in csv.DictReader(file)]
    assert starts == sorted(starts)
    assert starts[0] > 1


def test_the_seed_is_the_person(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert simulate(tmp_path / name, *SMALL, "--seed", seed, "--metadata") == 0
    one, same, other = ((tmp_path / name / "yes_1_01.wav").read_bytes() for name in "abc")
    assert one == same != other
    assert "sim0004" in (tmp_path / "c" / "metadata.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("--sessions", 0), "--sessions: is 0"),
        (("--takes", 0), "--takes: is 0"),
        (("--takes", 100_000), "--takes: would make"),
        (("--first-session", -1), "--first-session: is -1"),
        (("--rest-takes", -1), "--rest-takes: is -1"),
        (("--seed", -1), "--seed: is -1"),
        (("--electrodes", 33), "--electrodes: is 33"),
        (("--rate-hz", 4000), "--rate-hz: is 4000"),
        (("--words", "a_b"), "'a_b' cannot stand in a file's name"),
        (("--words", "../x"), "'../x' cannot stand in a file's name"),
        (("--words", ""), "'' cannot stand in a file's name"),
        (("--words", "x" * 41), "cannot stand in a file's name"),
        (("--words", "yes", "Yes"), "names 'yes' and 'Yes'"),
        (("--words", "yes", "yes"), "names 'yes' and 'yes'"),
        (("--words", "yes", "Rest"), "'Rest' means that nothing is said"),
        (("--metadata", "--continuous"), "--metadata: was given with --continuous"),
        (("--format", "mp3"), "mp3"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], wrong: str
) -> None:
    assert simulate(tmp_path / "out", *arguments) == 2
    line = capsys.readouterr().err
    assert wrong in line
    assert line.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    assert simulate(tmp_path, *SMALL) == 2
    assert "already holds something" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
