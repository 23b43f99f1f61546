"""The recipe's shrinkage LDA: rows of every fold that the protocol's report can read."""

from __future__ import annotations

import json
from pathlib import Path

from emgasr.corpora import scan
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.protocol.folds import RuleConfig, make_splits, write_splits
from emgasr.protocol.results import PersonResult
from emgasr.protocol.tables import over_people
from tests.helpers.miniatures import write_spans
from tests.helpers.scripts import script


def test_each_person_has_a_row(tmp_path: Path) -> None:
    lda = script("recipes/gestures/lda.py")
    write_spans(tmp_path / "data")
    corpus = Manifest(tuple(scan(tmp_path / "data", "spans")), tmp_path)
    write_manifest(corpus, tmp_path / "m.jsonl")
    write_splits(make_splits(corpus, RuleConfig()), tmp_path / "s.json")
    assert lda.run([str(tmp_path / name) for name in ("m.jsonl", "s.json")] + ["0.5", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())["rows"]
    (table,) = over_people([PersonResult.of(row) for row in rows])
    assert (table.people, table.headline, table.cell.list_name) == (5, "accuracy", "isolated")
