"""A run from its configuration: what it leaves behind, what it refuses before it starts, and many processes at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import emgasr
from emgasr.cli.options.config import from_command_line
from emgasr.config.parsing import from_mapping
from emgasr.corpora import scan
from emgasr.corpora.single import Facts, open_single
from emgasr.data.batches import ComposedSampler, WindowSampler
from emgasr.errors import ConfigError, DataError, EmgasrError, ManifestError, ModelError, RecordingError
from emgasr.manifests.manifest import Manifest, read_manifest, write_manifest
from emgasr.models.folder import load_recognizer
from emgasr.recording import MONTAGES, Band, Events, Recording, Spans
from emgasr.sessions.native import save_session
from emgasr.training.config import KINDS, TokensConfig, TrainingConfig
from emgasr.training.run import make_sampler, make_tokens, parameters_checksum, train
from tests.helpers.miniatures import write_takes
from tests.helpers.scripts import ROOT
from tests.helpers.tiny_models import easy_recording, tiny_recognizer, write_easy_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_easy_corpus(tmp_path).parent


def configured(corpus: Path, *options: str) -> TrainingConfig:
    return from_command_line(TrainingConfig, KINDS, ["--config", str(corpus / "train.yaml"), *options], "test")


def test_a_run_leaves_a_model_its_log_and_how_to_repeat_it(corpus: Path) -> None:
    config = configured(corpus)
    fitted = train(config, corpus / "run")
    names = sorted(path.name for path in (corpus / "run").iterdir())
    assert names == ["checkpoint.pt", "log.jsonl", "model", "start.json", "tensorboard", "training.yaml"]
    content = yaml.safe_load((corpus / "run" / "training.yaml").read_text())
    assert from_mapping(TrainingConfig, KINDS, content, "training.yaml") == config
    card = (corpus / "run" / "model" / "README.md").read_text()
    for fact in (
        "1 people",
        "200 Hz, uV, montage: not told",
        "2 symbols",
        "seed 0",
        f"{100 * fitted.best:.2f} %",
        "split `train`",
    ):
        assert fact in card
    assert load_recognizer(corpus / "run" / "model").tokens.symbols[1:] == ("a", "b")


def test_a_run_repeats_itself(corpus: Path) -> None:
    for name in ("one", "two"):
        train(configured(corpus), corpus / name)
    one, two = (load_recognizer(corpus / name / "model").state_dict() for name in ("one", "two"))
    assert all(torch.equal(value, two[name]) for name, value in one.items())


@pytest.mark.slow
def test_a_run_tells_what_it_started_from(corpus: Path) -> None:
    for name, options in (("one", ()), ("same", ("--fit.learning_rate=0.5",)), ("other", ("--seed=1",))):
        train(configured(corpus, *options), corpus / name)
    begun = [json.loads((corpus / name / "start.json").read_text()) for name in ("one", "same", "other")]
    assert all(begun[0][name] == begun[1][name] for name in ("manifest_sha256", "parameters_sha256", "shaped_by"))
    assert begun[0]["manifest_sha256"] == read_manifest(corpus / "manifest.jsonl").checksum()
    assert begun[0]["parameters_sha256"] != begun[2]["parameters_sha256"]
    assert begun[0]["parameters_sha256"] != parameters_checksum(load_recognizer(corpus / "one" / "model"))
    train(configured(corpus, f"--init={corpus / 'one' / 'model'}"), corpus / "on")
    on = json.loads((corpus / "on" / "start.json").read_text())["parameters_sha256"]
    assert on == parameters_checksum(load_recognizer(corpus / "one" / "model"))


@pytest.mark.slow
def test_a_run_starts_from_another_models_weights(corpus: Path) -> None:
    train(configured(corpus), corpus / "first")
    config = configured(
        corpus, "--init", str(corpus / "first" / "model"), "--fit.steps", "1", "--fit.learning_rate", "1e-12"
    )
    train(config, corpus / "second")
    first, second = (load_recognizer(corpus / name / "model").state_dict() for name in ("first", "second"))
    for name, value in first.items():
        torch.testing.assert_close(second[name], value)
    with pytest.raises(ConfigError, match="another configuration"):
        train(replace(config, tokens=TokensConfig(symbols=("a",))), corpus / "third")
    assert not (corpus / "third").exists()


def test_fixed_statistics_are_those_of_the_training_split(corpus: Path) -> None:
    train(configured(corpus, "--normalize.kind", "fixed", "--fit.steps", "1"), corpus / "run")
    normalize = load_recognizer(corpus / "run" / "model").normalize
    assert normalize.mean.abs().min() > 0
    assert not torch.equal(normalize.variance, torch.ones_like(normalize.variance))


def edit_manifest(corpus: Path, *changes: dict[str, Any], claims: tuple[str, ...] = ()) -> None:
    manifest = read_manifest(corpus / "manifest.jsonl")
    entries = [replace(e, **change) for e, change in zip(manifest.entries, changes, strict=True)]
    write_manifest(Manifest(tuple(entries), corpus, claims), corpus / "manifest.jsonl")


def claimed_apart(corpus: Path) -> None:
    edit_manifest(corpus, {"subject": "bob"}, {}, {}, claims=("subject",))


def trained_on_what_is_validated(corpus: Path) -> None:
    entry = read_manifest(corpus / "manifest.jsonl").entries[0]
    edit_manifest(corpus, {}, {}, {"path": entry.path, "sha256": entry.sha256})


def composed_of_what_is_trained_on(corpus: Path) -> None:
    entry = read_manifest(corpus / "manifest.jsonl").entries[0]
    edit_manifest(corpus, {}, {}, {"take": f"0123456789abcdef@1.000 {entry.sha256[:16]}@2.500"})


def without_validation(corpus: Path) -> None:
    edit_manifest(corpus, {}, {}, {"split": "test"})


def with_a_missing_file(corpus: Path) -> None:
    (corpus / "1.hdf5").unlink()


def with_a_truncated_file(corpus: Path) -> None:
    path = corpus / "1.hdf5"
    path.write_bytes(path.read_bytes()[:3000])


def rewrite(corpus: Path, number: int, **changes: Any) -> None:
    save_session(easy_recording(number, 20.0, subject="ann", **changes), corpus / f"{number}.hdf5")


def worn(number: int) -> tuple[Band, ...]:
    montage = tuple(MONTAGES)[number]
    return tuple(Band.numbered(name, 4, ring=True, montage=montage) for name in ("left", "right"))  # type: ignore[arg-type]


def validated_at_rest(corpus: Path) -> None:
    save_session(easy_recording(2, 20.0, subject="bob", events=Events.empty()), corpus / "2.hdf5")


BROKEN = {
    "a claim is broken": (claimed_apart, ManifestError, "bob"),
    "validated on training recordings": (trained_on_what_is_validated, ManifestError, "same recording"),
    "validated on composed training takes": (composed_of_what_is_trained_on, ManifestError, "is composed of"),
    "no validation split": (without_validation, ManifestError, "no split 'validation'"),
    "a missing file": (with_a_missing_file, EmgasrError, r"1\.hdf5"),
    "a truncated file": (with_a_truncated_file, RecordingError, r"1\.hdf5"),
    "another rate": (lambda c: rewrite(c, 1, rate_hz=400.0), RecordingError, "at 400 Hz, the model at 200 Hz"),
    "another unit": (lambda c: rewrite(c, 1, unit="counts"), RecordingError, "in counts, the model in uV"),
    "other bands": (lambda c: rewrite(c, 1, bands=(Band.numbered("x", 8),)), RecordingError, "bands of"),
    "two montages": (lambda c: [rewrite(c, n, bands=worn(n)) for n in (0, 1)], RecordingError, "of montage reference"),
    "validated on another": (lambda c: [rewrite(c, n, bands=worn(n)) for n in (0, 2)], RecordingError, "of montage av"),
    "no keys": (lambda c: [rewrite(c, n, events=Events.empty()) for n in (0, 1)], DataError, "no key press"),
    "a validation split at rest": (validated_at_rest, DataError, "hold no labels"),
    "no config": (lambda c: (c / "train.yaml").unlink(), ConfigError, r"train\.yaml: cannot be read"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_trained_on_is_refused_before_anything_is_written(case: str, corpus: Path) -> None:
    spoil, kind, wrong = BROKEN[case]
    spoil(corpus)
    with pytest.raises(kind, match=wrong):
        train(configured(corpus), corpus / "run")
    assert not (corpus / "run").exists()


@pytest.mark.parametrize(
    ("options", "kind", "wrong"),
    [
        (["--manifest", ""], ConfigError, "no manifest"),
        (["--manifest", "nowhere.jsonl"], ManifestError, "cannot be read"),
        (["--train_split", "training"], ManifestError, "no split 'training'"),
        (["--validation_split", "train"], ConfigError, "is the training split"),
        (["--init", "nowhere"], ModelError, "not a model folder"),
        (["--tokens.symbols", "[ä]"], DataError, "not among"),
        (["--data.shortest_s", "25", "--data.longest_s", "30"], DataError, "less than a window"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(
    options: list[str], kind: type[Exception], wrong: str, corpus: Path
) -> None:
    with pytest.raises(kind, match=wrong):
        train(configured(corpus, *options), corpus / "run")
    assert not (corpus / "run").exists()


def gestures() -> Recording:
    spans = Spans.of(
        [(1, 2, "gesture", "fist"), (3, 4, "rest", "idle"), (5, 6, "gesture", "point"), (7, 8, "prompt", "x")]
    )
    return easy_recording(0, events=Events.empty(), spans=spans)


def test_symbols_left_open_are_those_of_the_training_labels() -> None:
    assert make_tokens(TokensConfig("words"), [gestures()]).symbols[1:] == ("fist", "point")
    assert make_tokens(TokensConfig("words", symbols=("stop",)), [gestures()]).symbols[1:] == ("stop",)
    assert "".join(make_tokens(TokensConfig("characters"), [gestures()]).symbols[1:]) == "finopst"
    assert len(make_tokens(TokensConfig(), [gestures()])) == 99


def test_the_source_is_what_the_config_says(corpus: Path) -> None:
    config = configured(corpus)
    named = [("one", gestures())]
    tokens = make_tokens(TokensConfig("words"), [gestures()])
    composed = from_mapping(
        TrainingConfig, KINDS, {"fit": {"steps": 1}, "data": {"kind": "composed", "batch_size": 2}}, "x"
    )
    batches = make_sampler(composed.data, named, tokens, seed=3)
    assert isinstance(batches, ComposedSampler)
    assert len(batches.examples(0)) == 2
    assert batches.examples(0)[0].takes[0].startswith("one@")
    typed = [("one", easy_recording())]
    assert isinstance(make_sampler(config.data, typed, tiny_recognizer().tokens, 0), WindowSampler)


KEEP_WEIGHTS = """
import os, sys, torch
from emgasr.training import run as experiment
from emgasr.cli import main

