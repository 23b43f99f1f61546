"""The second pass as a user meets it: trained, tuned, and used by transcribe, evaluate and stream, or one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.lm import estimate, write_model
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.rescoring.second_file import read_second_pass
from tests.helpers.miniatures import native_entry, write_native
from tests.helpers.tiny_models import save_keys_model

Told = Callable[[], tuple[str, str]]
LM = ["--network.kind", "gru", "--network.width", "8", "--network.layers", "1", "--fit.steps", "2"]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with an untrained model, recordings of validation and test people, and both language models."""
    save_keys_model(tmp_path / "model")
    entries = []
    for seed, split in enumerate(["test", "validation"]):
        path = write_native(tmp_path, f"{split}.hdf5", seed=seed)
        entries.append(native_entry(path, subject=split, split=split))
    write_manifest(Manifest(tuple(entries), tmp_path), tmp_path / "manifest.jsonl")
    write_model(estimate(["abab"] * 3, 2), tmp_path / "model" / "lm.lm")
    (tmp_path / "text.txt").write_text("ab ab\nba ba\nabba\n" * 30, encoding="utf-8")
    return tmp_path


def test_a_second_pass_is_trained_tuned_and_used(world: Path, told: Told) -> None:
    lm = f"{world}/model/lm.lm"
    assert main(["lm", "train-neural", f"{world}/text.txt", "--out", f"{world}/neural", "--ngram", lm, *LM]) == 0
    assert "perplexity" in told()[0]
    neural = f"{world}/neural/model"
    assert main(["lm", "score", neural, f"{world}/text.txt", "--ngram", lm, "--json"]) == 0
    scored = json.loads(told()[0])
    assert scored["mixed_perplexity_per_character"] > 1
    model, manifest = f"{world}/model", f"{world}/manifest.jsonl"
    assert main(["transcribe", model, f"{world}/test.hdf5", "--json"]) == 0
    first = json.loads(told()[0])["text"]
    assert main(["tune", model, manifest, "--second-pass", neural, "--trials", "20", "--n-best", "5", "--json"]) == 0
    tuned = json.loads(told()[0])
    assert tuned["errors"] <= tuned["errors_first_pass"] * 1.01
    written = read_second_pass(world / "model" / "second_pass.yaml")
    assert written.config.n_best == 5
    assert written.scorers[0].path == "../neural/model"
    assert main(["evaluate", model, manifest, "--search", _search(world), "--json"]) == 0
    (row, *_) = json.loads(told()[0])["rows"]
    assert {"cer_greedy", "cer_lm", "cer_second"} <= row.keys()
    assert row["second_pass"]["oracle_error_rate"] <= row["second_pass"]["error_rate"]
    assert row["second_pass"]["segments"] >= row["second_pass"]["gated"]
    assert main(["evaluate", model, manifest, "--search", _search(world), "--out", f"{world}/results"]) == 0
    assert "ms a segment" in told()[0]
    assert "second pass" in (world / "results" / "report.html").read_text(encoding="utf-8")
    assert main(["transcribe", model, f"{world}/test.hdf5", "--json"]) == 0
    offline = [key["key"] for key in json.loads(told()[0])["keys"]]
    streamed = ["stream", model, "--source", f"file:{world}/test.hdf5,speed=fast", "--json"]
    assert main(streamed) == 0
    events = [json.loads(line) for line in told()[0].splitlines()]
    assert [event["key"] for event in events if event.get("state") == "final"] == offline
    assert main(["transcribe", model, f"{world}/test.hdf5", "--json", "--second-pass", "none"]) == 0
    assert json.loads(told()[0])["text"] == first


def _search(world: Path) -> str:
    path = world / "search.yaml"
    path.write_text("beam: 20\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--second-pass", "nowhere"], "no language model that can score texts"),
        (["--second-pass", "second.yaml"], "second.yaml"),
        (["--second-pass", "nowhere", "--lm", "none"], "needs a language model"),
    ],
)
def test_what_cannot_be_used_is_one_line(world: Path, told: Told, options: list[str], said: str) -> None:
    assert main(["transcribe", f"{world}/model", f"{world}/test.hdf5", *options]) == 2
    errors = told()[1]
    assert said in errors
    assert "Traceback" not in errors
