"""The estimator against lmplz, n-gram by n-gram: what it made is checked in (data/README.md), and live on the PATH."""

from __future__ import annotations

import math
import random
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emgasr.lm import NGramModel, estimate, read_arpa

DATA = Path(__file__).parent / "data"
Text = list[list[str]]

live = pytest.mark.skipif(shutil.which("lmplz") is None, reason="KenLM's lmplz is not on the PATH (lm/build_kenlm.sh)")


def text(symbols: str) -> Text:
    lines = (DATA / "text.txt").read_text(encoding="utf-8").splitlines()
    return [list(line) if symbols == "characters" else line.split() for line in lines]


def lmplz(sentences: Text, order: int, prune: list[int], folder: Path) -> NGramModel:
    arpa = folder / "lmplz.arpa"
    command = ["lmplz", "--order", str(order), "--discount_fallback", "--memory", "100M", "--arpa", str(arpa)]
    written = "".join(" ".join(sentence) + "\n" for sentence in sentences)
    pruning = ["--prune", *map(str, prune)] if prune else []
    subprocess.run([*command, *pruning], input=written.encode(), check=True, capture_output=True)
    return read_arpa(arpa)


def assert_equal(ours: NGramModel, theirs: NGramModel) -> None:
    assert ours.counts == theirs.counts[: ours.order]
    assert not any(theirs.counts[ours.order :])
    names = [theirs.vocabulary.index(symbol) for symbol in ours.vocabulary]
    for order in range(1, ours.order + 1):
        ids, *values = ours.table(order)
        their_ids, *their_values = theirs.table(order)
        mine, others = (np.lexsort(table.T) for table in (np.array(names)[ids], their_ids))
        assert np.array_equal(np.array(names)[ids][mine], their_ids[others])
        for value, their_value in zip(values, their_values, strict=True):
            assert np.abs(value[mine] - their_value[others]).max() / math.log(10) < 1e-5


@pytest.mark.parametrize(("symbols", "order"), [("characters", 3), ("characters", 5), ("words", 2), ("words", 3)])
def test_the_estimator_equals_what_lmplz_made(symbols: str, order: int) -> None:
    assert_equal(estimate(text(symbols), order), read_arpa(DATA / f"{symbols}{order}.arpa"))


@pytest.mark.process
@live
@pytest.mark.parametrize(
    ("symbols", "order", "prune"),
    [
        ("characters", 8, []),
        ("characters", 6, [0, 0, 1]),
        ("characters", 4, [1, 2, 2, 3]),
        ("words", 1, []),
        ("words", 5, []),
        ("words", 2, [1]),
        ("words", 4, [0, 0, 9]),
    ],
)
def test_the_estimator_equals_lmplz_live(symbols: str, order: int, prune: list[int], tmp_path: Path) -> None:
    sentences = [[symbol.replace(" ", "␣") for symbol in sentence] for sentence in text(symbols)]
    ours = estimate(text(symbols), order, prune=prune)
    assert_equal(ours, lmplz(sentences, order, prune, tmp_path))


@pytest.mark.process
@live
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_estimator_equals_lmplz_on_babble(data: st.DataObject, tmp_path: Path) -> None:
    order = data.draw(st.integers(1, 6))
    prune = sorted(data.draw(st.lists(st.integers(0, 2), max_size=order)))
    generator = random.Random(data.draw(st.integers(0, 999)))
    symbols = [f"w{index}" for index in range(data.draw(st.integers(1, 60)))]
    sentences = [generator.choices(symbols, k=generator.randrange(1, 9)) for _ in range(generator.randrange(3, 80))]
    assert_equal(estimate(sentences, order, prune=prune), lmplz(sentences, order, prune, tmp_path))
