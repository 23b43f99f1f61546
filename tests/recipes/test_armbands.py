"""The recipe of armbands: calibration parts of people with one session, and the whole way on two small sets."""

from __future__ import annotations

import csv
import importlib.util
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import exit_code
from tests.helpers.armbands import LABELS

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "armbands"
spec = importlib.util.spec_from_file_location("armbands_prepare", RECIPE / "prepare.py")
assert spec
assert spec.loader
prepare = importlib.util.module_from_spec(spec)
spec.loader.exec_module(prepare)

RATE = 200


def write_set(folder: Path, people: dict[str, tuple[str, ...]], electrodes: int = 8) -> None:
    """A set: each label is loud on an electrode of its own, four executions of a second each with a pause between."""
    (folder / "recordings").mkdir(parents=True)
    recordings, labels = [], []
    for number, (subject, sessions) in enumerate(people.items()):
        rng = np.random.default_rng(number)
        for session in sessions:
            file, pieces, place = f"{subject}_{session}.npy", [], 0.0
            for turn in range(4 * len(LABELS)):
                label = turn % len(LABELS)
                loud = np.where(np.arange(electrodes) == label, 60.0, 4.0)
                pieces += [rng.standard_normal((RATE, electrodes)) * loud, np.zeros((RATE // 2, electrodes))]
                labels.append([file, subject, place, place + 1.0, LABELS[label]])
                place += 1.5
            np.save(folder / "recordings" / file, np.concatenate(pieces).round().astype(np.int16))
            recordings.append([file, subject, session, RATE, "counts"])
    for name, head, rows in (
        ("recordings.csv", ["file", "subject", "session", "rate_hz", "unit"], recordings),
        ("labels.csv", ["file", "subject", "start_s", "end_s", "label"], labels),
    ):
        with (folder / name).open("w", newline="") as file_:
            csv.writer(file_).writerows([head, *rows])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_first_third_of_a_persons_only_session_is_a_session_of_its_own(tmp_path: Path) -> None:
    write_set(tmp_path / "set", {"a": ("1",), "b": ("1", "2")})
    assert exit_code(prepare.run, [str(tmp_path / "set"), str(tmp_path / "out")]) == 0
    sessions = {row["file"]: (row["subject"], row["session"]) for row in rows(tmp_path / "out" / "recordings.csv")}
    assert sorted(sessions.values()) == [("set_a", "1_first"), ("set_a", "2_others"), ("set_b", "1"), ("set_b", "2")]
    spans = rows(tmp_path / "out" / "labels.csv")
    of = {
        session: [s for s in spans if sessions[s["file"]] == ("set_a", session)] for session in ("1_first", "2_others")
    }
    assert {session: len(found) for session, found in of.items()} == {"1_first": 6, "2_others": 6}  # two of four each
    whole = np.load(tmp_path / "set" / "recordings" / "a_1.npy")
    first = np.load(tmp_path / "out" / "recordings" / "a_1_1_first.npy")
    for place, span in enumerate(of["1_first"]):  # executions lie end to end, and are those that were recorded first
        assert (float(span["start_s"]), float(span["end_s"])) == (place, place + 1)
        recorded = whole[place * RATE * 3 // 2 :][:RATE]
        assert np.array_equal(first[place * RATE :][:RATE], recorded)
    assert np.array_equal(
        np.load(tmp_path / "out" / "recordings" / "b_2.npy"), np.load(tmp_path / "set" / "recordings" / "b_2.npy")
    )


def test_a_set_is_not_written_over_and_a_folder_without_tables_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path / "set", {"a": ("1",)})
    assert exit_code(prepare.run, [str(tmp_path / "set"), str(tmp_path / "out")]) == 0
    assert exit_code(prepare.run, [str(tmp_path / "set"), str(tmp_path / "out")]) == 2
    assert exit_code(prepare.run, [str(tmp_path / "nowhere"), str(tmp_path / "other")]) == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.slow
@pytest.mark.process
def test_the_recipe_goes_from_folders_to_tables_and_reads_nothing_twice(
    tmp_path: Path, programs: dict[str, str]
) -> None:
    pytest.importorskip("sklearn")
    people = {"one": {f"a{n}": ("1",) for n in range(4)}, "two": {f"b{n}": ("1", "2") for n in range(4)}}
    for name, own in people.items():
        write_set(tmp_path / "data" / name, own, electrodes=8 if name == "one" else 10)
    settings = {
        "FOLDS": "2",
        "CLASSIFIERS": "lda_covariance",
        "NETWORKS": "",
        "AMOUNTS": "--adaptation.minutes=[] --adaptation.repetitions=[1]",
        "PRETRAIN": "--fit.minutes 0 --fit.steps 3 --fit.warmup-steps 1 --fit.validations 1",
    } | programs
    command = ["bash", str(RECIPE / "run.sh"), str(tmp_path / "data"), str(tmp_path / "out")]

    def go(stages: str, sets: str) -> None:
        own = settings | {"STAGES": stages, "SETS": sets}
        done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, check=False)
        logs = "".join(path.read_text() for path in (tmp_path / "out").glob("*.txt"))
        assert done.returncode == 0, done.stderr + logs

    go("data pretrain", "one two")
    go("whole causal table", "one")
    assert "## Causal" in (tmp_path / "out" / "RESULTS.md").read_text()
    for table in ("whole", "causal"):
        text = (tmp_path / "out" / table / "one" / "RESULTS.md").read_text()
        for system in ("lda_covariance", "pretrained"):
            assert f"| {system} |" in text
        assert "1 repetition" in text
        assert any(f"{person} |" in text for person in people["one"])
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("result.json")}
    go("data pretrain whole causal", "one")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("result.json")} == made


@pytest.mark.process
def test_every_network_of_the_list_is_asked_for(tmp_path: Path) -> None:
    noted, emgasr = tmp_path / "noted.txt", tmp_path / "emgasr"
    emgasr.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{noted}"\n')
    emgasr.chmod(0o755)
    networks = sorted(path.stem for path in (RECIPE / "systems").glob("*.yaml"))
    own = {"EMGASR": str(emgasr), "STAGES": "whole", "SETS": "wyoflex", "CLASSIFIERS": "lda", "PYTHON": "false"}
    command = ["bash", str(RECIPE / "run.sh"), str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(
        command, env=os.environ | own | {"NETWORKS": " ".join(networks)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    asked = {line.split("=")[0]: line for line in noted.read_text().splitlines() if ".yaml" in line}
    assert sorted(asked) == networks
    assert [name for name, line in asked.items() if "--encoder.mixing free" in line] == ["conformer_s"]
