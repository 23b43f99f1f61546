"""`emgasr tune-live` as a user meets it: rules beside the model that `stream` takes, or a line on what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.evaluation.endpoint_tuning import GRID
from emgasr.lm import estimate, write_arpa
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.streaming.rules import read_rules
from tests.helpers.miniatures import native_entry, write_native

Told = Callable[[], tuple[str, str]]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A folder with an untrained model, a recording of each split, their manifest and a language model."""
    from tests.helpers.tiny_models import save_keys_model

    save_keys_model(tmp_path / "model")
    entries = []
    for seed, split in enumerate(["train", "test", "validation"]):
        path = write_native(tmp_path, f"{split}.hdf5", seed=seed)
        entries.append(native_entry(path, session=f"day{seed}", split=split))
    write_manifest(Manifest(tuple(entries), tmp_path), tmp_path / "manifest.jsonl")
    write_arpa(estimate([list("abab")] * 3, order=2), tmp_path / "lm.arpa")
    return tmp_path


def tune_live(world: Path, *options: str) -> int:
    arguments = [f"{world}/model", f"{world}/manifest.jsonl", "--lm", f"{world}/lm.arpa", "--beam", "4", *options]
    return main(["tune-live", *arguments])


def test_rules_lie_beside_the_model_and_a_stream_takes_them(world: Path, told: Told) -> None:
    assert tune_live(world) == 0
    table, errors = told()
    for words in ("no rules", "chosen", "agreement", "final after", f"{len(GRID)} rules tried"):
        assert words in table
    assert errors == ""
    path = world / "model" / "live.yaml"
    assert f"rules: {path}\n" in table
    assert read_rules(path) in GRID
    assert path.read_text().startswith("# found by emgasr tune-live on ")
    path.write_text("finalize_within_s: 0.48\n")
    stream = ["stream", f"{world}/model", "--source", f"file:{world}/test.hdf5,speed=fast", "--json"]
    assert main(["info", "--json", f"{world}/model"]) == 0
    assert json.loads(told()[0])["delay"]["finalize_ms"] == 480
    for more, expected_ms in (
        ((), 480),
        (("--finalize-within-seconds", "0.24"), 240),
        (("--finalize-within-seconds", "0"), None),
    ):
        assert main([*stream, "--lm", f"{world}/lm.arpa", *more]) == 0
        summary = json.loads(told()[0].splitlines()[-1])
        assert summary["delay"]["finalize_ms"] == expected_ms


def test_json_tells_what_was_chosen(world: Path, tmp_path: Path, told: Told) -> None:
    out = tmp_path / "rules.yaml"
    assert tune_live(world, "--json", "--out", str(out)) == 0
    found = json.loads(told()[0])
    assert found["rules"]["agreement"] == read_rules(out).agreement
    assert {"cer", "cer_without_rules", "final_s", "minutes"} <= found.keys()
    assert not (world / "model" / "live.yaml").exists()


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("--split", "test"), "would flatter it"),
        (("--slack", "-1"), "--slack: is -1"),
        (("--data-minutes", "0"), "--data-minutes: is 0"),
        (("--split", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_is_one_line(world: Path, options: tuple[str, ...], wrong: str, told: Told) -> None:
    assert tune_live(world, *options) == 2
    out, errors = told()
    assert wrong in errors
    assert (out, errors.count("\n")) == ("", 1)
    assert not (world / "model" / "live.yaml").exists()


def test_without_a_language_model_there_are_no_rules_to_tune(world: Path, told: Told) -> None:
    assert main(["tune-live", f"{world}/model", f"{world}/manifest.jsonl"]) == 2
    assert "--lm: is missing" in told()[1]


def test_what_is_there_is_replaced_only_if_asked(world: Path, told: Told) -> None:
    kept = world / "model" / "live.yaml"
    kept.write_text("agreement: 0.9\n")
    assert tune_live(world) == 2
    assert "live.yaml: already exists" in told()[1]
    assert kept.read_text() == "agreement: 0.9\n"
    assert tune_live(world, "--overwrite") == 0
    assert kept.read_text().startswith("# found by")
