"""`emgasr tokenize`: its files and pictures, what it says of what it passed over, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.cli import main
from emgasr.pretraining.quantizer import QuantizerConfig
from emgasr.pretraining.tokens.tokenizer import EventTokenizer, TokenizerConfig, TokenizerFile, save_tokenizer
from emgasr.recording import Band, Recording
from emgasr.sessions.native import save_session
from tests.helpers.armbands import write_corpora

COLUMNS = ["recording", "start_s", "end_s", "duration_s", "code", "energy_db", "label"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora, an untrained tokenizer, and a recording in which nothing is louder than rest."""
    root = tmp_path_factory.mktemp("world")
    write_corpora(root)
    torch.manual_seed(0)
    config = TokenizerConfig(4, 16, 8, QuantizerConfig(codes=64))
    save_tokenizer(EventTokenizer(config, 15).eval(), TokenizerFile(tokenizer=config), root / "tokenizer")
    samples = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    save_session(Recording(samples, 200.0, "counts", (Band.numbered("a", 8, True),), "z", "s"), root / "flat.hdf5")
    return root


def tokenize(world: Path, *arguments: str, code: int = 0) -> None:
    assert main(["tokenize", str(world / "tokenizer"), *(word.format(w=world) for word in arguments)]) == code


def test_lines_and_tables_hold_the_same_tokens(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokenize(world, "{w}/myo.jsonl", "--out", str(tmp_path / "t.jsonl"))
    assert "36 contractions of 6 recordings" in capsys.readouterr().out
    tokenize(world, "{w}/myo.jsonl", "--out", str(tmp_path / "t.tsv"), "--json")
    figures = json.loads(capsys.readouterr().out)
    assert (figures["tokens"], figures["recordings"], figures["without_token"]) == (36, 6, 0)
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    with open(tmp_path / "t.tsv", newline="") as file:
        table = list(csv.reader(file, delimiter="\t"))
    assert table[0] == COLUMNS == list(rows[0])
    assert table[1:] == [[str(value) for value in row.values()] for row in rows]
    assert {row["label"] for row in rows} == {"fist", "flexion", "spread"}
    tokenize(world, "{w}/myo.jsonl")
    assert capsys.readouterr().out == (tmp_path / "t.tsv").read_text()


def test_what_has_no_contraction_is_told_and_the_others_are_written(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.hdf5").write_bytes(b"nothing")
    paths = ("{w}/myo_a.hdf5", "{w}/flat.hdf5", "{w}/bar_a.hdf5", str(tmp_path / "bad.hdf5"))
    tokenize(world, *paths, "--out", str(tmp_path / "t.jsonl"), code=2)
    told = capsys.readouterr()
    assert "12 contractions of 3 recordings" in told.out
    assert "no contraction: 1 recording: no rest is known from contractions" in told.err
    assert "bad.hdf5" in told.err


def test_pictures_are_drawn_and_what_they_leave_out_is_told(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = ["--plot", str(tmp_path / "p.png"), "--gestures", str(tmp_path / "g.png")]
    tokenize(world, "{w}/myo_a.hdf5", *pictures, "--plot-from", "4")
    told = capsys.readouterr().err
    assert "p.png shows 4 to 12.0 s of 12.0 s" in told
    assert "bits of the label" in told
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("p.png", "g.png"))
    tokenize(world, "{w}/myo_a.hdf5", *pictures, code=2)
    assert "already exists" in capsys.readouterr().err
    tokenize(world, "{w}/myo_a.hdf5", *pictures, "--overwrite")


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ("{w}/flat.hdf5", "no contraction in 1 recording: 1 recording: no rest is known from contractions"),
        ("{w}/myo_a.hdf5 --out t.csv", "end its name in .jsonl or .tsv"),
        ("{w}/myo_a.hdf5 --plot t.jpg", "end its name in .png"),
        ("{w}/myo_a.hdf5 --plot t.png --gestures t.png", "two results would go to one file"),
        ("{w}/myo_a.hdf5 --rest-seconds -1", "--rest-seconds: is -1"),
        ("{w}/myo_a.hdf5 --rest-seconds nan", "--rest-seconds: is nan"),
        ("{w}/myo_a.hdf5 --plot t.png --plot-from 99", "is 99, and {w}/myo_a.hdf5 lasts 12.0 s"),
        ("{w}/absent.hdf5", "absent.hdf5"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    arguments: str,
    wrong: str,
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tokenize(world, *arguments.split(), code=2)
    told = capsys.readouterr().err
    assert wrong.format(w=world) in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_tokenizer_is_refused(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tokenize", str(world), str(world / "flat.hdf5")]) == 2
    assert "is no tokenizer (no config.yaml); give tokenizer/ of `emgasr pretrain`" in capsys.readouterr().err
