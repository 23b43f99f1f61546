"""Recall at K: by hand, by chance, with ties, and what cannot be asked."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.crossmodal.ranking import recall
from emgasr.errors import DataError


def test_recall_is_the_share_of_queries_with_a_right_entry_among_the_first() -> None:
    likeness = np.array([[0.9, 0.5, 0.1], [0.2, 0.8, 0.7], [0.1, 0.6, 0.5]])
    found = recall(likeness, ["a", "a", "b"], ["a", "b", "c"], ks=(1, 2, 3))
    # Of a's two queries the first is right at once; the second only third. b's is right at once.
    assert found.at == {1: pytest.approx((0.5 + 1) / 2), 2: pytest.approx((0.5 + 1) / 2), 3: 1.0}
    assert found.chance == {1: pytest.approx(1 / 3), 2: pytest.approx(2 / 3), 3: 1.0}
    assert (found.queries, found.gallery) == (3, 3)


def test_one_right_text_of_many_is_enough_and_chance_knows_it() -> None:
    gallery = ["a", "a", "b", "b", "b"]
    found = recall(np.zeros((1, 5)), ["a"], gallery, ks=(1, 2))
    orders = list(itertools.permutations(gallery))
    assert found.chance[1] == pytest.approx(np.mean(["a" in order[:1] for order in orders]))
    assert found.chance[2] == pytest.approx(np.mean(["a" in order[:2] for order in orders]))
    assert found.at == pytest.approx(found.chance)  # where all are alike, an answer is worth what chance is


@given(st.integers(0, 2**31), st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_ties_count_as_the_share_of_their_orders(seed: int, entries: int) -> None:
    rng = np.random.default_rng(seed)
    gallery = ["a", *rng.choice(["a", "b"], entries - 1)]
    likeness = rng.integers(0, 2, (1, entries)).astype(float)
    found = recall(likeness, ["a"], gallery, ks=range(1, entries + 1))
    for k in range(1, entries + 1):
        hits = []
        for order in itertools.permutations(range(entries)):
            ranked = sorted(order, key=lambda place: -likeness[0, place])  # stable: ties stay in this order
            hits.append(any(gallery[place] == "a" for place in ranked[:k]))
        assert found.at[k] == pytest.approx(np.mean(hits))


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(DataError, match="there is no query"):
        recall(np.zeros((0, 2)), [], ["a", "b"])
    with pytest.raises(DataError, match="nothing of 'c'"):
        recall(np.zeros((2, 2)), ["a", "c"], ["a", "b"])
    with pytest.raises(DataError, match="NaN"):
        recall(np.full((1, 2), np.nan), ["a"], ["a", "b"])
    assert list(recall(np.zeros((1, 2)), ["a"], ["a", "b"]).at) == [1]  # larger K are left out, and seen to be
