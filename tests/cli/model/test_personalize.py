"""`emgasr personalize` as a user meets it: a person's model comes out, or one line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.models.folder import load_recognizer, save_recognizer
from tests.helpers.tiny_models import tiny_recognizer, write_easy_corpus

SMALL = ["--data.shortest_s", "2", "--data.longest_s", "4", "--data.batch_s", "8", "--data.snap_s", "0.2"]
SHORT = [*SMALL, "--fit.steps", "2", "--fit.validations", "1"]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_easy_corpus(tmp_path, people=("ann", "bob", "bob"))
    save_recognizer(tiny_recognizer(), tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("given", [["1.hdf5", "2.hdf5"], ["manifest.jsonl", "--subject", "ann"]])
def test_a_model_comes_out_and_a_line_tells_before_and_after(
    given: list[str], corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["personalize", "base", *given, "--out", "out", *SHORT]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("out/model: CER on the held-out part ")
    assert "kept" in printed
    load_recognizer(corpus / "out" / "model")


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["base", "0.hdf5", "1.hdf5", "--out", "out", *SHORT], "2 people"),
        (["base", "manifest.jsonl", "--out", "out", *SHORT], "2 people"),
        (["base", "manifest.jsonl", "--subject", "eve", "--out", "out", *SHORT], "eve"),
        (["base", "manifest.jsonl", "--split", "x", "--out", "out", *SHORT], "no split 'x'"),
        (["base", "--out", "out", *SHORT], "required: RECORDING"),
        (["base", "0.hdf5", *SHORT], "required: --out"),
        (["base", "manifest.jsonl", "0.hdf5", "--out", "out", *SHORT], "a manifest among other files"),
        (["base", "0.hdf5", "--out", "out", *SMALL], "either steps or minutes"),
        (["base", "0.hdf5", "--out", "out", *SHORT, "--held_out", "2"], "held_out"),
        (["base", "0.hdf5", "--out", "out", *SHORT, "--bogus", "2"], "bogus"),
        (["base", "nowhere.hdf5", "--out", "out", *SHORT], "nowhere.hdf5"),
        (["manifest.jsonl", "0.hdf5", "--out", "out", *SHORT], "not a model folder"),
        (["base", "0.hdf5", "--out", "base", *SHORT], "already holds something"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], wrong: str, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["personalize", *arguments]) == 2
    error = capsys.readouterr().err
    assert wrong in error
    assert error.count("\n") == 1
    assert not (corpus / "out").exists()


def test_help_lists_the_recordings_and_the_options_of_fitting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["personalize", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("RECORDING", "--out", "--held-out", "--fit.minutes"):
        assert option in shown
