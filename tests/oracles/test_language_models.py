"""Reader and scores against KenLM: what it made is checked in (data/README.md), and live where installed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from emgasr.lm import NGramModel, read_arpa, write_arpa

DATA = Path(__file__).parent / "data"
LN10 = math.log(10)


def log10_scores(model: NGramModel, symbols: list[str]) -> list[float]:
    state, scores = model.start(), []
    for symbol in symbols:
        ln_p, state = model.score(state, symbol)
        scores.append(ln_p / LN10)
    return [*scores, model.end(state) / LN10]


def test_scores_equal_those_that_kenlm_gave() -> None:
    model = read_arpa(DATA / "characters5.arpa")
    lines = json.loads((DATA / "kenlm_scores.json").read_text(encoding="utf-8"))
    assert len(lines) == 60
    for line in lines:
        assert log10_scores(model, list(line["symbols"])) == pytest.approx(line["log10"], abs=1e-5)


@pytest.mark.parametrize("name", ["characters3", "characters5", "words3"])
def test_scores_equal_those_of_kenlm_live(name: str, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    from make_kenlm_scores import kenlm_scores, random_sentences

    ours = read_arpa(DATA / f"{name}.arpa")
    write_arpa(ours, tmp_path / "again.arpa")  # and what we write, KenLM reads
    theirs = kenlm.Model(str(tmp_path / "again.arpa"))
    for sentence in random_sentences(sorted(ours.symbols), 200, seed=1):
        assert log10_scores(ours, sentence) == pytest.approx(kenlm_scores(theirs, sentence), abs=1e-5)
