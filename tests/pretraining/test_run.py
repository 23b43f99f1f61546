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
from emgasr.pretraining import run
from emgasr.pretraining.config import PretrainConfig
from emgasr.pretraining.probe import LinearProbe
from emgasr.pretraining.readers import Readers
from emgasr.pretraining.tokens.tokenizer import load_tokenizer
from emgasr.recording import Spans
from emgasr.sessions.native import save_session
from emgasr.training.contracts import Judgement
from emgasr.training.loop import FitConfig

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


TOKENS = "--labelled 0.5 --tokens.weight 1 --fit.steps 8"


def test_the_tokenizer_is_the_one_that_was_fixed_whichever_encoder_is_best(
    corpora: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there: list[bool] = []

    def judged(probe: LinearProbe, model: Readers) -> Judgement:  # the encoder of step 4 is best
        there.append((tmp_path / "run" / "tokenizer").exists())
        return Judgement({"error": 0.1 * len(there)})

    monkeypatch.setattr(LinearProbe, "__call__", judged)
    out = pretrain(tmp_path / "run", *corpora, more=f"{TOKENS} --tokens.from-step 6")
    assert "the weights of step 4" in (out / "encoder" / "README.md").read_text()
    assert there == [False, True]  # at steps 4 and 8: it is written when it is fixed
    kept, _ = load_tokenizer(out / "tokenizer")
    state = torch.load(out / "checkpoint.pt", weights_only=True)["objective"]
    for name, value in kept.state_dict().items():
        assert torch.equal(value, state[f"pretexts.tokens.tokenizer.{name}"])
    assert "none to rely on" not in capsys.readouterr().err


def test_a_tokenizer_that_was_not_fixed_is_said(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretrain(tmp_path / "run", *corpora, more=TOKENS)
    told = capsys.readouterr().err
    assert "tokenizer/ is none to rely on: it learned for 8 steps, and tokens.from_step is 100" in told
    assert (tmp_path / "run" / "tokenizer" / "config.yaml").exists()


def test_a_person_who_judges_is_not_trained_on(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = read_manifest(corpora[0])
    again = replace(manifest.split("validation")[0], path="another.hdf5", sha256="0" * 64, split="train")
    write_manifest(Manifest((*manifest.entries, again), corpora[0].parent), corpora[0].parent / "again.jsonl")
    with pytest.raises(ManifestError, match=f"trains on people who judge: {again.subject}"):
        run.pretrain(PretrainConfig((str(corpora[0].parent / "again.jsonl"),), fit=FitConfig(1)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_name_in_two_corpora_is_two_people_and_one_line_says_so(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = read_manifest(corpora[1])
    entries = tuple(
        replace(one, path=str(manifest.file(one)), subject="MYO_A" if one.subject == "bar_f" else one.subject)
        for one in manifest.entries
    )
    write_manifest(Manifest(entries, tmp_path), tmp_path / "bar.jsonl")
    pretrain(tmp_path / "run", corpora[0], tmp_path / "bar.jsonl", more="--fit.steps 2")
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "taken for different people" in line]
    assert "MYO_A (myo, bar); if they are the same, put them into one split" in line


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ("--labelled 0", "no objective without labels has a weight"),
        ("--targets.weight 1", "targets would never see a batch"),
        ("--encoder.mixing ring", "depend on the layout"),
        ("--fit.device cuda", "no CUDA device"),
    ],
)
def test_what_cannot_be_is_one_line(
    more: str,
    wrong: str,
    corpora: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    pretrain(tmp_path / "run", *corpora, more=f"--fit.steps 2 {more}", code=2)
    told = capsys.readouterr().err
    assert wrong in told
    assert told.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_converter_of_24_bits_gives_counts_that_are_learned_from(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    manifest = read_manifest(corpora[0])
    entries = []
    for entry in manifest.entries:
        one = open_entry(entry, manifest.root)
        loud = replace(one, samples=one.read() * np.float32(2**20))
        save_session(loud, tmp_path / entry.path)
        entries.append(Entry.of(loud, tmp_path / entry.path, "native", entry.split))
    write_manifest(Manifest(tuple(entries), tmp_path, ("subject",)), tmp_path / "counts.jsonl")
    out = pretrain(tmp_path / "run", tmp_path / "counts.jsonl", more="--fit.steps 2")
    assert load_recognizer(out / "readers" / "counts").config.features.epsilon > 1e7  # type: ignore[union-attr]


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
    (tmp_path / "config.yaml").write_text(
        "emgasr_pretrained: 1\nencoder: {kind: conformer, mixing: free}\nfeatures: {kind: shared_axis}\n"
    )
    with pytest.raises(ModelError, match=r"encoder\.mixing: is free"):
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
    assert not (tmp_path / "run").exists()
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
    assert "corpus slow: features: shared_axis reads rates from 100 Hz, not 80 Hz" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_corpus_of_one_label_is_said_to_teach_nothing_beside_others(
    corpora: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    manifest = read_manifest(corpora[1])
    entries = []
    for entry in (manifest.split("train")[0], manifest.split("validation")[0]):
        one = replace(open_entry(entry, manifest.root), spans=Spans.of([(1.0, 2.0, "gesture", "fist")]))
        save_session(one, tmp_path / entry.path)
        entries.append(Entry.of(one, tmp_path / entry.path, "native", entry.split))
    write_manifest(Manifest(tuple(entries), tmp_path, ("subject",)), tmp_path / "alone.jsonl")

    def begun(*given: object, **more: object) -> None:
        raise ConfigError("fit", "has begun", "stop here")

    monkeypatch.setattr(run, "fit", begun)
    pretrain(tmp_path / "run", corpora[0], tmp_path / "alone.jsonl", more="--fit.steps 1", code=2)
    told = capsys.readouterr().err.splitlines()
    assert told[-2:] == [
        "emgasr: alone: 1 label, so that nothing of it is trained on",
        "emgasr: fit: has begun; stop here",
    ]
