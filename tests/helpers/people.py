"""Several people, for tests of protocols: entries without recordings, easy recordings, and a protocol over these."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emgasr.cli.options.config import from_command_line
from emgasr.manifests.manifest import Entry, Manifest, read_manifest, write_manifest
from emgasr.protocol.config import AdaptationConfig, ProtocolConfig
from emgasr.protocol.folds import RuleConfig, make_splits
from emgasr.protocol.plan import Prepared, prepare
from emgasr.sessions.native import save_session
from emgasr.training.config import KINDS, TrainingConfig
from tests.helpers.tiny_models import easy_recording

SYSTEM = """
fit: {steps: 3, validations: 1, learning_rate: 1e-2}
tokens: {kind: keystrokes, symbols: [a, b]}
data: {kind: windows, shortest_s: 2, longest_s: 4, batch_s: 12, snap_s: 0.2}
features: {kind: log_spectrogram, window_ms: 40, hop_ms: 20}
normalize: {kind: cumulative, warmup_frames: 10}
encoder: {kind: linear}
"""


def entry(subject: str, session: str, split: str = "train", **changes: Any) -> Entry:
    """An entry of 100 s at 200 Hz whose content is told by subject and session."""
    sha256 = hashlib.sha256(f"{subject} {session}".encode()).hexdigest()
    values: dict[str, Any] = {"duration_s": 100.0, "rate_hz": 200.0, "channels": 8, "sha256": sha256}
    return Entry(
        **({"path": f"{subject}_{session}.hdf5", "corpus": "native"} | values | changes),
        subject=subject,
        session=session,
        split=split,
    )


def manifest(*entries: Entry) -> Manifest:
    return Manifest(tuple(entries), Path("/nowhere"))


def people(count: int = 4, sessions: int = 3) -> Manifest:
    return manifest(*(entry(f"p{i}", f"s{j}") for i in range(count) for j in range(sessions)))


def write_corpus(folder: Path, names: Sequence[str] = ("ann", "bob", "cat"), sessions: int = 2) -> Path:
    """Easy recordings of 16 s of people, a manifest of all of them and system.yaml, a linear model of a few steps."""
    entries = []
    for i, name in enumerate(names):
        for j in range(sessions):
            recording = easy_recording(10 * i + j, 16.0, subject=name, session=f"day{j}")
            path = folder / f"{name}{j}.hdf5"
            save_session(recording, path)
            entries.append(Entry.of(recording, path, "native"))
    write_manifest(Manifest(tuple(entries), folder), folder / "manifest.jsonl")
    (folder / "system.yaml").write_text(SYSTEM)
    return folder / "manifest.jsonl"


CONFIG = ProtocolConfig(adaptation=AdaptationConfig(minutes=(0.2, 5), steps=2))


def system(folder: Path, *options: str) -> TrainingConfig:
    return from_command_line(TrainingConfig, KINDS, ["--config", str(folder / "system.yaml"), *options], "test")


def prepared(folder: Path, out: str = "out", config: ProtocolConfig = CONFIG, **changes: Any) -> Prepared:
    corpus = read_manifest(folder / "manifest.jsonl")
    splits = make_splits(corpus, changes.pop("rule", RuleConfig(test_sessions=1)))
    systems = changes.pop("systems", {"linear": system(folder)})
    return prepare(folder / out, corpus, splits, systems, changes.pop("lists", {}), config, "the command")
