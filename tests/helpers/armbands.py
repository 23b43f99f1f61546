"""Two small corpora of armbands of different layouts: gestures that any front end can tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emgasr.manifests.manifest import Entry, Manifest, write_manifest
from emgasr.recording import Band, Recording, Spans
from emgasr.sessions.native import save_session

LABELS = ("fist", "flexion", "spread")
CORPORA = {"myo": (200.0, 8), "bar": (500.0, 10)}


def recording(corpus: str, subject: str, seed: int = 0) -> Recording:
    """Six gestures of a second, with rest between; each makes other electrodes loud."""
    rate_hz, electrodes = CORPORA[corpus]
    rng = np.random.default_rng((seed, *subject.encode()))
    samples = rng.standard_normal((round(12 * rate_hz), electrodes)).astype(np.float32)
    spans = []
    for number in range(6):
        label, first = LABELS[number % 3], 2 * number + 1
        place = (electrodes * (number % 3)) // 3
        samples[round(first * rate_hz) : round((first + 1) * rate_hz), place : place + 2] *= 12
        spans.append((first, first + 1.0, "gesture", label))
    bands = (Band.numbered("arm", electrodes, ring=True),)
    return Recording(samples, rate_hz, "counts", bands, subject, "s", spans=Spans.of(spans))


def write_corpora(root: Path) -> tuple[Path, Path]:
    """Write a manifest for each corpus: four people to train on, two who judge."""
    made = []
    for corpus in CORPORA:
        entries = []
        for person in "abcdef":
            one = recording(corpus, f"{corpus}_{person}")
            path = root / f"{corpus}_{person}.hdf5"
            save_session(one, path)
            entries.append(Entry.of(one, path, "native", "validation" if person in "ef" else "train"))
        write_manifest(Manifest(tuple(entries), root, ("subject",)), root / f"{corpus}.jsonl")
        made.append(root / f"{corpus}.jsonl")
    return made[0], made[1]