fit = experiment.fit

def fit_and_keep(objective, *arguments, **options):
    fitted = fit(objective, *arguments, **options)
    facts = (fitted.best, fitted.steps, fitted.best_step)
    torch.save((objective.model.state_dict(), facts), f"weights{os.environ['RANK']}.pt")
    return fitted

experiment.fit = fit_and_keep
sys.exit(main(["train", *sys.argv[1:]]))
"""


def test_a_model_of_takes_reads_a_new_file_of_the_device_as_its_training_takes(tmp_path: Path) -> None:
    folder = write_takes(tmp_path / "data")
    entries = scan(folder, "takes", unit="mV")
    write_manifest(Manifest(tuple(entries), tmp_path), tmp_path / "takes.jsonl")
    small = {
        "features": {"kind": "log_spectrogram", "window_ms": 40, "hop_ms": 20},
        "encoder": {"kind": "conformer", "width": 8, "blocks": 2, "heads": 2},
        "data": {"kind": "composed", "batch_size": 2},
    }
    options = {"manifest": str(tmp_path / "takes.jsonl"), "tokens": {"kind": "words"}, "fit": {"steps": 1}}
    train(from_mapping(TrainingConfig, KINDS, small | options, "test"), tmp_path / "run")
    model = emgasr.load(tmp_path / "run" / "model")
    new = folder / "takes" / "d1_a_0.npy"
    assert model.recognizer.signal.steps == (1000.0,)
    read, given = (open_single(new, facts, model.recognizer.signal) for facts in (Facts(), Facts(unit="mV")))
    np.testing.assert_array_equal(read.read(), given.read())
    transcript = model.transcribe(new)
    assert transcript.text == model.transcribe(given).text
    assert "read as at training: mV at 200 Hz; its file does not say (--rate, --unit)" in transcript.notes


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no torch.distributed")
def test_two_processes_end_with_the_same_weights_and_one_model(corpus: Path) -> None:
    (corpus / "job.py").write_text(KEEP_WEIGHTS)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "job.py"]
    # The budget is in minutes: processes whose clocks differ must still stop at the same step.
    options = [
        "--config",
        "train.yaml",
        "--fit.steps",
        "0",
        "--fit.minutes",
        "0.02",
        "--fit.device",
        "cpu",
        "--out",
        "run",
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*launch, *options], cwd=corpus, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    (one, facts), (other, same_facts) = (torch.load(corpus / f"weights{rank}.pt", weights_only=True) for rank in (0, 1))
    assert facts == same_facts
    assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert done.stdout.count("validation CER") == 1
    load_recognizer(corpus / "run" / "model")


def test_a_model_says_the_montage_that_some_of_its_recordings_say(corpus: Path) -> None:
    rewrite(corpus, 1, bands=worn(0))
    train(configured(corpus), corpus / "run")
    model = load_recognizer(corpus / "run" / "model")
    assert {band.montage for band in model.signal.bands} == {"bipolar"}
    assert "200 Hz, uV, montage: bipolar" in (corpus / "run" / "model" / "README.md").read_text()
