"""Classifiers of windows as systems of a protocol: folds, leaks, resuming, amounts, and tables beside networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.classifiers.config import KINDS, ClassifyConfig
from emgasr.cli import main
from emgasr.cli.options.config import from_command_line
from emgasr.errors import ConfigError, DataError, EmgasrError
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.manifests import lineage
from emgasr.manifests.manifest import Entry, Manifest, read_manifest, write_manifest
from emgasr.models.conformer import ConformerEncoder
from emgasr.models.encoder import FrameShape
from emgasr.models.pretrained import PretrainedConfig, save_pretrained
from emgasr.protocol.amounts import Amount, chosen
from emgasr.protocol.config import AdaptationConfig, ProtocolConfig
from emgasr.protocol.folds import RuleConfig, make_splits, write_splits
from emgasr.protocol.plan import Prepared, prepare, run
from emgasr.protocol.report import write_report
from emgasr.protocol.results import PersonResult
from emgasr.recording import Band, Recording, Spans
from emgasr.sessions.native import save_session
from tests.helpers.jobs import Here
from tests.helpers.pretext import CONFIG

pytest.importorskip("sklearn")

GESTURES = ("fist", "flexion", "spread")
PEOPLE = ("ann", "bob", "cat")
ADAPTED = ProtocolConfig(
    unlabelled_seconds="all",
    adaptation=AdaptationConfig(minutes=(0.1, 9.0), repetitions=(1,), shares=(0.05, 1.0), methods=("head", "all")),
)


def series(subject: str, session: str, rounds: int = 2) -> Recording:
    """Gestures of 0.5 s and rest in turn, at 200 Hz: each gesture is loud on an electrode, of a level of the person."""
    rng = np.random.default_rng([*subject.encode(), *session.encode()])
    samples, spans = [], []
    for number in range(rounds * len(GESTURES)):
        loud = np.array([1.0, 1.0, 1.0])
        loud[number % 3] = 10
        samples += [rng.standard_normal((100, 3)) * loud, rng.standard_normal((100, 3))]
        spans += [(number, number + 0.5, "gesture", GESTURES[number % 3]), (number + 0.5, number + 1, "rest", "rest")]
    gain = 1 + 0.3 * PEOPLE.index(subject)
    joined = (gain * np.concatenate(samples)).astype(np.float32)
    return Recording(
        joined, 200.0, "uV", (Band.numbered("arm", 3, ring=True),), subject, session, spans=Spans.of(spans)
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("gestures")
    entries = []
    for subject in PEOPLE:
        for session in ("d1", "d2"):
            path = folder / f"{subject}_{session}.hdf5"
            save_session(series(subject, session), path)
            entries.append(Entry.of(open_entry_of(path), path, "native"))
    write_manifest(Manifest(tuple(entries), folder), folder / "manifest.jsonl")
    return read_manifest(folder / "manifest.jsonl")


def open_entry_of(path: Path) -> Recording:
    from emgasr.corpora.native import open_recording

    return open_recording(path)


def system(*options: str) -> ClassifyConfig:
    return from_command_line(ClassifyConfig, KINDS, options, "test")


def made(corpus: Manifest, root: Path, config: ProtocolConfig = ADAPTED, **systems: Any) -> Prepared:
    splits = make_splits(corpus, RuleConfig(test_sessions=1))
    return prepare(root, corpus, splits, systems or {"lda": system()}, {}, config, "the command")


@pytest.fixture(scope="module")
def done(corpus: Manifest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[PersonResult]]:
    root = tmp_path_factory.mktemp("run")
    systems = {"lda": system(), "knn": system("--classifier.kind", "knn", "--classifier.neighbors", "5")}
    return root, run(made(corpus, root, **systems), Here())


@pytest.mark.slow
def test_people_never_seen_are_read_with_every_amount_that_they_have(done: Any) -> None:
    _, results = done
    cells = {(r.cell.sessions, r.cell.method, r.cell.minutes, r.cell.amount) for r in results if r.cell.system == "lda"}
    assert cells == {
        ("test", "none", 0.0, ""),
        ("all", "none", 0.0, ""),
        ("test", "all", 0.1, ""),  # nine minutes nobody has, and the method head is one of networks
        ("test", "all", 0.0, "1 repetition"),
        ("test", "all", 0.0, "5 % of takes"),
        ("test", "all", 0.0, "100 % of takes"),
    }
    assert {r.subject for r in results} == set(PEOPLE)
    plain = [r for r in results if r.cell.method == "none" and r.cell.sessions == "test"]
    assert min(r.figures["execution_accuracy"] for r in plain) == 1.0
    assert min(r.figures["window_accuracy"] for r in plain) > 0.7  # the first windows of each still see the rest before
    assert {r.row["train_people"] for r in plain} == {2}
    takes = {r.cell.amount: r.row["adaptation"]["takes"] for r in results if r.cell.method == "all"}
    assert takes["1 repetition"] == 4  # rest too
    assert (takes["5 % of takes"], takes["100 % of takes"]) == (1, 12)


def test_windows_executions_and_rest_stand_in_one_table_with_the_worst_person(done: Any) -> None:
    root, results = done
    write_report(root, results, "A title")
    text = (root / "RESULTS.md").read_text()
    (head,) = {line for line in text.splitlines() if line.startswith("| system") and "right a window" in line}
    for told in ("right an execution", "labels alike", "false activations a minute of rest"):
        assert told in head
    first, then = (text.index(f"### {head}") for head in ("Windows, executions and rest", "What is written, greedy"))
    assert first < then
    assert "decides window by window" not in text
    flickering = [PersonResult.of(dict(result.row) | {"wer_greedy": 2.5}) for result in results]
    write_report(root, flickering, "A title")
    assert "decides window by window" in (root / "RESULTS.md").read_text()
    assert "1 repetition" in text
    assert any(f"{name} |" in text for name in PEOPLE)
    assert "| right a window | lda − knn |" in text.replace("knn − lda", "lda − knn")


def test_a_second_run_does_what_is_missing_and_finds_the_same(corpus: Manifest, tmp_path: Path) -> None:
    few = replace(ADAPTED, adaptation=AdaptationConfig(methods=()))
    first = run(made(corpus, tmp_path, few), Here())
    again = Here()
    assert run(made(corpus, tmp_path, few), again) == first
    assert again.seen == []
    (tmp_path / "jobs/lda/ann/seed0/none-0/result.json").unlink()
    assert run(made(corpus, tmp_path, few), again) == first
    assert again.seen == ["lda/ann/seed0/none-0"]


@pytest.mark.slow
def test_a_test_person_among_those_learned_from_is_refused(corpus: Manifest, tmp_path: Path) -> None:
    prepared = made(corpus, tmp_path)
    learned = tmp_path / "folds" / "ann" / "learned.jsonl"
    held_out = read_manifest(learned.parent / "held_out.jsonl")
    manifest = read_manifest(learned)
    leak = replace(held_out.entries[-1], split="train", path=str(held_out.file(held_out.entries[-1])))
    write_manifest(replace(manifest, entries=(*manifest.entries, leak)), learned)
    with pytest.raises(DataError, match=r"lda for ann: the weights were fitted on ann/d[12], which is held out"):
        run(prepared, Here())


def encoders(corpus: Manifest, folder: Path) -> str:
    """An encoder for each fold, of weights drawn at random, that the fold's training people are said to have shaped."""
    made = PretrainedConfig(normalize=NormalizeConfig(kind="adaptive"), encoder=CONFIG)
    for fold in make_splits(corpus, RuleConfig(test_sessions=1)).folds:
        torch.manual_seed(0)
        entries = [entry for entry in corpus.entries if entry.subject != fold.name]
        (folder / fold.name).mkdir(parents=True)
        lineage.write(lineage.of_entries(entries, "train"), folder / fold.name)
        network = ConformerEncoder(CONFIG, FrameShape(1, 8, made.bins))
        save_pretrained(made, network, folder / fold.name, "# An encoder\n")
    return str(folder / "{fold}")


