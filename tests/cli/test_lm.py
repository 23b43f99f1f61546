"""`emgasr lm` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emgasr.cli import main

TEXT = "the quick brown fox\njumps over the lazy dog\nthe dog sleeps\n"


def test_a_model_is_built_described_and_scores_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text(TEXT)
    arpa = str(tmp_path / "lm.arpa.gz")
    assert main(["lm", "build", str(tmp_path / "text"), "--order", "3", "--out", arpa, "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert built["order"] == 3
    assert "⏎" in built["symbols"]
    assert main(["lm", "info", arpa, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ngrams"] == built["ngrams"]
    assert main(["lm", "score", arpa, str(tmp_path / "text"), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored["unknown"] == 0
    assert 1 < scored["perplexity"] < 10
    assert main(["lm", "info", arpa]) == 0
    assert "␣" in capsys.readouterr().out


def test_words_and_characters_can_be_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text(TEXT.upper())
    for symbols, one in (("words", "fox"), ("characters", "f")):
        command = ["lm", "build", str(tmp_path / "text"), "--symbols", symbols, "--lowercase", "--order", "2"]
        assert main([*command, "--out", str(tmp_path / symbols), "--json"]) == 0
        assert one in json.loads(capsys.readouterr().out)["symbols"]


def test_mistakes_are_one_line_and_leave_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text(TEXT)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "taken").write_text("mine")
    text, out = str(tmp_path / "text"), str(tmp_path / "out")
    for command in (
        ["build", str(tmp_path / "absent"), "--out", out],
        ["build", str(tmp_path / "empty"), "--out", out],
        ["build", text, "--order", "0", "--out", out],
        ["build", text, "--out", str(tmp_path / "taken")],
        ["score", text, text],
        ["info", str(tmp_path / "absent")],
    ):
        assert main(["lm", *command]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert "Traceback" not in message
    assert not Path(out).exists()
    assert (tmp_path / "taken").read_text() == "mine"
