"""A pretraining run: what it writes, who may not be in it, Ctrl-C and going on to the bit, what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.cli import main
from emgasr.corpora import open_entry
from emgasr.errors import ConfigError, ManifestError, ModelError
from emgasr.frontend.features import SharedAxisConfig
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Entry, Manifest, read_manifest, write_manifest
from emgasr.models.folder import load_recognizer
from emgasr.models.pretrained import load_pretrained
from emgasr.pretraining.probe import LinearProbe
from emgasr.pretraining.readers import Readers
from emgasr.pretraining.run import check_people
from emgasr.pretraining.tokenizer import load_tokenizer
from emgasr.recording import Spans
from emgasr.sessions.native import save_session
from emgasr.training.contracts import Judgement

SIZES = "--encoder.width 16 --encoder.blocks 1 --encoder.heads 2 --encoder.mixer-channels 8"
SMALL = f"{SIZES} --takes.batch-size 8 --stretches 4 --fit.validations 2 --seed 3 --quiet".split()


def pretrain(out: Path, *manifests: Path, more: str = "--fit.steps 12", code: int = 0) -> Path:
    assert main(["pretrain", *map(str, manifests), "--out", str(out), *more.split(), *SMALL]) == code
    return out


def test_it_writes_an_encoder_a_model_for_each_corpus_and_who_shaped_them(
    corpora: tuple[Path, Path], tmp_path: Path
) -> None:
    out = pretrain(tmp_path / "run", *corpora)
    made = load_pretrained(out / "encoder")
    people = {entry.subject for entry in lineage.read(out / "encoder") or ()}
    assert people == {f"{corpus}_{person}" for corpus in ("myo", "bar") for person in "abcdef"}
    for name, path in zip(("myo", "bar"), corpora, strict=True):
        reader = load_recognizer(out / "readers" / name)
        weights = dict(reader.encoder.named_parameters())  # type: ignore[attr-defined]
        assert all(torch.equal(weights[key], value) for key, value in made.weights.items())
        manifest = read_manifest(path)
        emissions = reader.emissions(open_entry(manifest.entries[0], manifest.root))
        assert np.isfinite(emissions).all()
        assert reader.tokens.symbols_of([1, 2, 3]) == ["fist", "flexion", "spread"]
    card = (out / "encoder" / "README.md").read_text()
    assert "| myo | 4 | 0.01 | 8 electrodes at 200 Hz |" in card
    assert "myo_a" in card


def test_labels_are_not_read_where_they_are_not_asked_for(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = (
        "--labelled 0 --targets.weight 1 --reconstruction.weight 1 --tokens.weight 1 --tokens.from-step 4 --fit.steps 8"
    )
    out = pretrain(tmp_path / "run", *corpora, more=more)
    assert "myo: its labels are not read" in capsys.readouterr().err
    assert not (out / "readers").exists()
    tokenizer, config = load_tokenizer(out / "tokenizer")
    assert tokenizer.config == config.tokenizer
    logged = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    last = [entry for entry in logged if "validation_error" in entry][-1]
    assert {"validation_target_perplexity", "validation_token_perplexity", "validation_myo_wrong"} <= set(last)
    assert {"targets", "reconstruction", "tokens", "energy"} <= set().union(*map(set, logged))


@pytest.mark.parametrize("more", ["", "--labelled 0.5 --targets.weight 1 --tokens.weight 1 --tokens.from-step 5"])
def test_a_run_that_was_stopped_goes_on_to_the_bit(
    more: str, corpora: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = f"--fit.steps 10 {more}"
    whole = pretrain(tmp_path / "whole", *corpora, more=steps)
    judge = LinearProbe.__call__
    calls: list[int] = []

    def stopped(probe: LinearProbe, model: Readers) -> Judgement:
        calls.append(1)
        if len(calls) == 2:  # the first validation is behind it, and its checkpoint
            raise KeyboardInterrupt
        return judge(probe, model)

    monkeypatch.setattr(LinearProbe, "__call__", stopped)
    cut = pretrain(tmp_path / "cut", *corpora, more=steps, code=130)
    monkeypatch.setattr(LinearProbe, "__call__", judge)
    assert main(["pretrain", "--out", str(cut), "--resume", "--quiet"]) == 0
    for name in ("encoder/encoder.safetensors", *(["tokenizer/tokenizer.safetensors"] if more else [])):
        assert (whole / name).read_bytes() == (cut / name).read_bytes()


def test_a_person_who_judges_is_not_trained_on(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = read_manifest(corpora[0])
    training, judging = manifest.split("train"), manifest.split("validation")
    check_people(training, judging)
    again = replace(judging[0], path="another.hdf5", sha256="0" * 64)  # another recording of one of them
    with pytest.raises(ManifestError, match=f"trains on people who judge: {again.subject}"):
        check_people([*training, again], judging)


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("--labelled 0", "no objective without labels has a weight"),
        ("--targets.weight 1", "targets would never see a batch"),
        ("--encoder.mixing ring", "depend on the layout"),
    ],
)
def test_what_cannot_be_is_one_line(
    more: str, wrong: str, corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretrain(tmp_path / "run", *corpora, more=f"--fit.steps 2 {more}", code=2)
    told = capsys.readouterr().err
    assert wrong in told
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_pretrained_encoder_of_other_sizes_is_refused(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    out = pretrain(tmp_path / "run", corpora[0], more="--fit.steps 2")
    found = load_pretrained(out / "encoder")
    reader = load_recognizer(out / "readers" / "myo")
    found.give(reader.encoder, reader.config, "there")
    other = replace(reader.config, encoder=replace(found.config.encoder, kernel=3))
    with pytest.raises(ConfigError, match="of other sizes or options"):
        found.give(reader.encoder, other, "there")
    with pytest.raises(ConfigError, match="reads other features"):
        found.give(reader.encoder, replace(reader.config, features=SharedAxisConfig(hop_ms=50)), "there")


def test_training_starts_from_it_on_another_device_and_names_its_people(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = pretrain(tmp_path / "run", corpora[0], more="--fit.steps 4") / "encoder"
    arguments = ["train", str(corpora[1]), "--task", "gestures", "--init", str(encoder), "--fit.steps", "1"]
    assert main([*arguments, "--fit.learning-rate", "1e-12", "--out", str(tmp_path / "fine")]) == 0
    assert "features and network of the pretrained encoder" in capsys.readouterr().err
    tuned = load_recognizer(tmp_path / "fine" / "model")
    weights = dict(tuned.encoder.named_parameters())  # type: ignore[attr-defined]
    for name, value in load_pretrained(encoder).weights.items():
        torch.testing.assert_close(weights[name], value)
    people = {entry.subject for entry in lineage.read(tmp_path / "fine" / "model") or ()}
    assert {"myo_a", "bar_a"} <= people


def test_what_is_no_pretrained_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is no pretrained encoder"):
        load_pretrained(tmp_path)
    (tmp_path / "config.yaml").write_text(
        "emgasr_pretrained: 1\nencoder: {kind: conformer, mixing: any, width: 60000}\n"
    )
    with pytest.raises(ModelError):
        load_pretrained(tmp_path)


def test_a_corpus_without_rest_is_counted_and_one_line_where_there_is_no_other(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_manifest(corpora[0])
    loud = []
    for entry in manifest.entries:
        one = open_entry(entry, manifest.root)
        path = tmp_path / entry.path
        samples = np.random.default_rng(0).normal(size=one.samples.shape).astype(np.float32)
        save_session(replace(one, samples=samples), path)
        loud.append(Entry.of(replace(one, samples=samples), path, "native", entry.split))
    write_manifest(Manifest(tuple(loud), tmp_path, ("subject",)), tmp_path / "loud.jsonl")
    more = "--labelled 0 --tokens.weight 1 --fit.steps 2"
    pretrain(tmp_path / "run", tmp_path / "loud.jsonl", more=more, code=2)
    told = capsys.readouterr().err
    assert "loud: no contraction in 4 of 4 recordings" in told
    assert "has no contraction in any corpus" in told
    pretrain(tmp_path / "run2", tmp_path / "loud.jsonl", corpora[0], more=f"{more} --labelled 0.5")
    assert "loud: no contraction in 4 of 4 recordings" in capsys.readouterr().err


def test_people_without_labels_keep_the_latest_weights_and_the_card_says_so(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_manifest(corpora[0])
    entries = []
    for entry in manifest.entries:
        one = replace(open_entry(entry, manifest.root), spans=Spans.empty())
        save_session(one, tmp_path / entry.path)
        entries.append(Entry.of(one, tmp_path / entry.path, "native", entry.split))
    write_manifest(Manifest(tuple(entries), tmp_path, ("subject",)), tmp_path / "plain.jsonl")
    more = "--labelled 0 --targets.weight 1 --fit.steps 4"
    out = pretrain(tmp_path / "run", tmp_path / "plain.jsonl", more=more)
    assert "no validation person has labels to judge by: these are the latest weights (step 4 of 4" in (
        capsys.readouterr().out
    )
    assert "no validation person has labels" in (out / "encoder" / "README.md").read_text()


def test_one_person_alone_is_one_line(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_manifest(corpora[0])
    one = replace(manifest.entries[0], path=str(manifest.file(manifest.entries[0])))
    write_manifest(Manifest((one,), tmp_path), tmp_path / "alone.jsonl")
    pretrain(tmp_path / "run", tmp_path / "alone.jsonl", code=2)
    assert "holds no split 'validation'" in capsys.readouterr().err


def test_a_rate_below_100_hz_is_one_line(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_manifest(corpora[0])
    entries = []
    for entry in manifest.entries:
        one = replace(open_entry(entry, manifest.root), rate_hz=80.0)
        save_session(one, tmp_path / entry.path)
        entries.append(Entry.of(one, tmp_path / entry.path, "native", entry.split))
    write_manifest(Manifest(tuple(entries), tmp_path, ("subject",)), tmp_path / "slow.jsonl")
    pretrain(tmp_path / "run", tmp_path / "slow.jsonl", code=2)
    assert "reads rates from 100 Hz, not 80 Hz" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