def test_a_classifier_reads_what_each_folds_own_encoder_makes_of_the_signal(corpus: Manifest, tmp_path: Path) -> None:
    options = ("--classifier.kind", "lda", "--features.of", "encoder", "--features.encoder")
    one = system(*options, encoders(corpus, tmp_path / "encoders"))
    results = run(made(corpus, tmp_path / "out", pretrained=one), Here())
    plain = [r for r in results if r.cell.method == "none" and r.cell.sessions == "test"]
    assert {r.subject for r in plain} == set(PEOPLE)
    assert min(r.figures["execution_accuracy"] for r in plain) > 0.7  # of four labels; the weights have learned nothing


def test_an_encoder_that_a_test_person_shaped_is_refused_before_anything_starts(
    corpus: Manifest, tmp_path: Path
) -> None:
    encoders(corpus, tmp_path / "encoders")
    options = ("--classifier.kind", "lda", "--features.of", "encoder", "--features.encoder")
    one = system(*options, str(tmp_path / "encoders" / "ann"))
    with pytest.raises(EmgasrError, match=r"system pretrained, fold bob: .*bob"):
        made(corpus, tmp_path / "out", pretrained=one)
    assert not (tmp_path / "out" / "jobs").exists()


def test_windows_of_another_fold_are_not_learned_from(corpus: Manifest, tmp_path: Path) -> None:
    few = replace(ADAPTED, adaptation=AdaptationConfig(methods=()))
    run(made(corpus, tmp_path, few), Here())
    front_end = tmp_path / "jobs/lda/{}/seed0/train/run/front_end.yaml"
    Path(str(front_end).format("ann")).write_text(Path(str(front_end).format("bob")).read_text())
    (tmp_path / "jobs/lda/ann/seed0/none-0/result.json").unlink()
    with pytest.raises(DataError, match="learned from other recordings than the fold's"):
        run(made(corpus, tmp_path, few), Here())


