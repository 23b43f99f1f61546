"""Resumed runs: on the recordings they were started on or not at all, each change told, everybody named for good."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from emgasr.cli.options.config import from_command_line
from emgasr.config.parsing import from_mapping
from emgasr.errors import ConfigError, EmgasrError, ManifestError, ModelError, OutputError
from emgasr.evaluation.items import refuse_tuning_on_test, trained_on
from emgasr.files.output import UNFINISHED
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Entry, Manifest, read_manifest, write_manifest
from emgasr.sessions.native import save_session
from emgasr.training.config import KINDS, PersonalizeConfig, TrainingConfig
from emgasr.training.loop import FitConfig
from emgasr.training.personalize import personalize
from emgasr.training.run import train
from tests.helpers.tiny_models import easy_recording, write_easy_corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_easy_corpus(tmp_path, people=("ann", "cid", "bob")).parent


def configured(corpus: Path, *options: str) -> TrainingConfig:
    return from_command_line(TrainingConfig, KINDS, ["--config", str(corpus / "train.yaml"), *options], "test")


def begun(corpus: Path) -> None:
    train(configured(corpus), corpus / "run")


def resumed(corpus: Path, *options: str, **choices: Any) -> None:
    content = yaml.safe_load((corpus / "run" / "training.yaml").read_text())
    config = from_mapping(TrainingConfig, KINDS, content, "training.yaml")
    (corpus / "now.yaml").write_text(yaml.safe_dump(content))
    config = from_command_line(TrainingConfig, KINDS, ["--config", str(corpus / "now.yaml"), *options], "test")
    train(config, corpus / "run", resume=True, **choices)


def entries_of(corpus: Path) -> list[Entry]:
    return list(read_manifest(corpus / "manifest.jsonl").entries)


def rewritten(corpus: Path, entries: list[Entry]) -> None:
    write_manifest(Manifest(tuple(entries), corpus), corpus / "manifest.jsonl")


def one_is_taken_out(corpus: Path) -> None:
    rewritten(corpus, entries_of(corpus)[1:])


def one_is_another(corpus: Path) -> None:
    save_session(easy_recording(7, 20.0, subject="ann"), corpus / "0.hdf5")


def one_is_another_and_listed(corpus: Path) -> None:
    one_is_another(corpus)
    _, *others = entries_of(corpus)
    rewritten(corpus, [Entry.of(easy_recording(7, 20.0, subject="ann"), corpus / "0.hdf5", "native"), *others])


def one_is_called_another_person(corpus: Path) -> None:
    first, *others = entries_of(corpus)
    rewritten(corpus, [replace(first, subject="eve"), *others])


def validation_is_another(corpus: Path) -> None:
    *others, last = entries_of(corpus)
    rewritten(corpus, [*others, replace(last, session="other")])


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [one_is_taken_out, one_is_another, one_is_another_and_listed, one_is_called_another_person, validation_is_another],
)
def test_a_run_does_not_go_on_on_other_recordings_unless_told_to(change: Any, corpus: Path) -> None:
    begun(corpus)
    kept = {name: (corpus / "run" / name).read_bytes() for name in ("start.json", "checkpoint.pt", "log.jsonl")}
    change(corpus)
    with pytest.raises(ManifestError, match="--other-data"):
        resumed(corpus, "--fit.steps", "6")
    assert kept == {name: (corpus / "run" / name).read_bytes() for name in kept}
    resumed(corpus, "--fit.steps", "6", other_data=True)


def test_who_was_taken_out_is_still_named_by_card_and_list_and_counts_as_seen(corpus: Path) -> None:
    begun(corpus)
    out = entries_of(corpus)[0]
    one_is_taken_out(corpus)
    with pytest.raises(ManifestError, match=r"lacking: ann/day0"):
        resumed(corpus)
    resumed(corpus, "--fit.steps", "8", other_data=True)
    card = (corpus / "run" / "model" / "README.md").read_text()
    assert "| people trained on, ever | ann, cid |" in card
    assert "| people who chose the weights | bob |" in card
    assert lineage.people(lineage.read(corpus / "run" / "model") or ()) == ["ann", "bob", "cid"]
    tested = Manifest((replace(out, split="validation"),), corpus)
    with pytest.raises(ManifestError, match="is trained on"):
        refuse_tuning_on_test(tested, "validation", tested, "test", corpus / "run" / "model")


@pytest.mark.slow
def test_options_that_change_on_the_way_are_in_the_configuration_the_history_and_the_card(corpus: Path) -> None:
    begun(corpus)
    resumed(corpus, "--fit.steps", "8", "--fit.learning_rate", "0.005")
    content = yaml.safe_load((corpus / "run" / "training.yaml").read_text())
    assert (content["fit"]["steps"], content["fit"]["learning_rate"]) == (8, 0.005)
    resumed(corpus, "--fit.steps", "12")
    start = json.loads((corpus / "run" / "start.json").read_text())
    assert [(change["step"], change["changed"]) for change in start["changes"]] == [
        (4, {"fit.steps": [4, 8], "fit.learning_rate": [0.01, 0.005]}),
        (8, {"fit.steps": [8, 12]}),
    ]
    resumed(corpus)
    assert len(json.loads((corpus / "run" / "start.json").read_text())["changes"]) == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("features.window_ms", "50"),
        ("normalize.kind", "cumulative"),
        ("encoder.kernel", "5"),
        ("tokens.symbols", "[b,a]"),
        ("task", "letters"),
        ("init", "elsewhere"),
    ],
)
def test_what_the_checkpoint_is_of_cannot_change(option: str, value: str, corpus: Path) -> None:
    begun(corpus)
    with pytest.raises(ConfigError, match="was started with"):
        resumed(corpus, f"--{option}", value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"manifest_sha256": 1}', '{"changes": 3}', "[" * 100_000, "\xff"])
def test_a_damaged_start_is_told_in_one_line(text: str, corpus: Path) -> None:
    begun(corpus)
    (corpus / "run" / "start.json").write_text(text, encoding="latin-1")
    with pytest.raises(EmgasrError, match="does not say what the run began with"):
        resumed(corpus)


@pytest.mark.slow
def test_a_run_that_was_started_before_such_lists_were_kept_goes_on(corpus: Path) -> None:
    begun(corpus)
    path = corpus / "run" / "start.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({name: content[name] for name in ("manifest_sha256", "parameters_sha256")}))
    resumed(corpus, "--fit.steps", "6")
    assert lineage.people(lineage.read(corpus / "run" / "model") or ()) == ["ann", "bob", "cid"]


@pytest.mark.slow
def test_people_are_named_through_every_model_that_one_was_made_from(corpus: Path, tmp_path: Path) -> None:
    begun(corpus)
    other = write_easy_corpus(tmp_path / "more", people=("dee", "fay")).parent
    first = corpus / "run" / "model"
    train(configured(other, "--init", str(first)), other / "run")
    second = other / "run" / "model"
    assert lineage.people(lineage.read(second) or ()) == ["ann", "bob", "cid", "dee", "fay"]
    recordings = [easy_recording(8, 30.0, subject="gus")]
    config = PersonalizeConfig(fit=FitConfig(steps=2, validations=1))
    personalize(second, recordings, config, tmp_path / "personal")
    third = tmp_path / "personal" / "model"
    assert [e.subject for e in trained_on(third) or ()] == ["ann", "cid", "dee", "gus"]
    card = (third / "README.md").read_text()
    assert "ann, cid, dee, gus" in card
    seen, people = lineage.seen(lineage.read(third) or (), [*entries_of(corpus), *lineage.of_recordings(recordings)])
    assert (len(seen), people) == (4, [])


def test_a_model_that_tells_nobody_is_said_to_tell_nobody(corpus: Path) -> None:
    begun(corpus)
    (corpus / "run" / "model" / lineage.NAME).unlink()
    personalize(
        corpus / "run" / "model",
        [easy_recording(8, 30.0)],
        PersonalizeConfig(fit=FitConfig(steps=1)),
        corpus / "personal",
    )
    assert "does not say whose recordings shaped it" in (corpus / "personal" / "model" / "README.md").read_text()


@pytest.mark.parametrize("line", ["{", "[]", '{"subject": "a"}', "[" * 100_000, '{"path": 1}'])
def test_a_damaged_list_of_people_is_told(line: str, tmp_path: Path) -> None:
    (tmp_path / lineage.NAME).write_text(line)
    with pytest.raises(ModelError, match=lineage.NAME):
        lineage.read(tmp_path)


@pytest.mark.slow
def test_a_log_holds_each_step_once_after_a_kill_between_checkpoints(corpus: Path) -> None:
    begun(corpus)
    with (corpus / "run" / "log.jsonl").open("a") as log:
        log.write("".join(json.dumps({"step": step, "loss": 9.0}) + "\n" for step in (5, 6)) + '{"step": 7, "lo')
    resumed(corpus, "--fit.steps", "8")
    log_entries = [json.loads(line) for line in (corpus / "run" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log_entries if "loss" in entry] == list(range(1, 9))
    assert all(entry["loss"] != 9.0 for entry in log_entries if "loss" in entry)


@pytest.mark.slow
def test_tensorboard_holds_each_step_once_after_a_kill_between_checkpoints(corpus: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    begun(corpus)
    checkpoint = (corpus / "run" / "checkpoint.pt").read_bytes()
    resumed(corpus, "--fit.steps", "7")
    (corpus / "run" / "checkpoint.pt").write_bytes(checkpoint)  # as if it had been killed before it wrote another
    resumed(corpus, "--fit.steps", "9")
    events = accumulator.EventAccumulator(str(corpus / "run" / "tensorboard")).Reload()
    # The reader orders files by name, and the files of one process within one second by a counter: 10 before 9.
    assert sorted(event.step for event in events.Scalars("loss")) == list(range(1, 10))


@pytest.mark.slow
def test_a_run_that_was_stopped_before_its_first_checkpoint_begins_anew(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for resume in (False, True):
        with monkeypatch.context() as patched:
            patched.setattr("emgasr.training.loop._Fit._checkpoint", interrupted)
            with pytest.raises(KeyboardInterrupt):
                begun(corpus)
        assert (corpus / "run" / UNFINISHED).exists()
        resumed(corpus) if resume else begun(corpus)
        assert sorted(path.name for path in (corpus / "run").iterdir()) == [
            "checkpoint.pt", "log.jsonl", "model", "start.json", "tensorboard", "training.yaml"
        ]  # fmt: skip
        for path in sorted((corpus / "run").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()


def interrupted(self: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_a_run_is_not_overwritten_and_the_advice_is_one_that_can_be_taken(corpus: Path) -> None:
    begun(corpus)
    with pytest.raises(OutputError, match="already holds something; go on with `emgasr train --resume --out") as told:
        begun(corpus)
    assert "--overwrite" not in str(told.value)
    os.rename(corpus / "run" / "checkpoint.pt", corpus / "run" / "kept.pt")
    with pytest.raises(OutputError, match=r"already holds something; choose another folder$"):
        begun(corpus)
    torch.load(corpus / "run" / "kept.pt", weights_only=True)


def test_a_run_that_was_killed_and_went_on_to_its_end_is_not_marked_as_unfinished(corpus: Path) -> None:
    begun(corpus)
    (corpus / "run" / UNFINISHED).touch()  # as a kill behind the first checkpoint leaves it
    resumed(corpus, "--fit.steps", str(configured(corpus).fit.steps + 1))
    assert not (corpus / "run" / UNFINISHED).exists()
