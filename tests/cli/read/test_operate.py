"""`emgasr operate` as a user meets it: a point beside the model that streams use, a picture, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emgasr.cli import main
from emgasr.decoding.held import read_point
from tests.cli.read.test_tune_confidence import Told, keys, made, world

__all__ = ["made", "world"]  # fixtures


def operate(world: Path, *options: str) -> int:
    """Run the verb."""
    return main(["operate", f"{world}/model", f"{world}/manifest.jsonl", "--quiet", *options])


def test_people_who_never_rest_prove_nothing(world: Path, told: Told) -> None:
    assert operate(world) == 2
    assert "the validation people do not rest" in told()[1]
    assert not (world / "model" / "operating.yaml").exists()


@pytest.fixture
def rested(world: Path) -> Path:
    """The same with a recording without labels in each split."""
    from emgasr.manifests.manifest import Manifest, read_manifest, write_manifest
    from emgasr.recording import Events
    from emgasr.sessions.native import save_session
    from tests.helpers.miniatures import make_recording, native_entry

    manifest = read_manifest(world / "manifest.jsonl")
    entries = list(manifest.entries)
    for person, split in (("p0", "test"), ("p1", "validation")):
        path = world / f"rest{person}.hdf5"
        save_session(make_recording(seed=9, subject=person, seconds=6.0, events=Events.of([])), path)
        entries.append(native_entry(path, subject=person, session="night", split=split, duration_s=6.0))
    write_manifest(Manifest(tuple(entries), world, ("subject",)), world / "manifest.jsonl")
    return world


def test_a_rate_that_seconds_of_rest_cannot_prove_is_refused(rested: Path, told: Told) -> None:
    assert operate(rested) == 2
    assert "proves only <" in told()[1]


def test_the_point_lies_beside_the_model_and_quiets_it(rested: Path, tmp_path: Path, told: Told) -> None:
    before = keys(rested, told)
    out = tmp_path / "out"
    assert operate(rested, "--false-an-hour", "2500", "--rest-hours", "0.01", "--out", str(out)) == 0
    table, errors = told()
    assert "operating point:" in table
    assert "none of it was read twice" in errors
    found = json.loads((out / "operate.json").read_text())
    assert found["chosen"]["false_an_hour_bounds"][1] <= 2500
    assert found["tested"]["meant"] == found["tested_without"]["meant"] > 0
    assert found["long_rest"]["false"] == found["tested"]["false"]
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    point = read_point(rested / "model" / "operating.yaml")
    assert (point.reads, point.threshold) == ("tokens", found["chosen"]["threshold"])
    after = keys(rested, told)
    assert after == [one for one in before if one[1] >= point.threshold - 1e-4]
    source = f"file:{rested}/test0.hdf5,speed=fast"
    assert main(["stream", f"{rested}/model", "--source", source, "--json"]) == 0
    events = [json.loads(line) for line in told()[0].splitlines()]
    assert [(e["key"], e["confidence"]) for e in events if e.get("state") == "final"] == after


def test_a_person_who_is_tested_chooses_no_point(rested: Path, told: Told) -> None:
    assert operate(rested, "--validation-split", "test") == 2
    assert "'test'" in told()[1]
