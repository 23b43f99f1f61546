"""Two small corpora of different layouts, for tests of pretraining runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.manifests.manifest import Entry, Manifest, write_manifest
from emgasr.sessions.native import save_session
from tests.pretraining.test_objective import recording


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A manifest of eight electrodes at 200 Hz and one of ten at 500 Hz: four people to train on, two who judge."""
    root = tmp_path_factory.mktemp("corpora")
    made = []
    for corpus in ("myo", "bar"):
        entries = []
        for person in "abcdef":
            one = recording(corpus, f"{corpus}_{person}")
            path = root / f"{corpus}_{person}.hdf5"
            save_session(one, path)
            split = "validation" if person in "ef" else "train"
            entries.append(Entry.of(one, path, "native", split))
        write_manifest(Manifest(tuple(entries), root, ("subject",)), root / f"{corpus}.jsonl")
        made.append(root / f"{corpus}.jsonl")
    return made[0], made[1]
