"""A pretrained encoder in training, personalization and protocols: who shaped it is kept, and refused where tested."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from emgasr.cli import main
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Manifest, read_manifest, write_manifest
from emgasr.models.pretrained import load_pretrained
from tests.pretraining.test_run import pretrain

# A training draws a hundred batches before its first step, for statistics: small ones here.
TINY = ("--task", "gestures", "--fit.steps", "2", "--fit.validations", "1", "--data.kind", "composed")
TINY += ("--data.batch-size", "8")


@pytest.fixture(scope="module")
def encoder(corpora: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that was pretrained on people of the first corpus."""
    return pretrain(tmp_path_factory.mktemp("pretrained") / "run", corpora[0], more="--fit.steps 2") / "encoder"


@pytest.fixture(scope="module")
def system(corpora: tuple[Path, Path], encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose training starts from the encoder, as `emgasr train` writes it."""
    out = tmp_path_factory.mktemp("system") / "run"
    assert main(["train", str(corpora[1]), "--init", str(encoder), *TINY, "--out", str(out), "--quiet"]) == 0
    return out / "training.yaml"


def protocol(manifest: Path, system: Path, out: Path) -> int:
    splits = out.parent / f"{out.name}.json"
    assert main(["protocol", "split", str(manifest), "--out", str(splits), "--rule", "groups", "--groups", "2"]) == 0
    run = ["protocol", "run", str(manifest), str(splits), "--system", f"m={system}", "--out", str(out)]
    return main([*run, "--adaptation.methods", "all", "--workers", "1", "--quiet"])


def merged(out: Path, *manifests: Path) -> Path:
    """A manifest of all recordings of several, in no split."""
    entries = [
        replace(entry, path=str(manifest.file(entry)), split="all")
        for manifest in map(read_manifest, manifests)
        for entry in manifest.entries
    ]
    write_manifest(Manifest(tuple(entries), out.parent, ()), out)
    return out


def refused(manifest: Path, system: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert protocol(manifest, system, out) == 2
    assert not (out / "jobs").exists()  # before anything was trained
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emgasr: ")]
    return line


def test_a_test_person_of_the_pretraining_manifest_is_refused_before_training(
    corpora: tuple[Path, Path],
    system: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    everybody = merged(tmp_path / "all.jsonl", corpora[0])
    assert "myo_" in refused(everybody, system, tmp_path / "out", capsys)
    renamed = read_manifest(everybody)
    entries = tuple(replace(one, subject=f"other_{one.subject}") for one in renamed.entries)  # the checksum tells
    write_manifest(replace(renamed, entries=entries), tmp_path / "renamed.jsonl")
    assert "held out" in refused(tmp_path / "renamed.jsonl", system, tmp_path / "out2", capsys)
    again = [replace(one, sha256=hashlib.sha256(one.path.encode()).hexdigest()) for one in renamed.entries]
    known = ("myo_e", "myo_f")  # who chose the weights, in other recordings, beside strangers
    judged = tuple(one if one.subject in known else replace(one, subject=f"other_{one.subject}") for one in again)
    write_manifest(replace(renamed, entries=judged), tmp_path / "judged.jsonl")
    assert "chosen on myo_" in refused(tmp_path / "judged.jsonl", system, tmp_path / "out3", capsys)


def test_an_encoder_of_other_sizes_is_refused_before_any_job_of_a_protocol(
    corpora: tuple[Path, Path],
    system: Path,
    encoder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    everybody = merged(tmp_path / "all.jsonl", corpora[1])
    other = tmp_path / "other.yaml"
    other.write_text(system.read_text().replace("kernel: 5", "kernel: 9"))
    told = refused(everybody, other, tmp_path / "out", capsys)
    assert "system m, fold group0: " in told
    assert "is an encoder of other sizes or options than this model's" in told
    damaged = shutil.copytree(encoder, tmp_path / "damaged")
    (damaged / "config.yaml").write_text("emgasr_pretrained: 7\n")
    other.write_text(system.read_text().replace(str(encoder), str(damaged)))
    assert "is no pretrained encoder of format 1" in refused(everybody, other, tmp_path / "out2", capsys)


def test_its_config_may_be_that_of_a_training(
    corpora: tuple[Path, Path],
    encoder: Path,
    tmp_path: Path,
) -> None:
    config = ["--config", str(encoder / "config.yaml"), "--init", str(encoder), "--quiet"]
    alone, preset = tmp_path / "alone", tmp_path / "preset"
    assert main(["train", str(corpora[1]), *TINY, "--init", str(encoder), "--quiet", "--out", str(preset)]) == 0
    assert main(["train", str(corpora[1]), *TINY, *config, "--out", str(alone)]) == 0
    made = [yaml.safe_load((out / "training.yaml").read_text()) for out in (alone, preset)]
    for section in ("features", "normalize", "encoder"):  # the floor is that of this device, not of the file
        assert made[0][section] == made[1][section]
    more = ["--labelled", "0.5", "--targets.weight", "1", "--fit.steps", "1", "--stretches", "4"]
    assert main(["pretrain", str(corpora[1]), *config, *more, "--out", str(tmp_path / "on")]) == 0
    model = ["--config", str(alone / "model" / "config.yaml"), "--init", str(alone / "model"), *TINY, "--quiet"]
    assert main(["train", str(corpora[1]), *model, "--out", str(tmp_path / "again")]) == 0


@pytest.mark.slow
@pytest.mark.process
def test_a_protocol_of_other_people_starts_from_it_and_anew_when_it_changes(
    corpora: tuple[Path, Path],
    system: Path,
    encoder: Path,
    tmp_path: Path,
) -> None:
    everybody = merged(tmp_path / "all.jsonl", corpora[1])
    assert protocol(everybody, system, tmp_path / "out") == 0
    results = sorted((tmp_path / "out").glob("jobs/**/train/result.json"))
    assert len(results) == 2
    models = sorted((tmp_path / "out").glob("jobs/**/run/model"))
    assert {"myo_a", "bar_a"} <= {entry.subject for model in models for entry in lineage.read(model) or ()}


def test_personalization_keeps_who_shaped_the_encoder(
    corpora: tuple[Path, Path],
    system: Path,
    tmp_path: Path,
) -> None:
    model = system.parent / "model"
    out = tmp_path / "mine"
    person = [
        str(corpora[1]),
        "--subject",
        "bar_f",
        "--split",
        "validation",
        "--fit.steps",
        "2",
        "--fit.validations",
        "1",
        "--quiet",
    ]
    assert main(["personalize", str(model), *person, "--out", str(out)]) == 0
    people = {entry.subject for entry in lineage.read(out / "model") or ()}
    assert {"myo_a", "bar_a", "bar_f"} <= people
    assert "myo_a" in (out / "model" / "README.md").read_text()


def test_an_encoder_of_other_sizes_or_damaged_is_one_line(
    corpora: tuple[Path, Path],
    encoder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def told(init: Path, *more: str) -> str:
        code = main(
            ["train", str(corpora[1]), "--init", str(init), *TINY, *more, "--out", str(tmp_path / "o"), "--quiet"]
        )
        assert code == 2
        assert not (tmp_path / "o").exists()
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("emgasr: ")]
        return line

    assert "of other sizes or options than this model's" in told(encoder, "--encoder.kernel", "9")
    assert "reads other features" in told(encoder, "--features.hop-ms", "50")
    broken = tmp_path / "broken"
    shutil.copytree(encoder, broken)
    (broken / "config.yaml").write_text("emgasr_pretrained: 7\n")
    assert "is no pretrained encoder of format 1" in told(broken)
    shutil.copy(encoder / "config.yaml", broken)
    (broken / "encoder.safetensors").write_bytes((encoder / "encoder.safetensors").read_bytes()[:-9])
    assert "encoder.safetensors: cannot be read" in told(broken)
    assert load_pretrained(encoder).weights


def test_layouts_that_pretraining_mixes_are_refused_by_train(
    corpora: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = merged(tmp_path / "both.jsonl", *corpora)
    manifest = read_manifest(both)
    splits = {"e": "validation", "f": "validation"}
    entries = tuple(replace(one, split=splits.get(one.subject[-1], "train")) for one in manifest.entries)
    write_manifest(replace(manifest, entries=entries), both)
    out = pretrain(tmp_path / "run", both, more="--fit.steps 2")
    assert {path.name for path in (out / "readers").iterdir()} == {"both_1", "both_2"}
    capsys.readouterr()
    assert main(["train", str(both), *TINY, "--out", str(tmp_path / "o"), "--quiet"]) == 2
    assert "the model at 200 Hz" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