def test_a_language_model_is_not_for_classifiers(corpus: Manifest, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="system lda: lda is a classifier of windows"):
        made(corpus, tmp_path, replace(ADAPTED, lm="lm.arpa", lm_text=("text",)))


@pytest.mark.slow
def test_the_unlabelled_seconds_are_those_that_networks_get(corpus: Manifest, tmp_path: Path) -> None:
    heard = {}
    for seconds in (0.0, 2.0, "all"):
        config = ProtocolConfig(unlabelled_seconds=seconds, adaptation=AdaptationConfig(methods=()))  # type: ignore[arg-type]
        results = run(made(corpus, tmp_path / str(seconds), config), Here())
        heard[seconds] = {r.unlabelled.most for r in results if r.cell.sessions == "test" and r.unlabelled}
    assert heard == {0.0: {0.0}, 2.0: {2.0}, "all": {6.0}}


def test_takes_are_chosen_label_by_label_from_the_earliest_session_on(corpus: Manifest) -> None:
    own = [entry for entry in corpus.entries if entry.subject == "ann"]

    def labels(amount: Amount) -> list[str]:
        found = chosen(amount, own, corpus, 0.0, 0.0)
        assert found is not None
        assert {recording.session for recording in found.recordings} <= {"d1", "d2"}
        return [text for recording in found.recordings for text in recording.spans.texts]

    assert labels(Amount(repetitions=1)) == ["fist", "rest", "flexion", "spread"]
    assert labels(Amount(share=4 / 24)) == ["fist", "rest", "flexion", "spread"]
    assert sorted(labels(Amount(share=1.0))) == sorted([*GESTURES * 4, *["rest"] * 12])
    assert chosen(Amount(repetitions=9), own, corpus, 0.0, 0.0) is None
    assert chosen(Amount(repetitions=1), [], corpus, 0.0, 0.0) is None


@pytest.mark.slow
def test_the_command_line_takes_options_and_files_of_classifiers(
    corpus: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("emgasr.protocol.engines.local.LocalEngine", lambda workers, threads, preload: Here(workers))
    write_splits(make_splits(corpus, RuleConfig()), tmp_path / "splits.json")
    (tmp_path / "powers.yaml").write_text("classifier: {kind: lda}\nfeatures: {of: band_power}\n")
    words = ["protocol", "run", str(corpus.root / "manifest.jsonl"), str(tmp_path / "splits.json"), "--quiet"]
    words += ["--system", f"powers={tmp_path / 'powers.yaml'}", "--system", "td=--classifier.kind lda"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    assert "powers" in capsys.readouterr().out
    wrong = [*words[:4], "--system", "x=--classifier.kind svn", "--out", str(tmp_path / "other")]
    assert main(wrong) != 0
    assert "svn" in capsys.readouterr().err
