"""`emgasr fuse`: a folder that other verbs take as a MODEL; people who are tested shape nothing; damage is a line."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

import emgasr
from emgasr.cli import main
from emgasr.errors import ModelError
from emgasr.fusion.config import NAME, read_fusion
from emgasr.fusion.fitting import Stretch, fit
from emgasr.manifests.manifest import read_manifest, write_manifest
from emgasr.models.folder import save_recognizer
from emgasr.tokens import Tokens
from tests.helpers.tiny_models import BANDS, tiny_recognizer, write_easy_corpus

TOKENS = Tokens.keystrokes(["a", "b"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of the left ring and the right one, recordings of ann and bob (train) and cid, and their fusion."""
    found = tmp_path_factory.mktemp("fuse")
    (found / "corpus").mkdir()
    write_easy_corpus(found / "corpus", ("ann", "bob", "cid"), seconds=8.0)
    for band in BANDS:
        save_recognizer(tiny_recognizer(bands=(band,), tokens=TOKENS), found / band.name)
    assert main(["fuse", *models(found), *held_out(found), "--out", str(found / "both"), "--quiet"]) == 0
    return found


def models(folder: Path) -> list[str]:
    return [str(folder / band.name) for band in BANDS]


def held_out(folder: Path) -> list[str]:
    return ["--validation-manifest", str(folder / "corpus/manifest.jsonl")]


def test_the_folder_says_what_was_fitted_and_on_whom(folder: Path) -> None:
    config = read_fusion(folder / "both")
    assert [entry.subject for entry in config.fitted_on] == ["cid"]
    assert all(entry.sha256 for entry in config.fitted_on)
    assert all(system.temperature != 1 for system in config.systems)
    assert sum(system.weight for system in config.systems) == pytest.approx(1, abs=1e-3)
    assert "Fitted on: cid" in (folder / "both/README.md").read_text()


def test_it_transcribes_streams_and_is_evaluated_as_any_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = folder / "corpus/0.hdf5"
    assert main(["transcribe", str(folder / "both"), str(one)]) == 0
    text = capsys.readouterr().out.strip()
    assert text == emgasr.load(folder / "both").transcribe(one).text.strip()
    assert main(["stream", str(folder / "both"), "--source", f"file:{one},speed=fast", "--text"]) == 0
    assert capsys.readouterr().out.strip() == text
    manifest = str(folder / "corpus/manifest.jsonl")
    assert main(["evaluate", str(folder / "both"), manifest, "--split", "train", "--quiet", "--json"]) == 0


def test_people_whom_it_was_fitted_on_are_never_tested(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(folder / "both"), held_out(folder)[1], "--split", "validation"]) == 2
    assert "were fitted on people who are tested: cid" in capsys.readouterr().err


def test_it_is_not_fitted_on_people_who_are_tested(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = read_manifest(held_out(folder)[1])
    test = replace(manifest.entries[0], split="test", subject="cid", session="another")
    path = folder / "corpus/tested.jsonl"
    write_manifest(replace(manifest, entries=(*manifest.entries[1:], test)), path)
    out = folder / "never"
    assert main(["fuse", *models(folder), "--validation-manifest", str(path), "--out", str(out)]) == 2
    assert "holds people who are tested too: cid" in capsys.readouterr().err
    assert not (out / NAME).exists()


@pytest.mark.parametrize(
    ("asked", "line"),
    [(["left"], "is of a single system"), (["left", "left"], "holds one model twice")],
)
def test_one_model_or_one_twice_is_no_fusion(
    folder: Path, asked: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fuse", *(str(folder / name) for name in asked), "--out", str(folder / "one")]) == 2
    assert line in capsys.readouterr().err


def test_a_model_that_was_altered_or_moved_is_named(folder: Path, tmp_path: Path) -> None:
    for name in ("left", "right", "both"):
        shutil.copytree(folder / name, tmp_path / name)
    save_recognizer(tiny_recognizer(bands=(BANDS[0],), tokens=TOKENS, normalize="fixed"), tmp_path / "left")
    with pytest.raises(ModelError, match=r"\.\./left is not the model that was fused"):
        emgasr.load(tmp_path / "both")
    shutil.rmtree(tmp_path / "left")
    with pytest.raises(ModelError, match=r"names \.\./left, where no model is"):
        emgasr.load(tmp_path / "both")


def test_models_that_were_copied_move_with_the_folder(folder: Path, tmp_path: Path) -> None:
    assert main(["fuse", *models(folder), "--copy", "--out", str(tmp_path / "both")]) == 0
    (tmp_path / "both").rename(tmp_path / "moved")
    assert emgasr.load(tmp_path / "moved").recognizer.tokens == TOKENS


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"kind": "median"}, "kind is 'median'"),
        ({"systems": "left"}, "systems is 'left'"),
        ({"systems": []}, "is of a single system"),
        ({"emgasr_fusion": 9}, "is no fusion of format 1"),
        ({"fitted_on": [3]}, "fusion.yaml"),
        ({"more": 1}, "more"),
    ],
)
def test_a_damaged_fusion_is_a_line(folder: Path, tmp_path: Path, change: dict[str, object], line: str) -> None:
    for name in ("left", "right", "both"):
        shutil.copytree(folder / name, tmp_path / name)
    content = yaml.safe_load((tmp_path / "both" / NAME).read_text())
    (tmp_path / "both" / NAME).write_text(yaml.safe_dump(content | change))
    with pytest.raises(ModelError) as caught:
        emgasr.load(tmp_path / "both")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_temperature_that_spoiled_a_model_is_found_again() -> None:
    """The oracle: emissions of a model whose own temperature is 1, divided by 2, ask for 1/2."""
    rng = np.random.default_rng(0)
    stretches = []
    for _ in range(30):
        rows = rng.normal(0, 2, (40, 1, 3))
        rows -= np.log(np.exp(rows).sum(-1, keepdims=True))
        path = [int(rng.choice(3, p=np.exp(row[0]))) for row in rows]
        read = tuple(key for place, key in enumerate(path) if key and (place == 0 or path[place - 1] != key))
        both = np.concatenate([rows / 2, rows], 1)
        both -= np.log(np.exp(both).sum(-1, keepdims=True))
        stretches.append(Stretch(both, np.ones((40, 2), bool), read))
    found = fit(stretches, "geometric", 0)
    assert found.temperatures[0] == pytest.approx(found.temperatures[1] / 2, rel=0.01)
    assert found.temperatures[1] == pytest.approx(1, rel=0.25)
    assert found.together <= found.equal


def test_a_model_that_comes_late_is_shifted_and_one_that_knows_nothing_has_no_weight() -> None:
    rng = np.random.default_rng(1)
    stretches = []
    for _ in range(20):
        ids = rng.integers(1, 4, 6)
        rows = np.full((30, 4), -6.0)
        rows[:, 0] = 0
        for place, key in enumerate(ids):
            rows[2 + 4 * place] = -6
            rows[2 + 4 * place, key] = 0
        late, noise = np.roll(rows, 1, 0), rng.normal(0, 1, rows.shape)
        all_rows = np.stack([rows + rng.normal(0, 2, rows.shape), late + rng.normal(0, 2, rows.shape), noise], 1)
        all_rows -= np.log(np.exp(all_rows).sum(-1, keepdims=True))
        stretches.append(Stretch(all_rows, np.ones((30, 3), bool), tuple(ids.tolist())))
    found = fit(stretches, "geometric", 2)
    assert found.shifts[:2] == (0, 1)
    assert found.weights[2] < 0.1
