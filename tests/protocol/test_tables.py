"""Tables: what is averaged over whom, how systems are compared, and when calibration is enough."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest
from scipy.stats import wilcoxon

from emgasr.protocol.tables import Row, between_systems, curves, minutes_to, minutes_told, over_people


def row(subject: str, rate: float, system: str = "a", rung: str = "none", minutes: float = 0.0, **more: Any) -> Row:
    place = {"system": system, "list": "sessions", "sessions": "test", "rung": rung, "minutes": minutes}
    return place | {"subject": subject, "cer_greedy": rate, "keys": 100, "seed": 0, "fold": subject} | more


RATES = {"p": 0.1, "q": 0.2, "r": 0.6}


def test_people_count_alike_and_the_worst_is_named() -> None:
    rows = [row(name, rate, keys=1000 if name == "p" else 10) for name, rate in RATES.items()]
    (made,) = over_people(rows)
    assert made["cer_greedy"] == pytest.approx(0.3)
    assert (made["cer_greedy_worst"], made["cer_greedy_worst_subject"]) == (0.6, "r")
    assert made["cer_greedy_pooled"] == pytest.approx((100 + 2 + 6) / 1020)
    assert made["cer_greedy_population_std"] == pytest.approx(statistics.pstdev(RATES.values()))
    low, high = made["interval"]
    assert 0.1 <= low < 0.3 < high <= 0.6
    assert over_people(rows) == over_people(rows)  # the interval is drawn alike
    assert made["subjects"] == 3


def test_of_accuracy_the_lowest_is_worst_and_it_is_the_headline() -> None:
    rows = [row(name, rate, accuracy=1 - rate) for name, rate in RATES.items()]
    (made,) = over_people(rows)
    assert (made["accuracy_worst_subject"], made["headline"], made["interval_of"]) == ("r", "accuracy", "accuracy")
    assert made["accuracy_worst"] == pytest.approx(0.4)


def test_a_person_is_the_mean_over_seeds() -> None:
    rows = [row("p", 0.1), row("p", 0.3, seed=1), row("q", 0.4), row("q", 0.4, seed=1)]
    (made,) = over_people(rows)
    assert made["subjects"] == 2
    assert made["cer_greedy"] == pytest.approx(0.3)
    assert made["cer_greedy_worst"] == 0.4


def test_false_keys_are_counted_over_all_minutes_of_rest() -> None:
    rest = [{"rest_minutes": 1.0, "false_keys_per_minute_greedy": 6.0}, {"rest_minutes": 2.0}]
    (made,) = over_people([row("p", 0.1, **rest[0]), row("q", 0.2, **rest[1], false_keys_per_minute_greedy=0.0)])
    assert made["false_keys_per_minute_greedy"] == pytest.approx(2.0)
    assert made["rest_minutes"] == 3.0


def test_people_for_whom_calibration_was_of_no_use_are_counted() -> None:
    rows = [row("p", 0.1, calibration={"kept": False}), row("q", 0.1, calibration={"kept": True}), row("r", 0.1)]
    assert over_people(rows)[0]["base_kept"] == 1
    assert "base_kept" not in over_people(rows[2:])[0]


def test_systems_are_compared_person_by_person() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.uniform(0, 1, 12), rng.uniform(0, 1, 12)
    rows = [row(f"p{i}", rate) for i, rate in enumerate(one)]
    rows += [row(f"p{i}", rate, "b") for i, rate in enumerate(other)]
    rows += [row("only in b", 0.5, "b"), row("p0", 0.5, "b", "all", 1.0)]
    (pair,) = between_systems(rows)
    assert (pair["first"], pair["second"], pair["people"]) == ("a", "b", 12)
    assert pair["mean_difference"] == pytest.approx((one - other).mean())
    assert pair["wilcoxon_p"] == pytest.approx(wilcoxon(one, other).pvalue)
    (same,) = between_systems([row("p", 0.1), row("p", 0.1, "b")])
    assert (same["wilcoxon_p"], same["mean_difference"]) == (1.0, 0.0)


def ladder() -> list[Row]:
    """p falls to a tenth between 1 and 2 minutes, q is there from the start, r never; s has no 2 minutes."""
    steps = {"p": (0.4, 0.2, 0.0), "q": (0.1, 0.3, 0.05), "r": (0.4, 0.4, 0.4), "s": (0.3, 0.2)}
    rows = []
    for name, rates in steps.items():
        for minutes, rate in zip((0.0, 1.0, 2.0), rates, strict=False):
            rows.append(row(name, rate, rung="all" if minutes else "none", minutes=minutes))
    return [*rows, row("p", 0.9, sessions="all"), row("not calibrated", 0.9)]


def test_minutes_to_a_rate_lie_where_the_line_between_two_steps_crosses_it() -> None:
    (found,) = minutes_to(ladder(), 0.10)
    assert found["by_person"] == {"p": pytest.approx(1.5), "q": 0.0, "r": None, "s": None}
    assert (found["people_who_reach_it"], found["people"], found["minutes"]) == (2, 4, None)
    assert minutes_told(found) == "not within the ladder (2 of 4 people reach it)"
    (found,) = minutes_to(ladder(), 0.2)  # the mean of p, q and r is .3, .3, .15
    assert found["minutes"] == pytest.approx(1 + 2 / 3)


def test_a_curve_is_of_the_people_who_have_every_step() -> None:
    steps = curves(ladder())["a", "sessions", "all"]
    assert [step["minutes"] for step in steps] == [0.0, 1.0, 2.0]
    assert [step["subjects"] for step in steps] == [3, 3, 3]
    assert [round(step["cer_greedy"], 6) for step in steps] == [0.3, 0.3, 0.15]
