"""Alignment with pose beside muscles: it reads by muscles alone; who or what is held out is in no teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import main
from emgasr.corpora import open_entry
from emgasr.corpora.beside import open_beside
from emgasr.crossmodal.model import load_aligned
from emgasr.crossmodal.takes import likeness_of_takes
from emgasr.crossmodal.teachers.pose_network import PoseConfig
from emgasr.crossmodal.teachers.pose_training import PoseTraining, train_pose_teacher
from emgasr.crossmodal.teachers.signal import taught_windows
from emgasr.data.compose import takes_from_recordings
from emgasr.manifests import lineage
from emgasr.manifests.manifest import BESIDE, Manifest, read_manifest, write_manifest
from emgasr.recording import Signal
from emgasr.training.loop import FitConfig
from tests.helpers.armbands import LABELS, recording, write_corpora

RATE_HZ = 50.0
POSE = PoseConfig(window_s=0.4, frame_rate_hz=20, patch_frames=2, width=16, blocks=1, heads=2, batch_size=16)
FIT = FitConfig(steps=30, warmup_steps=5, validations=1, learning_rate=5e-3, device="cpu", restart_at=0.0)
SMALL = (
    "--encoder.queries 2 --encoder.embedding 8 --encoder.heads 2 --encoder.conformer.width 16 --seed 3 --quiet",
    "--encoder.conformer.blocks 1 --encoder.conformer.heads 2 --encoder.conformer.mixer-channels 8",
    "--takes.batch-size 16 --fit.validations 2 --teacher.kind pose --loss.soft-weight 0.2 --loss.clusters 4",
)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight electrodes with three joints beside, of which each gesture bends another."""
    root = tmp_path_factory.mktemp("pose")
    path, _ = write_corpora(root)
    whole = read_manifest(path)
    entries = []
    for number, entry in enumerate(whole.entries):
        one = open_entry(entry, root)
        pose = np.random.default_rng(number).normal(0, 0.1, (round(one.duration_s * RATE_HZ), 3)).astype(np.float32)
        for start, end, label in zip(one.spans.start_s, one.spans.end_s, one.spans.texts, strict=True):
            pose[round(start * RATE_HZ) : round(end * RATE_HZ), LABELS.index(label)] += 5
        np.save(root / f"{number}.npy", pose)
        beside = {"file": f"{number}.npy", "rate_hz": RATE_HZ, "kind": "pose"}
        entries.append(replace(entry, options={**entry.options, BESIDE: beside}))
    write_manifest(Manifest(tuple(entries), root, whole.claims), path)
    return path


def teacher_of(manifest: Path, out: Path, left_out: tuple[str, ...] = (), split: str = "train") -> Path:
    found = read_manifest(manifest)
    entries = found.split(split)
    pairs = [(open_entry(entry, found.root), open_beside(entry, found.root)) for entry in entries]
    whole = [(one, beside) for one, beside in pairs if beside is not None]
    assert len(whole) == len(pairs)
    taught = taught_windows(whole, POSE.window_s, POSE.frame_rate_hz, POSE.relative, left_out)
    train_pose_teacher(taught, PoseTraining(POSE, FIT), out, shaped_by=lineage.of_entries(entries, "train"))
    return out / "pose_teacher"


@pytest.fixture(scope="module")
def teacher(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return teacher_of(manifest, tmp_path_factory.mktemp("teacher"))


def align(manifest: Path, teacher: Path, out: Path, more: str, code: int = 0) -> Path:
    arguments = [
        "align",
        str(manifest),
        "--teacher.folder",
        str(teacher),
        "--out",
        str(out),
        *more.split(),
        *" ".join(SMALL).split(),
    ]
    assert main(arguments) == code
    return out


def test_people_never_seen_are_read_by_muscles_alone(manifest: Path, teacher: Path, tmp_path: Path) -> None:
    more = "--fit.steps 80 --fit.learning-rate 1e-2 --loss.reconstruction-weight 0.2"
    found = load_aligned(align(manifest, teacher, tmp_path / "run", more) / "aligned")
    assert found.config.gestures == LABELS
    one = recording("myo", "myo_z", seed=9)
    reader = found.reader(Signal.of(one))
    gallery = reader.head.weight.detach()[1:] / found.config.scale
    likeness = likeness_of_takes(reader, takes_from_recordings([("z", one)]), gallery)
    assert reader.tokens.symbols_of((1 + likeness.argmax(1)).tolist()) == list(one.spans.texts)


def test_who_shaped_the_teacher_is_in_the_lineage_of_what_is_aligned_with_it(
    manifest: Path, teacher: Path, tmp_path: Path
) -> None:
    whole = read_manifest(manifest)
    kept = [entry for entry in whole.entries if entry.subject != "myo_a"]
    fewer = manifest.parent / "fewer.jsonl"
    write_manifest(Manifest(tuple(kept), whole.root, whole.claims), fewer)
    out = align(fewer, teacher, tmp_path / "run", "--fit.steps 2")
    assert "myo_a" in lineage.people(lineage.read(out / "aligned") or ())


def test_a_teacher_that_has_seen_what_is_held_out_is_refused(
    manifest: Path, teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    align(manifest, teacher, tmp_path / "a", "--fit.steps 2 --left-out [fist]", code=2)
    assert "has seen fist, which is left out here" in capsys.readouterr().err
    other = teacher_of(manifest, tmp_path / "other", split="validation")
    align(manifest, other, tmp_path / "b", "--fit.steps 2", code=2)
    assert "was trained on myo_e, who is held out here (2 such people)" in capsys.readouterr().err


def test_texts_have_no_parts_to_guess(manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--teacher.kind", "bag_of_words", "--loss.reconstruction-weight", "0.1", "--fit.steps", "2"]
    assert main(["align", str(manifest), "--out", str(tmp_path / "run"), *more]) == 2
    assert "a teacher of kind bag_of_words has no parts to guess" in capsys.readouterr().err
