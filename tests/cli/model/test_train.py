"""`emgasr train` as a user meets it: a model, Ctrl-C and --resume, one line for each mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.models.folder import load_recognizer
from tests.helpers.scripts import ROOT
from tests.helpers.tiny_models import write_easy_corpus


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_easy_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*arguments: object) -> int:
    return main(["train", "--config", "train.yaml", *map(str, arguments)])


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("emgasr: ")
    return error


def test_a_model_comes_out_and_a_line_tells_its_error_rate(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--out", "run") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("run/model: validation CER ")
    assert "of 4" in printed.out
    assert load_recognizer(corpus / "run" / "model").tokens.symbols[1:] == ("a", "b")


def test_a_second_run_into_the_same_folder_is_refused_and_harms_nothing(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("--out", "run") == 0
    before = {path: path.read_bytes() for path in (corpus / "run").rglob("*") if path.is_file()}
    capsys.readouterr()
    assert train("--out", "run", "--seed", 1) == 2
    assert "already holds something" in one_line(capsys)
    assert {path: path.read_bytes() for path in (corpus / "run").rglob("*") if path.is_file()} == before


def test_a_file_in_the_place_of_the_folder_is_refused(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "run").write_text("mine")
    assert train("--out", "run") == 2
    assert "is a file" in one_line(capsys)
    assert (corpus / "run").read_text() == "mine"


def wait_for(found: Path, lines: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not found.exists() or found.read_text().count("\n") < lines:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.process
@pytest.mark.slow
def test_ctrl_c_writes_the_checkpoint_and_resume_goes_on(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        sys.executable,
        "-m",
        "emgasr",
        "train",
        "--config",
        "train.yaml",
        "--out",
        "run",
        "--fit.steps",
        "100000",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(corpus / "run" / "log.jsonl", 3, process)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert error.startswith("emgasr: stopped at step ")
    assert "continue with --resume --out run" in error
    assert error.count("\n") == 1
    steps = [json.loads(line)["step"] for line in (corpus / "run" / "log.jsonl").read_text().splitlines()]
    assert not [path for path in (corpus / "run").rglob(".*")]  # nothing half-written
    assert main(["train", "--out", "run", "--resume", "--fit.steps", str(steps[-1] + 2)]) == 0
    more = [json.loads(line)["step"] for line in (corpus / "run" / "log.jsonl").read_text().splitlines()]
    assert sorted(set(more[len(steps) :])) == [steps[-1] + 1, steps[-1] + 2]
    assert f"of {steps[-1] + 2}" in capsys.readouterr().out
    load_recognizer(corpus / "run" / "model")


def test_a_damaged_checkpoint_is_one_line(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("--out", "run") == 0
    path = corpus / "run" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:2000])
    capsys.readouterr()
    assert main(["train", "--out", "run", "--resume"]) == 2
    assert "checkpoint.pt: cannot be resumed from" in one_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--out", "nothing", "--resume"], "nothing: holds no run to resume"),
        (["--config", "train.yaml"], "required: --out"),
        (["--out", "run", "--config", "train.yaml", "--encoder.layers", "8"], "encoder.layers"),
        (["--out", "run", "--config", "train.yaml", "--fit.steps", "many"], "steps"),
        (["--out", "run", "--fit.steps", "3"], "no manifest"),
        (["--out"], "--out"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], wrong: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 2
    assert wrong in one_line(capsys)
    assert not (corpus / "run").exists()
