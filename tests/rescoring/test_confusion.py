"""Confusion networks: slots sum to one, hypotheses are paths, and the alignment is the cheapest one."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import DataError
from emgasr.rescoring.confusion import best_paths, confusion_network, consensus

lists = st.lists(st.tuples(st.text("abc", max_size=6).map(list), st.floats(0.01, 1.0)), min_size=1, max_size=6)


def test_one_hypothesis_is_its_own_network() -> None:
    assert confusion_network([("cat", 0.3)]) == [{"c": 1.0}, {"a": 1.0}, {"t": 1.0}]


def test_a_substitution_an_insertion_and_a_deletion_by_hand() -> None:
    network = confusion_network([("cat", 0.5), ("cut", 0.25), ("ct", 0.125), ("coat", 0.125)])
    # "coat" has one symbol more: o gets a slot of its own, or shares one; here beside "u" it would cost more.
    assert network[0] == {"c": 1.0}
    assert network[-1] == {"t": 1.0}
    middle = {symbol: sum(slot.get(symbol, 0.0) for slot in network[1:-1]) for symbol in "auo"}
    assert middle == pytest.approx({"a": 0.625, "u": 0.25, "o": 0.125})
    assert len(network) == 4


def test_votes_of_equal_weight_elect_what_no_hypothesis_says() -> None:
    words = [(["the", "cat", "sat"], 1.0), (["a", "cat", "sat"], 1.0), (["the", "cat", "sits"], 0.9)]
    assert consensus(confusion_network(words)) == ["the", "cat", "sat"]
    split = [(["the", "dog", "sat"], 1.0), (["a", "cat", "sat"], 1.0), (["the", "cat", "sits"], 1.0)]
    assert consensus(confusion_network(split)) == ["the", "cat", "sat"]


def test_equal_hypotheses_count_together() -> None:
    assert confusion_network([("ab", 1), ("ac", 2), ("ab", 2)])[1] == pytest.approx({"b": 0.6, "c": 0.4})


def test_no_symbols_at_all_against_some() -> None:
    assert confusion_network([("", 3), ("a", 1)]) == [{"": 0.75, "a": 0.25}]
    assert confusion_network([("", 1)]) == []


@pytest.mark.parametrize("hypotheses", [[], [("a", 0.0)], [("a", -1.0), ("b", 3.0)], [("a", math.nan)], [([""], 1.0)]])
def test_what_holds_no_probabilities_is_refused(hypotheses: list[tuple[str, float]]) -> None:
    with pytest.raises(DataError, match="confusion network"):
        confusion_network(hypotheses)


@given(lists)
@settings(max_examples=100, deadline=None)
def test_slots_sum_to_one_and_every_hypothesis_is_a_path(hypotheses: list[tuple[list[str], float]]) -> None:
    network = confusion_network(hypotheses)
    for slot in network:
        assert sum(slot.values()) == pytest.approx(1.0)
    for symbols, _ in hypotheses:
        reached = {0}  # how many symbols are written after each slot
        for slot in network:
            reached = {
                place + len(symbol)
                for place in reached
                for symbol, probability in slot.items()
                if probability > 0 and (not symbol or symbols[place : place + 1] == [symbol])
            }
        assert len(symbols) in reached


@given(st.text("ab", max_size=5), st.text("ab", max_size=5))
@settings(max_examples=100, deadline=None)
def test_two_hypotheses_differ_in_as_many_slots_as_edits(one: str, two: str) -> None:
    network = confusion_network([(one, 2.0), (two, 1.0)])
    assert sum(len(slot) > 1 for slot in network) == _distance(one, two)


@given(lists, st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_best_paths_are_those_of_enumeration(hypotheses: list[tuple[list[str], float]], count: int) -> None:
    network = confusion_network(hypotheses)
    every: dict[str, float] = {}
    for path in itertools.product(*(slot.items() for slot in network)):
        text = "".join(symbol for symbol, _ in path)
        every[text] = max(every.get(text, 0.0), math.prod(p for _, p in path))
    found = best_paths(network, len(every) + 1)
    assert {"".join(symbols): math.exp(score) for symbols, score in found} == pytest.approx(every)
    scores = [score for _, score in best_paths(network, count)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == min(count, len(every))


def _distance(one: str, two: str) -> int:
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[:], i
        for j, b in enumerate(two, 1):
            row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a != b))
    return row[-1]
