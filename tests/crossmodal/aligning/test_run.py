"""An alignment: what it writes and how it reads, what was left out, going on to the bit, and what cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from emgasr.cli import main
from emgasr.crossmodal.model import AlignedModel, load_aligned
from emgasr.errors import DataError, ModelError
from emgasr.manifests import lineage
from emgasr.recording import Signal
from emgasr.training import loop
from tests.helpers.armbands import recording, write_corpora

DESCRIPTIONS = """
concepts:
  fist:
    fingers: ["all fingers are curled", "the fingers are closed"]
    name: [fist]
    held_out: [{view: name, text: "a closed hand"}]
  wrist_flexion:
    wrist: ["the wrist bends towards the palm"]
    name: [flexion]
  spread:
    fingers: ["the fingers are spread", "all fingers are straight"]
    name: [spread hand]
  rest:
    name: [rest, nothing]
labels: {flexion: wrist_flexion}
"""
SIZES = "--encoder.queries 2 --encoder.embedding 8 --encoder.heads 2 --encoder.conformer.width 16"
SMALL = (
    f"{SIZES} --encoder.conformer.blocks 1 --encoder.conformer.heads 2 --encoder.conformer.mixer-channels 8 "
    "--takes.batch-size 8 --fit.validations 2 --seed 3 --quiet --teacher.kind bag_of_words"
).split()


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("corpora")
    (root / "gestures.yaml").write_text(DESCRIPTIONS)
    return write_corpora(root)


def align(out: Path, *manifests: Path, more: str = "--fit.steps 6", code: int = 0) -> Path:
    described = ["--descriptions", str(manifests[0].parent / "gestures.yaml")] if manifests else []
    assert main(["align", *map(str, manifests), *described, "--out", str(out), *more.split(), *SMALL]) == code
    return out


@pytest.fixture(scope="module")
def aligned(corpora: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return align(
        tmp_path_factory.mktemp("run") / "run",
        *corpora,
        more="--fit.steps 100 --fit.learning-rate 1e-2 --loss.soft-weight 0",
    )


@pytest.fixture(scope="module")
def model(aligned: Path) -> AlignedModel:
    return load_aligned(aligned / "aligned")


def test_it_reads_people_never_seen_by_what_labels_mean(model: AlignedModel) -> None:
    assert model.config.gestures == ("fist", "spread", "wrist_flexion")
    signal = Signal.of(recording("myo", "myo_z"))
    reader = model.with_labels(["spread", "flexion", "fist"], signal)
    one = recording("myo", "myo_z", seed=9)
    emissions = reader.emissions(one)
    times_s = reader.frame_times_s(len(emissions))
    right = 0
    for start, end, label in zip(one.spans.start_s, one.spans.end_s, one.spans.texts, strict=True):
        within = (times_s > start + 0.5) & (times_s <= end)
        guess = reader.tokens.symbols_of([1 + int(emissions[within, 1:].mean(0).argmax())])[0]
        right += guess == label
    assert right >= 5


def test_texts_of_training_need_no_teacher_and_are_what_it_gives(model: AlignedModel) -> None:
    stored = model.embed_texts(model.config.texts)
    told = torch.from_numpy(model.teacher.embed(model.config.texts))
    anew = told @ model.projection.T + model.offset
    assert stored == pytest.approx(torch.nn.functional.normalize(anew, dim=1).numpy(), abs=1e-6)
    assert np.linalg.norm(stored, axis=1) == pytest.approx(np.ones(len(stored)), abs=1e-5)


def test_what_is_left_out_is_trained_by_nobody_and_can_be_read_from_its_description(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = align(tmp_path / "run", *corpora, more="--fit.steps 4 --left-out [spread]")
    assert "24 takes of spread left out" in capsys.readouterr().err
    found = load_aligned(out / "aligned")
    assert found.config.gestures == ("fist", "wrist_flexion")
    assert not set(found.config.texts) & set(found.descriptions.texts("spread"))
    signal = Signal.of(recording("bar", "bar_z"))
    reader = found.with_labels(["spread", "fist"], signal)
    assert np.isfinite(reader.emissions(recording("bar", "bar_z"))).all()
    assert "| gestures left out | spread |" in (out / "aligned" / "README.md").read_text()


def test_its_people_are_in_its_lineage(aligned: Path) -> None:
    people = {entry.subject for entry in lineage.read(aligned / "aligned") or ()}
    assert people == {f"{corpus}_{person}" for corpus in ("myo", "bar") for person in "abcdef"}


def test_a_run_that_was_stopped_goes_on_to_the_bit(
    corpora: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = align(tmp_path / "whole", *corpora, more="--fit.steps 8")
    step, taken = loop._Fit._step, []  # type: ignore[attr-defined]

    def stopping(self: object, batch: object) -> None:
        if len(taken) == 5:
            raise KeyboardInterrupt
        taken.append(1)
        step(self, batch)

    monkeypatch.setattr(loop._Fit, "_step", stopping)
    align(tmp_path / "cut", *corpora, more="--fit.steps 8", code=130)
    monkeypatch.setattr(loop._Fit, "_step", step)
    assert main(["align", "--out", str(tmp_path / "cut"), "--resume", "--quiet"]) == 0
    logs = [
        [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()] for run in (whole, tmp_path / "cut")
    ]
    losses = [[entry["loss"] for entry in log if "loss" in entry] for log in logs]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 8


@pytest.mark.parametrize(
    ("labels", "wrong"),
    [
        (["fist", "fist"], "'fist' and 'fist' are the same"),
        (["flexion", "wrist_flexion"], "'flexion' and 'wrist_flexion' are the same"),
        (["rest"], "there is none but rest"),
        (["zzqy"], "zzqy"),
    ],
)
def test_labels_that_cannot_be_told_apart_or_embedded_are_refused(
    model: AlignedModel, labels: list[str], wrong: str
) -> None:
    with pytest.raises(DataError, match=wrong):
        model.with_labels(labels, Signal.of(recording("myo", "z")))


def test_a_layout_that_nobody_trained_is_refused_with_those_that_are_read(model: AlignedModel) -> None:
    strange = Signal(1000.0, "counts", Signal.of(recording("myo", "z")).bands)
    with pytest.raises(
        ModelError, match=r"reads 10 electrodes at 500 Hz in counts; 8 electrodes at 200 Hz in counts, not"
    ):
        model.embedder(strange)


def test_a_label_without_a_description_is_refused_before_anything_is_written(
    corpora: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "gestures.yaml"
    short.write_text(DESCRIPTIONS.replace("  spread:\n", "  open_hand:\n"))
    arguments = ["align", str(corpora[0]), "--descriptions", str(short), "--out", str(tmp_path / "run"), *SMALL]
    assert main([*arguments, "--fit.steps", "2"]) == 2
    assert "spread" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_damaged_folders_are_refused(aligned: Path, tmp_path: Path) -> None:
    copy = tmp_path / "aligned"
    shutil.copytree(aligned / "aligned", copy)
    (copy / "text.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="cannot be read"):
        load_aligned(copy)
    (copy / "config.yaml").unlink()
    with pytest.raises(ModelError, match=r"is no aligned encoder \(no config.yaml\)"):
        load_aligned(copy)


def test_a_linear_map_beside_the_queries_reads_people_never_seen(corpora: tuple[Path, Path], tmp_path: Path) -> None:
    more = "--fit.steps 1 --encoder.image true --encoder.regressed 6 --encoder.regressed-share 1.0"
    found = load_aligned(align(tmp_path / "run", *corpora, more=more) / "aligned")
    rows = found.embed_texts(found.config.texts)
    assert rows.shape[1] == 8 + 6
    assert np.linalg.norm(rows[:, 8:], axis=1) == pytest.approx(np.ones(len(rows)), abs=1e-5)
    one = recording("myo", "myo_z", seed=9)
    reader = found.with_labels(["spread", "flexion", "fist"], Signal.of(one))
    emissions = reader.emissions(one)
    times_s = reader.frame_times_s(len(emissions))
    right = 0
    for start, end, label in zip(one.spans.start_s, one.spans.end_s, one.spans.texts, strict=True):
        within = (times_s > start + 0.5) & (times_s <= end)
        right += reader.tokens.symbols_of([1 + int(emissions[within, 1:].mean(0).argmax())])[0] == label
    assert right >= 5
