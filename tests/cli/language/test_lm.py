"""`emgasr lm` as a user meets it."""

from __future__ import annotations

import json
import shutil
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


@pytest.mark.parametrize("suffix", ["arpa", "arpa.gz", "lm"])
def test_the_name_chooses_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    (tmp_path / "text").write_text(TEXT)
    out = tmp_path / f"model.{suffix}"
    assert main(["lm", "build", str(tmp_path / "text"), "--order", "2", "--out", str(out), "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    begins = {"arpa": b"\\data\\", "arpa.gz": b"\x1f\x8b", "lm": b"\x89EMGLM"}[suffix]
    assert out.read_bytes().startswith(begins)
    assert main(["lm", "info", str(out), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["ngrams"] == built["ngrams"]
    assert info["file_bytes"] == out.stat().st_size
    assert 0 < info["bytes_per_ngram"] < 60  # little models are mostly contexts


def test_rare_ngrams_can_be_pruned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text(TEXT)
    counts = []
    for name, pruning in (("whole", []), ("pruned", ["--prune", "0", "0", "1"])):
        command = ["lm", "build", str(tmp_path / "text"), "--order", "3", "--out", str(tmp_path / f"{name}.lm")]
        assert main([*command, "--json", *pruning]) == 0
        counts.append(json.loads(capsys.readouterr().out)["ngrams"])
    assert counts[0][:2] == counts[1][:2]
    assert counts[0][2] > counts[1][2] > 0


@pytest.mark.skipif(shutil.which("lmplz") is None, reason="KenLM's lmplz is not on the PATH (lm/build_kenlm.sh)")
def test_the_builder_can_be_chosen_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text(TEXT)
    models = []
    for builder in ("auto", "lmplz"):
        command = [
            "lm",
            "build",
            str(tmp_path / "text"),
            "--builder",
            builder,
            "--out",
            str(tmp_path / f"{builder}.lm"),
        ]
        assert main([*command, "--json"]) == 0
        models.append(json.loads(capsys.readouterr().out))
    assert [model["builder"] for model in models] == ["own", "lmplz"]
    assert models[0]["ngrams"] == models[1]["ngrams"]


@pytest.mark.slow
def test_models_are_mixed_with_tuned_or_given_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {"general": TEXT, "person": "zebras doze\na dizzy zebra\n", "held_out": "the dog dozes\nlazy zebra\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    models = [str(tmp_path / f"{name}.lm") for name in ("general", "person")]
    for model in models:
        assert main(["lm", "build", model.removesuffix(".lm"), "--order", "3", "--out", model]) == 0
    capsys.readouterr()
    mix = ["lm", "mix", *models, "--overwrite", "--out", str(tmp_path / "mixed.arpa")]
    assert main([*mix, "--held-out", str(tmp_path / "held_out"), "--json"]) == 0
    mixed = json.loads(capsys.readouterr().out)
    assert sum(row["weight"] for row in mixed["mixed"]) == pytest.approx(1)
    perplexities = [row["held_out"]["perplexity"] for row in (*mixed["mixed"], mixed)]
    assert min(perplexities) == perplexities[-1]
    assert main(["lm", "score", mixed["model"], str(tmp_path / "held_out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["perplexity"] == pytest.approx(perplexities[-1], rel=1e-5)
    assert main([*mix, "--held-out", str(tmp_path / "held_out")]) == 0
    assert "weight" in capsys.readouterr().out
    assert main([*mix, "--weights", "3", "1"]) == 0
    assert "0.7500" in capsys.readouterr().out


def test_unknown_symbols_are_named_with_their_rates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text(TEXT)
    (tmp_path / "other").write_text("the 99 dogs\n")
    model = str(tmp_path / "lm.lm")
    assert main(["lm", "build", str(tmp_path / "text"), "--order", "2", "--out", model]) == 0
    capsys.readouterr()
    assert main(["lm", "score", model, str(tmp_path / "other"), "--json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert scored["unknown_symbols"] == {"9": 2}
    assert scored["unknown_rate"] == pytest.approx(2 / 12)
    assert scored["perplexity_known"] < scored["perplexity"]
    assert main(["lm", "score", model, str(tmp_path / "other")]) == 0
    assert "2 (16.67%), 1 kinds: 9 2" in capsys.readouterr().out


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
        ["build", text, "--order", "9", "--out", out],
        ["build", text, "--prune", "1", "0", "--out", out],
        ["mix", text, text, "--weights", "1", "1", "--out", out],
        ["mix", text, text, "--out", out],
        ["mix", text, text, "--weights", "1", "1", "--held-out", text, "--out", out],
        ["score", text, text],
        ["info", str(tmp_path / "absent")],
    ):
        assert main(["lm", *command]) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert "Traceback" not in message
    assert not Path(out).exists()
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize("word", ["<unk>", "<UNK>", "<s>", "</s>"])
def test_a_sign_of_the_model_itself_in_the_text_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    (tmp_path / "text").write_text(f"a b\n\nc {word} d\n", encoding="utf-8")
    assert main(["lm", "build", str(tmp_path / "text"), "--symbols", "words", "--out", str(tmp_path / "lm.arpa")]) == 2
    assert f"line 3 holds '{word}'" in capsys.readouterr().err
    assert not (tmp_path / "lm.arpa").exists()


def test_what_reading_a_model_filled_in_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arpa = "\\data\\\nngram 1=4\n\n\\1-grams:\n-1 <UNK>\n-99 <s>\n-inf a\n-0.1 </s>\n\n\\end\\\n"
    (tmp_path / "lm.arpa").write_text(arpa, encoding="utf-8")
    assert main(["lm", "info", str(tmp_path / "lm.arpa"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["notes"] == ["1 1-grams have a log-probability of -inf: read as -99"]
    assert facts["unknown_symbol"]
    assert facts["symbols"] == ["a"]


def test_a_flashlight_lexicon_becomes_ours_and_what_is_left_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, ours = tmp_path / "theirs.txt", tmp_path / "ours.txt"
    theirs.write_text("fox\tf o x |\nfox\tf o x |\nDog\td o g |\n")
    command = ["lm", "lexicon", str(theirs), "--out", str(ours)]
    assert main(command) == 0
    table = " ".join(capsys.readouterr().out.split())
    assert "words 1 of 3 lines" in table
    assert "1 left there already: line 2: fox (f o x |) 1 left spelled otherwise: line 3: Dog (d o g |)" in table
    assert ours.read_text() == "fox\n"
    assert main(command) == 2
    assert "already exists" in capsys.readouterr().err
    from tests.helpers.tiny_models import save_keys_model

    save_keys_model(tmp_path / "model")  # of a and b
    assert main([*command, "--overwrite", "--model", str(tmp_path / "model")]) == 2
    assert "holds no word" in capsys.readouterr().err
    theirs.write_text("ab\ta b |\nfox\tf o x |\n")
    assert main([*command, "--overwrite", "--model", str(tmp_path / "model"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["words"], told["lines"]) == (1, 2)
    assert told["left_over"]["not to be written by the model"]["count"] == 1


@pytest.mark.parametrize("limit", [["--ngrams", "40"], ["--threshold", "1e-3"]])
def test_a_model_is_pruned(tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: list[str]) -> None:
    (tmp_path / "text").write_text(TEXT)
    whole, small = str(tmp_path / "whole.lm"), str(tmp_path / "small.arpa.gz")
    assert main(["lm", "build", str(tmp_path / "text"), "--order", "3", "--out", whole, "--json"]) == 0
    built = json.loads(capsys.readouterr().out)
    assert main(["lm", "prune", whole, *limit, "--decimals", "3", "--out", small]) == 0
    told = capsys.readouterr().out
    assert f"{sum(built['ngrams']):,}" in told
    assert main(["lm", "info", small, "--json"]) == 0
    pruned = json.loads(capsys.readouterr().out)["ngrams"]
    assert pruned[0] == built["ngrams"][0]
    assert pruned[0] < sum(pruned) < sum(built["ngrams"])


def test_pruning_needs_one_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "prune", "whole.lm", "--out", str(tmp_path / "small.lm")]) == 2
    assert "needs either --threshold or --ngrams" in capsys.readouterr().err
