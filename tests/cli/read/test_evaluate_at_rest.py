"""Evaluating with recordings at rest, on people who shaped the model, and after a stop between two results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Manifest, read_manifest, write_manifest
from emgasr.recording import Events
from emgasr.sessions.native import save_session
from tests.helpers.miniatures import native_entry
from tests.helpers.tiny_models import easy_recording, save_keys_model

Told = Callable[[], tuple[str, str]]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with a model, and a manifest of which the split test holds typing and rest, the split rest only rest."""
    save_keys_model(tmp_path / "model")
    entries = []
    for name, subject, split, still in [
        ("typed", "ann", "test", False),
        ("still", "ann", "test", True),
        ("rest", "bob", "rest", True),
        ("typed2", "cid", "validation", False),
    ]:
        events = {"events": Events.empty()} if still else {}
        recording = easy_recording(len(entries), 10.0, subject=subject, **events)
        save_session(recording, tmp_path / f"{name}.hdf5")
        shape = {"duration_s": 10.0, "rate_hz": 200.0}
        entry = native_entry(
            tmp_path / f"{name}.hdf5", subject=subject, session=recording.session, split=split, **shape
        )
        entries.append(entry)
    write_manifest(Manifest(tuple(entries), tmp_path), tmp_path / "manifest.jsonl")
    return tmp_path


def test_a_recording_at_rest_counts_its_insertions_and_says_so(world: Path, told: Told) -> None:
    arguments = ["evaluate", f"{world}/model", f"{world}/manifest.jsonl"]
    assert main([*arguments, "--out", f"{world}/out", "--json"]) == 0
    out, errors = told()
    row = json.loads(out)["rows"][0]
    assert "still.hdf5: has no labels and is taken as rest" in errors
    assert (row["items"], row["items_at_rest"]) == (2, 1)
    hypotheses = [json.loads(line) for line in (world / "out" / "hypotheses.jsonl").read_text().splitlines()]
    typed, still = hypotheses
    assert still["cer_greedy"] is None
    assert row["keys_at_rest_greedy"] == len(still["keys_greedy"]) > 0
    errors_of_typed = typed["cer_greedy"] * len(typed["reference_keys"])
    assert row["cer_greedy"] == pytest.approx((errors_of_typed + len(still["keys_greedy"])) / row["keys"])


def test_a_note_of_several_recordings_is_printed_once(world: Path, told: Told) -> None:
    manifest = read_manifest(world / "manifest.jsonl")
    first = next(entry for entry in manifest.entries if entry.path == "still.hdf5")
    save_session(easy_recording(8, 10.0, subject="ann", events=Events.empty()), world / "again.hdf5")
    again = native_entry(
        world / "again.hdf5", subject="ann", session="again", split="test", duration_s=10.0, rate_hz=200.0
    )
    write_manifest(Manifest((first, again), world), world / "two.jsonl")
    assert main(["evaluate", f"{world}/model", f"{world}/two.jsonl", "--out", f"{world}/out"]) == 0
    _, errors = told()
    assert errors.count("is taken as rest") == 1
    assert "still.hdf5 and 1 more: has no labels" in errors


def test_a_split_of_nothing_but_rest_gives_keys_a_minute(world: Path, told: Told) -> None:
    arguments = ["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--split", "rest", "--out", f"{world}/out"]
    assert main(arguments) == 0
    table, _ = told()
    row = json.loads((world / "out" / "results.json").read_text())["rows"][0]
    assert row["false_keys_per_minute_greedy"] == pytest.approx(6 * row["keys_at_rest_greedy"], rel=0.02)
    assert f"{row['keys_at_rest_greedy']} keys, {row['false_keys_per_minute_greedy']:.1f}/min" in table
    assert "CER" not in table


def test_recordings_and_people_that_shaped_the_model_are_told(world: Path, told: Told) -> None:
    shaped = [native_entry(world / "typed.hdf5", subject="ann"), native_entry(world / "typed2.hdf5", subject="bob")]
    lineage.write(lineage.of_entries(shaped, "train"), world / "model")
    assert main(["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--json"]) == 0
    out, errors = told()
    row = json.loads(out)["rows"][0]
    assert (row["recordings_that_shaped_the_model"], row["people_that_shaped_the_model"]) == (1, ["ann"])
    assert "1 of 2 recordings shaped the weights of this model" in errors


@pytest.mark.parametrize("stop", ["write_hypotheses", "write_results"])
def test_an_evaluation_that_was_stopped_between_two_results_begins_anew(
    stop: str, world: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["evaluate", f"{world}/model", f"{world}/manifest.jsonl", "--out", f"{world}/out"]

    def interrupted(*values: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"emgasr.evaluation.results.{stop}", interrupted)
        assert main(arguments) == 130
    assert main(arguments) == 0
    assert sorted(path.name for path in (world / "out").iterdir()) == [
        "hypotheses.jsonl",
        "report.html",
        "results.json",
    ]
    told()
    assert main(arguments) == 2
    assert "already holds something; choose another folder or pass --overwrite" in told()[1]
