"""Reader and scores against KenLM: what it made is checked in (data/README.md), and live where installed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from emgasr.lm import NGramModel, read_arpa, write_arpa
from emgasr.lm.perplexity import score_text
from tests.oracles.make_kenlm_scores import kenlm_scores, random_line, random_sentences, without_unknown

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


def test_lines_of_any_length_score_as_the_sums_that_kenlm_gave(tmp_path: Path) -> None:
    lines = json.loads((DATA / "kenlm_lines.json").read_text(encoding="utf-8"))
    assert {(line["length"], line["has_unknown"]) for line in lines} >= {(3000, True), (3000, False), (10, False)}
    for line in lines:
        arpa = (DATA / f"{line['model']}.arpa").read_text(encoding="utf-8")
        (tmp_path / "lm.arpa").write_text(arpa if line["has_unknown"] else without_unknown(arpa), encoding="utf-8")
        model = read_arpa(tmp_path / "lm.arpa")
        assert model.has_unknown == line["has_unknown"]
        text = random_line(sorted(model.symbols), line["length"], seed=line["length"], unknown=line["share"])
        # KenLM adds a symbol's back-offs in float32: beyond 1e-5 its own numbers do not go at a score of 1e5.
        close = {"abs": 1e-5, "rel": 1e-10 if line["has_unknown"] else 1e-8}
        assert score_text(model, [text]).ln_p / LN10 == pytest.approx(line["log10"], **close)
        assert model.sentence(text).ln_p / LN10 == pytest.approx(line["log10"], **close)


@pytest.mark.parametrize("name", ["characters3", "characters5", "words3"])
def test_scores_equal_those_of_kenlm_live(name: str, tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm")
    ours = read_arpa(DATA / f"{name}.arpa")
    write_arpa(ours, tmp_path / "again.arpa")  # and what we write, KenLM reads
    theirs = kenlm.Model(str(tmp_path / "again.arpa"))
    for sentence in random_sentences(sorted(ours.symbols), 200, seed=1):
        assert log10_scores(ours, sentence) == pytest.approx(kenlm_scores(theirs, sentence), abs=1e-5)
