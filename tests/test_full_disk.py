"""A disk that is full, whichever library writes: one line, older files whole, and room makes it go on."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.pretraining.quantizer import QuantizerConfig
from emgasr.pretraining.tokens.tokenizer import EventTokenizer, TokenizerConfig, TokenizerFile, save_tokenizer
from emgasr.sessions.native import save_session
from tests.helpers.disk import room_for
from tests.helpers.tiny_models import easy_recording, save_keys_model, write_easy_corpus

TOKENS = TokenizerConfig(4, 8, 4, QuantizerConfig(codes=8))


def content(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    write_easy_corpus(folder)
    save_keys_model(folder / "model")
    save_session(easy_recording(0, 20.0), folder / "r.hdf5")
    save_tokenizer(EventTokenizer(TOKENS, 15).eval(), TokenizerFile(tokenizer=TOKENS), folder / "tokenizer")
    (folder / "text.txt").write_text("ab ba abba\n" * 20)
    return folder


VERBS = {
    "train": "train --config {w}/train.yaml --out {o}/new",
    "personalize": "personalize {w}/model {w}/r.hdf5 --fit.steps 2 --fit.validations 1 --out {o}/new",
    "pretrain": "pretrain {w}/manifest.jsonl --out {o}/new --labelled 0 --targets.weight 1 --fit.steps 1"
    " --fit.validations 1 --encoder.width 8 --encoder.blocks 1 --encoder.heads 1 --encoder.mixer-channels 2"
    " --stretches 2",
    "tokenize": "tokenize {w}/tokenizer {w}/r.hdf5 --out {o}/new.tsv --plot {o}/new.png",
    "evaluate": "evaluate {w}/model {w}/manifest.jsonl --split validation --out {o}/new",
    "simulate": "simulate --out {o}/new --people 1 --sessions 1 --session-minutes 0.3",
    "condition": "condition {w}/r.hdf5 --out {o}/new.hdf5 --highpass-hz 20",
    "record": "record --source file:{w}/r.hdf5,speed=fast --out {o}/new.hdf5",
    "manifest": "manifest {w} --corpus native --out {o}/new.jsonl",
    "language model": "lm build {w}/text.txt --out {o}/new.arpa --order 2",
    "packed language model": "lm build {w}/text.txt --out {o}/new.arpa.gz --order 2",
}


@pytest.mark.parametrize("size", [0, 150, 3000])
@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk_is_one_line_and_older_files_are_whole(
    verb: str, size: int, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(world)
    with room_for(size):
        code = main(VERBS[verb].format(w=world, o=tmp_path).split())
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emgasr: ")]
    assert content(world) == before
    if code == 0:
        assert size >= 150
        return
    assert (code, len(told)) == (2, 1)
    assert "File too large" in told[0]
    assert not [path for path in tmp_path.rglob(".*") if path.is_file() and path.name != ".unfinished"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [600, 3000, 20_000, 40_000])
def test_training_goes_on_from_its_checkpoint_when_there_is_room_again(
    size: int, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    budget = ["--fit.steps", "40", "--fit.validations", "1"]
    arguments = ["train", "--config", f"{world}/train.yaml", *budget, "--out", out]
    with room_for(size):
        code = main(arguments)
    told = capsys.readouterr().err
    if code == 0:
        return
    assert "File too large" in told.strip().splitlines()[-1]
    if (tmp_path / "run" / "training.yaml").exists():
        arguments = ["train", "--resume", "--fit.steps", "41", "--out", out]
    assert main(arguments) == 0
