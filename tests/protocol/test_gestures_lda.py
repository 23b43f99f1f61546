"""The recipe's shrinkage LDA: scikit-learn's, and rows of every fold that the protocol's report can read."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from emgasr.corpora import scan
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.protocol.folds import RuleConfig, make_splits, write_splits
from emgasr.protocol.results import PersonResult
from emgasr.protocol.tables import over_people
from tests.helpers.miniatures import write_spans
from tests.helpers.scripts import script


@pytest.fixture(scope="module")
def lda() -> ModuleType:
    return script("recipes/gestures/lda.py")


def test_it_is_scikit_learns(lda: ModuleType) -> None:
    reference = pytest.importorskip("sklearn.discriminant_analysis").LinearDiscriminantAnalysis
    rng = np.random.default_rng(0)
    labels = [name for name in "abc" for _ in range(12)]
    features = rng.normal(0, 1, (36, 20)) @ rng.normal(0, 1, (20, 20)) + np.repeat(rng.normal(0, 3, (3, 20)), 12, 0)
    own = lda.ShrinkageLDA(features, labels, np.ones(36))
    other = reference(solver="lsqr", shrinkage="auto").fit(features, labels)
    fresh = features + rng.normal(0, 2, features.shape)
    assert np.mean(np.array(own.guess(fresh)) == other.predict(fresh)) > 0.95  # classes are scaled together here


def test_each_person_has_a_row(lda: ModuleType, tmp_path: Path) -> None:
    write_spans(tmp_path / "data")
    corpus = Manifest(tuple(scan(tmp_path / "data", "spans")), tmp_path)
    write_manifest(corpus, tmp_path / "m.jsonl")
    write_splits(make_splits(corpus, RuleConfig()), tmp_path / "s.json")
    assert lda.run([str(tmp_path / name) for name in ("m.jsonl", "s.json")] + ["0.5", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    (table,) = over_people([PersonResult.of(row) for row in rows])
    assert (table.people, table.headline, table.cell.list_name) == (5, "accuracy", "isolated")
