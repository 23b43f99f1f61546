"""Linear discriminant analysis with shrinkage on the log band energies of whole takes, for one fold: lda.py FOLD."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from emgasr.corpora import open_entry
from emgasr.data.compose import takes_from_recordings
from emgasr.evaluation.discriminant import ShrinkageLDA, band_energies
from emgasr.evaluation.results import write_results
from emgasr.manifests.manifest import read_manifest

folder = Path(sys.argv[1])
manifest = read_manifest(folder / "recordings.jsonl")
splits = {}
for split in ("train", "validation", "test"):
    takes = takes_from_recordings((entry.path, open_entry(entry, manifest.root)) for entry in manifest.split(split))
    splits[split] = [take for take in takes if not take.rest]
trained = splits["train"] + splits["validation"]  # nothing is chosen on the validation people here
model = ShrinkageLDA(np.stack([band_energies(take) for take in trained]), [take.label for take in trained])
guesses = model.guess(np.stack([band_energies(take) for take in splits["test"]]))
right: dict[str, list[bool]] = {}
for take, guess in zip(splits["test"], guesses, strict=True):
    right.setdefault(take.subject, []).append(guess == take.label)
rows = [
    {"system": "lda", "split": "test", "subject": subject, "accuracy": float(np.mean(values)), "seed": 0}
    for subject, values in sorted(right.items())
]
(folder / "lda" / "isolated").mkdir(parents=True)
write_results(folder / "lda" / "isolated" / "results.json", rows)
