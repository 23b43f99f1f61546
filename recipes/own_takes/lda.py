"""A manifest of single takes in; how many a linear discriminant reads, for each kind of feature and centering, out.

    lda.py MANIFEST OUT [--split test]

It learns from the takes of training and, for the test, from those of validation too, having nothing to choose. With the
session's mean removed, each take is seen beside all takes of its session that are read here, whose labels play no part.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.corpora import open_entry
from emgasr.data.compose import Take, takes_from_recordings
from emgasr.errors import DataError
from emgasr.evaluation.discriminant import ShrinkageLDA, band_energies, centered, thirds_covariance
from emgasr.evaluation.results import write_results
from emgasr.manifests.identity import same_name
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Manifest, read_manifest

FEATURES = {"lda": band_energies, "lda_covariance": thirds_covariance}


def run(argv: list[str]) -> int:
    """Write results.json with a row for each kind of features, raw and centered."""
    parser = ArgumentParser(prog="lda.py", description=__doc__)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path, help="folder of results.json")
    parser.add_argument("--split", choices=(TEST, VALIDATION), default=TEST, help="what is read (test)")
    options = parser.parse_args(argv)
    manifest = read_manifest(options.manifest)
    check_disjoint(manifest)
    learned = _takes(manifest, *((TRAIN, VALIDATION) if options.split == TEST else (TRAIN,)))
    read = _takes(manifest, options.split)
    write_results(options.out / "results.json", rows_of(learned, read, options.split))
    return 0


def rows_of(learned: list[Take], read: list[Take], split: str) -> list[dict[str, Any]]:
    """Return a row for each kind of features: raw, and with the mean of each session removed (`centered`)."""
    labels, truth = [take.label for take in learned], [take.label for take in read]
    sessions = [(same_name(take.subject), same_name(take.session)) for take in (*learned, *read)]
    rows = []
    for name, features_of in FEATURES.items():
        raw = np.stack([features_of(take) for take in (*learned, *read)]).astype(np.float64)
        for way, features in (("", raw), ("_centered", centered(raw, sessions))):
            guesses = ShrinkageLDA(features[: len(learned)], labels).guess(features[len(learned) :])
            right = [guess == label for guess, label in zip(guesses, truth, strict=True)]
            counts = {"items": len(read), "labels": len(set(labels)), "trained_on": len(learned)}
            figure = {"accuracy": float(np.mean(right))}
            rows.append({"system": name + way, "split": split, "subject": "all", "seed": 0} | figure | counts)
    return rows


def _takes(manifest: Manifest, *splits: str) -> list[Take]:
    entries = [entry for split in splits for entry in manifest.split(split)]
    takes = takes_from_recordings((entry.path, open_entry(entry, manifest.root)) for entry in entries)
    if labelled := [take for take in takes if not take.rest]:
        return labelled
    raise DataError(f"split {' and '.join(splits)}", "holds no labelled take", "split the manifest otherwise")


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
