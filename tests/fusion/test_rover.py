"""Votes: slots of several models' hypotheses, worked by hand, and emissions that read as they do."""

from __future__ import annotations

import numpy as np

from emgasr.decoding import Hypothesis, greedy
from emgasr.fusion.reading import EnsembleReader
from emgasr.fusion.rover import Reading, network_of, posteriors_of, row_of, vote
from emgasr.rescoring.confusion import consensus
from emgasr.tokens import Tokens
from tests.helpers.fused import LEFT, cut, noise, wrists

LETTERS = Tokens.words("abcde")


def reading(*texts: tuple[str, float]) -> Reading:
    hypotheses = []
    for text, score in texts:
        ids = tuple(LETTERS.ids(text))
        hypotheses.append(Hypothesis(ids, tuple(range(len(ids))), (1.0,) * len(ids), score, score, 0.0))
    return Reading(tuple(hypotheses), tuple(float(place) for place in range(len(texts[0][0]))))


def read(readings: list[Reading], weights: list[float], votes: float = 1.0) -> str:
    return "".join(consensus(network_of(readings, [1.0] * len(readings), weights, votes, LETTERS)))


def test_what_two_of_three_systems_read_wins_each_slot() -> None:
    """By hand: the slots are a|-|-, b|b|b, -|a|-, c|-|c, d|d|d, -|e|e, and two of three make b, c, d and e."""
    assert read([reading(("abcd", 0)), reading(("bade", 0)), reading(("bcde", 0))], [1, 1, 1]) == "bcde"


def test_the_heavier_of_two_systems_decides() -> None:
    one, other = reading(("abc", 0)), reading(("adc", 0))
    assert read([one, other], [0.6, 0.4]) == "abc"
    assert read([one, other], [0.4, 0.6]) == "adc"


def test_a_sure_second_hypothesis_outvotes_an_unsure_first_unless_firsts_alone_count() -> None:
    unsure = reading(("ab", 0.0), ("cb", -0.1))  # 0.52 and 0.48
    sure = reading(("cb", 0.0), ("ab", -9.0))
    assert read([unsure, sure], [0.6, 0.4], votes=0.0) == "cb"
    assert read([unsure, sure], [0.6, 0.4], votes=1.0) == "ab"


def test_a_temperature_flattens_posteriors() -> None:
    np.testing.assert_allclose(posteriors_of([0.0, -2.0], 2.0), [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])


def test_nothing_wins_a_slot_where_its_probability_times_absence_is_most() -> None:
    slot = {"a": 0.45, "": 0.55}
    assert row_of(slot, LETTERS, 1.0).argmax() == 0
    assert LETTERS.symbols_of([int(row_of(slot, LETTERS, 0.5).argmax())]) == ["a"]


def test_a_vote_is_read_as_emissions_are_equal_neighbors_too() -> None:
    ensemble = wrists(kind="rover")
    reader = EnsembleReader(ensemble)
    votes = reader.votes(reader.aligned(noise()))
    emissions, times_s = vote(votes, ensemble.tokens, 1.0, 1.0, 6.0)
    assert emissions.shape == (len(times_s), len(ensemble.tokens))
    assert (np.diff(times_s) >= 0).all()
    np.testing.assert_allclose(np.exp(emissions).sum(1), 1, atol=1e-3)
    weights = [one.weight for one in votes]
    readings = [one.read(0.0, 60.0) for one in votes]
    network = network_of(readings, [one.temperature for one in votes], weights, 1.0, ensemble.tokens)
    assert ensemble.tokens.symbols_of(greedy(emissions).ids) == consensus(network)


def test_with_one_sensor_cut_a_vote_is_the_others_answer_to_the_bit() -> None:
    recording = cut(noise(), LEFT)
    ensemble = wrists(kind="rover")
    found = EnsembleReader(ensemble).listen(recording)
    alone = EnsembleReader(wrists()).listen(recording)  # by frames: the right one's own
    np.testing.assert_array_equal(found.emissions, alone.emissions)
