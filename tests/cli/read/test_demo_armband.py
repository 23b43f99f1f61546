"""`emgasr demo --armband`: real people never seen, read in seconds before and after a repetition of theirs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import emgasr
from emgasr.classifiers.unseen import EXCERPT_NAME, unseen_people
from emgasr.cli import main
from emgasr.manifests import lineage
from emgasr.models.folder import ARMBAND, load_recognizer, packaged_model


def test_a_repetition_of_their_own_helps_people_never_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--armband", "--json", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr()
    rows = json.loads(printed.out)["rows"]
    people = {row["subject"] for row in rows}
    assert people > {"all"}
    assert len(people) == 4
    assert len(rows) == 8
    share = {row["when"]: row["execution_accuracy"] for row in rows if row["subject"] == "all"}
    assert share["never heard before"] > 0.5  # of seven labels
    assert share["after one repetition"] > share["never heard before"] + 0.1
    for when in share:
        own = [row for row in rows if row["when"] == when]
        for figure, count in (("execution_accuracy", "executions"), ("window_accuracy", "windows")):
            total = sum(row[count] for row in own[:-1])
            assert own[-1][count] == total
            assert own[-1][figure] == pytest.approx(sum(row[figure] * row[count] for row in own[:-1]) / total)
    lines = printed.err.splitlines()
    table = lines[next(place for place, line in enumerate(lines) if line.startswith("person")) + 1 :]
    for line, row in zip(table, rows, strict=False):
        right = round(row["execution_accuracy"] * row["executions"])
        assert line.startswith(f"{row['subject']} ")
        assert re.search(rf" {right} of {row['executions']} \(\d+ %\) +\d+ % +\d+ in [\d.]+ s", line)
    assert min(row["unlabelled_seconds"] for row in rows) > 5
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"before.png", "after.png"}


@pytest.mark.parametrize("option", ["--seed", "--data-minutes", "--fit-minutes"])
def test_an_option_of_the_simulated_person_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = {"--seed": "0", "--data-minutes": "4", "--fit-minutes": "2"}[option]  # as by default
    assert main(["demo", "--armband", option, usual, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert f"--armband: reads people who are not simulated, without {option}; leave it out" in told
    assert told.count("\n") == 1


def test_those_who_are_shown_shaped_nothing_of_the_model() -> None:
    folder = packaged_model(ARMBAND)
    known = lineage.read(folder)
    assert known
    shown = {person.subject for person in unseen_people(folder, load_recognizer(folder))}
    assert not shown & {entry.subject for entry in known}
    assert (folder / "NOTICE").is_file()
    assert (folder / EXCERPT_NAME).stat().st_size < 300_000
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6_000_000


def test_the_recognizer_has_a_name_and_reads_an_armbands_stream() -> None:
    pipeline = emgasr.load("armband")
    recognizer = pipeline.recognizer
    assert recognizer.signal.rate_hz == 200
    assert recognizer.parameter_count < 1_500_000
    assert "fist" in recognizer.tokens.symbols
    assert main(["info", "armband"]) == 0


def test_a_damaged_excerpt_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "model"
    shutil.copytree(packaged_model(ARMBAND), folder)
    excerpt = folder / EXCERPT_NAME
    for damage in (b"", excerpt.read_bytes()[:5000]):
        excerpt.write_bytes(damage)
        assert main(["demo", "--armband", "--model", str(folder), "--out", str(tmp_path / "out")]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    for samples, times_s, line in (
        (np.zeros((9, 3), np.int8), np.zeros((1, 2)), "samples of shape (9, 3)"),
        (np.zeros((9, 8), np.int8), np.zeros((1, 3)), "1 labels and times of shape (1, 3)"),
        (np.zeros((400, 8), np.int8), np.array([[0.0, 2.0]]), "nothing that 'x' performed after a repetition"),
        (np.zeros((400, 8), np.int8), np.array([[0.0, 9.0]]), "it lasts 2.000 s"),
    ):
        with excerpt.open("wb") as file:
            np.savez(file, **{"x/samples": samples, "x/times_s": times_s, "x/labels": ["fist"]})
        assert main(["demo", "--armband", "--model", str(folder), "--out", str(tmp_path / "out")]) == 2
        told = capsys.readouterr().err
        assert line in told
        assert told.count("\n") == 1
    with excerpt.open("wb") as file:
        np.savez(file)
    assert main(["demo", "--armband", "--model", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert "holds no excerpt of people" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_taken_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--armband", "--model", "armband", "--out", str(tmp_path / "file")]) == 2
    printed = capsys.readouterr()
    assert "is a file, not a folder" in printed.err
    assert printed.out == ""
