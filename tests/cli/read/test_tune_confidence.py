"""`emgasr tune --confidence` as a user meets it: the file, what uses it, and what is refused or said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.models.folder import load_recognizer
from emgasr.recording import Events
from emgasr.sessions.native import save_session
from emgasr.transcribe import transcribe
from tests.helpers.miniatures import make_recording, native_entry

Told = Callable[[], tuple[str, str]]
SPLITS = ["test", "validation", "validation", "validation"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained model, and people who typed what it reads but for every third key."""
    from tests.helpers.tiny_models import save_keys_model

    folder = tmp_path_factory.mktemp("made")
    save_keys_model(folder / "model")
    recognizer = load_recognizer(folder / "model")
    entries = []
    for seed, split in enumerate(SPLITS):
        recording = make_recording(seed=seed, subject=f"p{seed}", seconds=6.0)
        presses = []
        for number, key in enumerate(transcribe(recognizer, recording).keys):
            true = key.symbol if number % 3 else {"a": "b"}.get(key.symbol, "a")
            presses.append((key.time_s, key.time_s + 0.05, true))
        path = folder / f"{split}{seed}.hdf5"
        save_session(replace(recording, events=Events.of(presses)), path)
        entries.append(native_entry(path, subject=f"p{seed}", session=f"day{seed}", split=split, duration_s=6.0))
    write_manifest(Manifest(tuple(entries), folder, ("subject",)), folder / "manifest.jsonl")
    return folder


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    """The same for one test to write into."""
    shutil.copytree(made, tmp_path / "world")
    return tmp_path / "world"


def tune(world: Path, *options: str) -> int:
    """Run the verb."""
    return main(["tune", f"{world}/model", f"{world}/manifest.jsonl", "--confidence", "--quiet", *options])


def keys(world: Path, told: Told) -> list[tuple[str, float]]:
    """What transcribe reads, with confidences."""
    assert main(["transcribe", f"{world}/model", f"{world}/test0.hdf5", "--json"]) == 0
    return [(key["key"], key["confidence"]) for key in json.loads(told()[0])["keys"]]


def test_confidence_lies_beside_the_model_and_offline_streams_and_reports_give_it(
    world: Path, tmp_path: Path, told: Told
) -> None:
    before = keys(world, told)
    assert tune(world) == 0
    table, _ = told()
    assert "ECE before" in table
    assert "judged on people left out (3 people)" in table
    content = json.loads((world / "model" / "confidence.json").read_text())
    assert content["figures"]["people"] == 3
    after = keys(world, told)
    assert [key for key, _ in after] == [key for key, _ in before]
    assert [sure for _, sure in after] != [sure for _, sure in before]
    assert all(0 < sure < 1 for _, sure in after)
    source = f"file:{world}/test0.hdf5,speed=fast"
    assert main(["stream", f"{world}/model", "--source", source, "--json", "--chunk-ms", "37"]) == 0
    events = [json.loads(line) for line in told()[0].splitlines()]
    assert [(e["key"], e["confidence"]) for e in events if e.get("state") == "final"] == after
    out = tmp_path / "out"
    assert main(["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--out", str(out), "--quiet"]) == 0
    assert "confidence of tokens: ECE" in told()[0]
    row = json.loads((out / "results.json").read_text())["rows"][0]
    assert {"ece", "auroc", "brier", "ece_bins"} <= row["confidence"]["token"]["after"].keys()
    assert "How far confidences are to be believed" in (out / "report.html").read_text()


def test_other_weights_leave_it_out_and_say_so(world: Path, told: Told) -> None:
    before = keys(world, told)
    assert tune(world) == 0
    weights = world / "model" / "model.safetensors"
    path = world / "model" / "confidence.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"model_sha256": "0" * 64}))
    told()
    assert main(["transcribe", f"{world}/model", f"{world}/test0.hdf5", "--json"]) == 0
    out, errors = told()
    assert "confidence.json: was fitted for other weights" in errors
    assert [(key["key"], key["confidence"]) for key in json.loads(out)["keys"]] == before
    assert weights.is_file()


def test_it_is_not_overwritten_unasked(world: Path, told: Told) -> None:
    (world / "model" / "confidence.json").write_text("{}")
    assert tune(world) == 2
    assert "already exists" in told()[1]
    assert tune(world, "--overwrite") == 2  # a damaged file beside the model is reported before anything is read
    assert "confidence.json" in told()[1]


def test_a_person_who_is_tested_is_refused(world: Path, told: Told) -> None:
    text = (world / "manifest.jsonl").read_text().replace('"subject": "p1"', '"subject": "p0"')
    (world / "manifest.jsonl").write_text(text.replace('["subject"]', "[]"))
    assert tune(world) == 2
    assert "p0 of the split 'validation' is tested too" in told()[1]
