"""Linear discriminant analysis with shrinkage on the log band energies of whole takes, for one fold: lda.py FOLD."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from emgasr.corpora import open_entry
from emgasr.data.compose import Take, takes_from_recordings
from emgasr.evaluation.results import write_results
from emgasr.frontend.features import BandPowerConfig, build_features
from emgasr.manifests.manifest import read_manifest

EDGES_HZ = (6.25, 25.0, 50.0, 75.0, 100.0)


def energies(take: Take) -> np.ndarray:
    """(electrodes * bands,) mean over the take of the log power in each band."""
    electrodes = take.samples.shape[1]
    config = BandPowerConfig(window_ms=160, hop_ms=20, edges_hz=EDGES_HZ, epsilon=8.0)
    samples = torch.from_numpy(take.samples - take.samples.mean(0))[None]
    frames, _ = build_features(config, take.rate_hz, 1, electrodes)(samples, torch.tensor([samples.shape[1]]))
    return frames[0].mean(0).flatten().numpy()


folder = Path(sys.argv[1])
manifest = read_manifest(folder / "recordings.jsonl")
splits = {}
for split in ("train", "validation", "test"):
    takes = takes_from_recordings((entry.path, open_entry(entry, manifest.root)) for entry in manifest.split(split))
    splits[split] = [take for take in takes if not take.rest]
trained = splits["train"] + splits["validation"]  # nothing is chosen on the validation people here
model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
model.fit([energies(take) for take in trained], [take.label for take in trained])
right: dict[str, list[bool]] = {}
for take, guess in zip(splits["test"], model.predict([energies(take) for take in splits["test"]]), strict=True):
    right.setdefault(take.subject, []).append(bool(guess == take.label))
rows = [
    {"system": "lda", "split": "test", "subject": subject, "accuracy": float(np.mean(values)), "seed": 0}
    for subject, values in sorted(right.items())
]
(folder / "lda" / "isolated").mkdir(parents=True)
write_results(folder / "lda" / "isolated" / "results.json", rows)
