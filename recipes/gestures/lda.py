"""Linear discriminant analysis with shrinkage over the folds of a split file, with and without a person's own takes.

    lda.py MANIFEST SPLITS MINUTES[,MINUTES…] OUT

Features are the mean log band energies of a whole take. Writes rows for `emgasr protocol report --rows`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora import open_entry
from emgasr.data.compose import takes_from_recordings
from emgasr.errors import ConfigError
from emgasr.evaluation.discriminant import ShrinkageLDA, band_energies
from emgasr.files.output import replacing
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry, Manifest, read_manifest
from emgasr.protocol.adaptation import earliest
from emgasr.protocol.folds import CALIBRATION, read_splits

OWN_WEIGHT = 10.0  # a person's own take counts as so many of others


def takes_of(manifest: Manifest, entry: Entry, seconds: float | None = None) -> list[tuple[np.ndarray, str]]:
    """Features and label of each take of a recording, or of its first `seconds`."""
    recording = open_entry(entry, manifest.root).segment(0.0, seconds)
    return [
        (band_energies(take), take.label) for take in takes_from_recordings([(entry.path, recording)]) if not take.rest
    ]


def run(argv: list[str]) -> int:
    """Write a row for each test person, without and with each number of minutes of their own."""
    parser = ArgumentParser(prog="lda.py", description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("splits", type=Path)
    parser.add_argument("minutes")
    parser.add_argument("out", type=Path)
    parser.add_argument("--shortfall", type=float, default=0.02, help="share of the minutes that may be lacking")
    options = parser.parse_args(argv)
    manifest, splits = read_manifest(options.manifest), read_splits(options.splits)
    splits.check_made_of(manifest)
    if any(entry.part_s for fold in splits.folds for entry in splits.entries(fold, manifest)):
        raise ConfigError(options.splits, "cuts recordings in time", "hold out people or sessions")
    known = {entry.path: takes_of(manifest, entry) for entry in manifest.entries}
    rows: list[dict[str, Any]] = []
    for fold in splits.folds:
        entries = splits.entries(fold, manifest)
        others = [take for e in entries if e.split in (TRAIN, VALIDATION) for take in known[e.path]]
        plain = _model(others, [])
        for subject in sorted({entry.subject for entry in entries if entry.split == TEST}):
            own = [entry for entry in entries if entry.subject == subject]
            start = {"system": "lda", "fold": fold.name, "subject": subject, "list": "isolated", "seed": 0}
            tested = [take for e in own if e.split == TEST for take in known[e.path]]
            calibrating = [e for e in own if e.split == CALIBRATION]
            rows.append(start | {"sessions": "test", "method": "none", "minutes": 0.0} | _figures(plain, tested))
            if any(other.calibration for other in splits.folds):
                everything = [take for e in own for take in known[e.path]]
                rows.append(start | {"sessions": "all", "method": "none", "minutes": 0.0} | _figures(plain, everything))
            for minutes in map(float, options.minutes.split(",")):
                chosen = earliest(calibrating, minutes, 0.0, options.shortfall)
                mine = [take for e, seconds in chosen for take in takes_of(manifest, e, seconds)]
                if mine:
                    step = {"sessions": "test", "method": "all", "minutes": minutes}
                    rows.append(start | step | _figures(_model(others, mine), tested))
    with replacing(options.out) as path:
        path.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")
    return 0


def _model(others: Sequence[tuple[np.ndarray, str]], own: Sequence[tuple[np.ndarray, str]]) -> ShrinkageLDA:
    takes = [*others, *own]
    weights = np.array([1.0] * len(others) + [OWN_WEIGHT] * len(own))
    return ShrinkageLDA(np.stack([features for features, _ in takes]), [label for _, label in takes], weights)


def _figures(model: ShrinkageLDA, takes: Sequence[tuple[np.ndarray, str]]) -> dict[str, Any]:
    guesses = model.guess(np.stack([features for features, _ in takes]))
    right = [guess == label for guess, (_, label) in zip(guesses, takes, strict=True)]
    return {"accuracy": float(np.mean(right)), "keys": len(takes), "items": len(takes)}


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
