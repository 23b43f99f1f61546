"""`emgasr demo --armband`: real people never seen, read in seconds before and after a repetition of theirs."""

from __future__ import annotations

import json
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
    rows = json.loads(capsys.readouterr().out)["rows"]
    people = {row["subject"] for row in rows}
    assert len(people) == 3
    assert len(rows) == 6
    share = {
        when: sum(row["right"] for row in rows if row["when"] == when)
        / sum(row["executions"] for row in rows if row["when"] == when)
        for when in {row["when"] for row in rows}
    }
    assert share["never heard before"] > 0.5  # of seven labels
    assert share["after one repetition"] > share["never heard before"] + 0.1
    assert min(row["unlabelled_seconds"] for row in rows) > 5
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"before.png", "after.png"}


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
