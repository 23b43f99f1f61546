"""The systems of recipes/armbands: one protocol for all, and each of them learns takes of simulated people."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from emgasr.cli import main
from emgasr.cli.options.config import from_command_line
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.models.folder import load_recognizer
from emgasr.recording import Recording
from emgasr.sessions.native import save_session
from emgasr.simulate.words import simulate_speaker, simulate_words
from emgasr.training.config import KINDS, TrainingConfig
from tests.helpers.miniatures import native_entry

SYSTEMS = Path(__file__).resolve().parents[2] / "recipes" / "armbands" / "systems"
NAMES = ("conformer_s", "tds", "tcn", "gru", "cnn", "splashnet", "tinymyo")
LETTERS = "aovy"  # finger-spelled: takes of one posture each


def config_of(name: str) -> TrainingConfig:
    argv = ["--config", str(SYSTEMS / f"{name}.yaml"), "--fit.steps", "1"]
    return from_command_line(TrainingConfig, KINDS, argv, "test")


def test_each_file_is_a_system_of_the_benchmark() -> None:
    assert {path.stem for path in SYSTEMS.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_all_systems_share_data_losses_variation_and_statistics(name: str) -> None:
    first, config = config_of(NAMES[0]), config_of(name)
    for part in ("seed", "tokens", "data", "normalize", "objective", "augment"):
        assert getattr(config, part) == getattr(first, part)
    assert config.features.hop_ms == first.features.hop_ms  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Recording]]:
    """Two sessions of two people, the second for validation; and the recordings of the first."""
    folder, entries, trained = tmp_path_factory.mktemp("people"), [], []
    for person in (1, 2):
        speaker = simulate_speaker(person, "forearm")
        for session, split in enumerate(("train", "validation")):
            said = list(LETTERS * 5)
            recording = simulate_words(speaker, session, said, electrodes=8, rate_hz=200, pause_s=(0.3, 0.5))
            path = folder / f"{person}_{session}.hdf5"
            save_session(recording, path)
            shape = {"duration_s": recording.duration_s, "rate_hz": 200.0, "channels": 8}
            entries.append(native_entry(path, subject=speaker.subject, session=str(session), split=split, **shape))
            trained += [recording] * (split == "train")
    write_manifest(Manifest(tuple(entries), folder), folder / "manifest.jsonl")
    return folder / "manifest.jsonl", trained


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_system_learns_the_takes_of_simulated_people(name: str, corpus: tuple[Path, list[Recording]]) -> None:
    manifest, recordings = corpus
    out = manifest.parent / name
    steps = "150" if name == "tinymyo" else "60"  # what electrodes hear in common it has to find in the samples
    budget = ["--fit.steps", steps, "--data.batch_size", "16", "--fit.device", "cpu", "--quiet"]
    assert main(["train", str(manifest), "--config", str(SYSTEMS / f"{name}.yaml"), "--out", str(out), *budget]) == 0
    model = load_recognizer(out / "model").eval()
    right = []
    for recording in recordings:
        spans = recording.spans
        for start_s, end_s, label in zip(spans.start_s, spans.end_s, spans.texts, strict=True):
            take = torch.from_numpy(recording.read(float(start_s), float(end_s)))[None]
            with torch.inference_mode():
                log_probs, _ = model(take - take.mean(1, keepdim=True), torch.tensor([take.shape[1]]))
            best = 1 + int(log_probs[0, :, 1:].mean(0).argmax())
            right.append(model.tokens.symbols_of([best])[0] == label)
    assert sum(right) / len(right) > 0.6  # chance is 0.25
