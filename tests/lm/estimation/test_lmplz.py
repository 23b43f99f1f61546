"""Which estimator is taken, and lmplz behind our interface; where it is not installed, a stand-in tells how it ends."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from emgasr.errors import LanguageModelError
from emgasr.lm import NGramModel, estimate
from emgasr.lm.estimation.lmplz import LARGE_BYTES, chosen_builder, estimate_with_lmplz

live = pytest.mark.skipif(shutil.which("lmplz") is None, reason="KenLM's lmplz is not on the PATH (lm/build_kenlm.sh)")


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called lmplz, the only one on the PATH, that fails at once."""
    program = tmp_path / "bin" / "lmplz"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'no space left' >&2\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def test_only_large_texts_go_to_lmplz_by_themselves(stand_in: Path) -> None:
    assert chosen_builder("auto", LARGE_BYTES - 1) == "own"
    assert chosen_builder("auto", LARGE_BYTES) == "lmplz"
    assert chosen_builder("own", LARGE_BYTES) == "own"
    assert chosen_builder("lmplz", 1) == "lmplz"


def test_without_lmplz_every_text_is_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chosen_builder("auto", LARGE_BYTES) == "own"
    with pytest.raises(LanguageModelError, match="not on the PATH"):
        chosen_builder("lmplz", 1)


@pytest.mark.process
def test_a_failure_is_told_in_its_own_words(stand_in: Path) -> None:
    with pytest.raises(LanguageModelError, match=r"exit code 3 \(no space left\)"):
        estimate_with_lmplz(["abc"], 3)


@pytest.mark.parametrize("symbol", ["<s>", "</s>", "<unk>", "<UNK>", ""])
def test_signs_of_language_models_themselves_are_refused(stand_in: Path, symbol: str) -> None:
    with pytest.raises(LanguageModelError, match="sentence 2: holds the symbol"):
        estimate_with_lmplz([["a"], ["b", symbol]], 2)


@live
@pytest.mark.parametrize(("order", "prune"), [(3, []), (2, [0, 1]), (8, [])])
def test_its_models_are_ours(order: int, prune: list[int]) -> None:
    text = ["ab ab", "abc", "cab ab", "ccb"]
    theirs, ours = estimate_with_lmplz(text, order, prune=prune), estimate(text, order, prune=prune)
    assert theirs.counts == ours.counts
    assert rows(theirs) == {ngram: pytest.approx(values, abs=1e-5) for ngram, values in rows(ours).items()}


@live
def test_it_counts_signs_that_arpa_files_have_a_use_for() -> None:
    text = [["a", " ", "␣"], ["\t", "a b", "␣"], ["␛9;", "\u00a0", "e\u0301"]]
    theirs, ours = estimate_with_lmplz(text, 2), estimate(text, 2)
    assert theirs.symbols == ours.symbols == {"a", " ", "␣", "\t", "a b", "␛9;", "\u00a0", "é"}
    assert rows(theirs) == {ngram: pytest.approx(values, abs=1e-5) for ngram, values in rows(ours).items()}


@live
def test_it_refuses_what_ours_refuses() -> None:
    for sentences in ([], [[]]):
        with pytest.raises(LanguageModelError, match="no text"):
            estimate_with_lmplz(sentences, 3)
    with pytest.raises(LanguageModelError, match="order 9"):
        estimate_with_lmplz(["a"], 9)


def rows(model: NGramModel) -> dict[tuple[str, ...], tuple[float, float]]:
    return {ngram: (p, backoff) for order in range(1, model.order + 1) for ngram, p, backoff in model.ngrams(order)}
