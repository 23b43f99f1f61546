"""Tables: what is averaged over whom, how systems are compared, and when calibration is enough."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest
from scipy.stats import wilcoxon

from emgasr.errors import OutputError
from emgasr.protocol.results import Ladder, PersonResult
from emgasr.protocol.tables import between_systems, curves, minutes_to, over_people


def raw(
    subject: str, rate: float, system: str = "a", method: str = "none", minutes: float = 0.0, **more: Any
) -> dict[str, Any]:
    place = {"system": system, "list": "sessions", "sessions": "test", "method": method, "minutes": minutes}
    return place | {"subject": subject, "cer_greedy": rate, "keys": 100, "seed": 0, "fold": subject} | more


def row(*place: Any, **more: Any) -> PersonResult:
    return PersonResult.of(raw(*place, **more))


RATES = {"p": 0.1, "q": 0.2, "r": 0.6}


def test_people_count_alike_and_the_worst_is_named() -> None:
    rows = [row(name, rate, keys=1000 if name == "p" else 10) for name, rate in RATES.items()]
    (made,) = over_people(rows)
    figure = made.figures["cer_greedy"]
    assert figure.mean == pytest.approx(0.3)
    assert (figure.worst, figure.worst_subject) == (0.6, "r")
    assert figure.pooled == pytest.approx((100 + 2 + 6) / 1020)
    assert figure.population_std == pytest.approx(statistics.pstdev(RATES.values()))
    assert figure.interval is not None
    low, high = figure.interval
    assert 0.1 <= low < 0.3 < high <= 0.6
    assert over_people(rows) == over_people(rows)  # the interval is drawn alike
    assert made.people == 3


def test_of_accuracy_the_lowest_is_worst_and_it_is_the_headline() -> None:
    rows = [row(name, rate, accuracy=1 - rate) for name, rate in RATES.items()]
    (made,) = over_people(rows)
    assert (made.figures["accuracy"].worst_subject, made.headline) == ("r", "accuracy")
    assert made.as_dict()["interval_of"] == "accuracy"
    assert made.figures["accuracy"].worst == pytest.approx(0.4)


def words_of(subject: str, **figures: Any) -> dict[str, Any]:
    """A row of a model of words."""
    row = {name: value for name, value in raw(subject, 0.0).items() if name not in ("cer_greedy", "keys")}
    return row | {"words": 100, "wer_greedy": 0.2} | figures


def test_rows_of_words_are_pooled_over_words_and_named_so() -> None:
    rows = [PersonResult.of(words_of("p", words=300)), PersonResult.of(words_of("q", wer_greedy=0.6))]
    (made,) = over_people(rows)
    assert (made.headline, made.figures["wer_greedy"].pooled) == ("wer_greedy", pytest.approx(0.3))
    rest = {"rest_minutes": 1.0, "false_words_per_minute_greedy": 3.0}
    (made,) = over_people([PersonResult.of(words_of("p", **rest))])
    assert made.as_dict()["false_words_per_minute_greedy"] == 3.0


def test_accuracy_is_the_headline_only_where_every_recording_is_isolated() -> None:
    some = PersonResult.of(words_of("p", accuracy=0.5, isolated=3, items=10))
    all_of_them = PersonResult.of(words_of("p", accuracy=0.5, isolated=10, items=12, items_at_rest=2))
    assert [over_people([one])[0].headline for one in (some, all_of_them)] == ["wer_greedy", "accuracy"]


def test_a_person_is_the_mean_over_seeds() -> None:
    rows = [row("p", 0.1), row("p", 0.3, seed=1), row("q", 0.4), row("q", 0.4, seed=1)]
    (made,) = over_people(rows)
    assert made.people == 2
    assert made.figures["cer_greedy"].mean == pytest.approx(0.3)
    assert made.figures["cer_greedy"].worst == 0.4


def test_false_keys_are_counted_over_all_minutes_of_rest() -> None:
    rest = [{"rest_minutes": 1.0, "false_keys_per_minute_greedy": 6.0}, {"rest_minutes": 2.0}]
    (made,) = over_people([row("p", 0.1, **rest[0]), row("q", 0.2, **rest[1], false_keys_per_minute_greedy=0.0)])
    assert made.false_symbols_per_minute["greedy"] == pytest.approx(2.0)
    assert made.rest_minutes == 3.0


def test_people_for_whom_calibration_was_of_no_use_are_counted() -> None:
    rows = [row("p", 0.1, adaptation={"kept": False}), row("q", 0.1, adaptation={"kept": True}), row("r", 0.1)]
    assert over_people(rows)[0].base_kept == 1
    assert over_people(rows[2:])[0].base_kept is None


def test_systems_are_compared_person_by_person() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.uniform(0, 1, (2, 12)).tolist()
    rows = [row(f"p{i}", rate) for i, rate in enumerate(one)]
    rows += [row(f"p{i}", rate, "b") for i, rate in enumerate(other)]
    rows += [row("only in b", 0.5, "b"), row("p0", 0.5, "b", "all", 1.0)]
    (pair,) = between_systems(rows)
    assert (pair.first, pair.second, pair.people) == ("a", "b", 12)
    assert pair.mean_difference == pytest.approx(np.mean(one) - np.mean(other))
    assert pair.wilcoxon_p == pytest.approx(wilcoxon(one, other).pvalue)
    (same,) = between_systems([row("p", 0.1), row("p", 0.1, "b")])
    assert (same.wilcoxon_p, same.mean_difference) == (1.0, 0.0)


def ladder() -> list[PersonResult]:
    """p falls to a tenth between 1 and 2 minutes, q is there from the start, r never; s has no 2 minutes."""
    steps = {"p": (0.4, 0.2, 0.0), "q": (0.1, 0.3, 0.05), "r": (0.4, 0.4, 0.4), "s": (0.3, 0.2)}
    rows = []
    for name, rates in steps.items():
        for minutes, rate in zip((0.0, 1.0, 2.0), rates, strict=False):
            rows.append(row(name, rate, method="all" if minutes else "none", minutes=minutes))
    return [*rows, row("p", 0.9, sessions="all"), row("not calibrated", 0.9)]


def test_minutes_to_a_rate_lie_where_the_line_between_two_steps_crosses_it() -> None:
    (found,) = minutes_to(ladder(), 0.10)
    assert found.by_person == {"p": pytest.approx(1.5), "q": 0.0, "r": None, "s": None}
    assert (found.people_who_reach_it, found.as_dict()["people"], found.minutes) == (2, 4, None)
    assert str(found) == "not within the ladder (2 of 4 people reach it)"
    (found,) = minutes_to(ladder(), 0.2)  # the mean of p, q and r is .3, .3, .15
    assert found.minutes == pytest.approx(1 + 2 / 3)


def test_a_curve_is_of_the_people_who_have_every_step() -> None:
    steps = curves(ladder())[Ladder("a", "sessions", "all")]
    assert [step.cell.minutes for step in steps] == [0.0, 1.0, 2.0]
    assert [step.people for step in steps] == [3, 3, 3]
    assert [round(step.figures["cer_greedy"].mean, 6) for step in steps] == [0.3, 0.3, 0.15]


def test_rows_by_the_names_of_an_earlier_release_are_read_as_todays() -> None:
    new = raw("p", 0.1, method="all", minutes=1, adaptation={"kept": False})
    old = {{"method": "rung", "adaptation": "calibration"}.get(name, name): value for name, value in new.items()}
    assert PersonResult.of(old) == PersonResult.of(new)
    assert over_people([PersonResult.of(old)])[0].as_dict()["method"] == "all"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"list": None}, "'list' is None, not text"),
        ({"minutes": "5"}, "'minutes' is '5', not a finite number"),
        ({"keys": 1.5}, "'keys' is 1.5, not a whole number"),
        ({"keys": None}, "lacks the field 'keys'"),
        ({"cer_greedy": True}, "'cer_greedy' is True"),
        ({"adaptation": {"kept": 1}}, "'kept' is 1, not true or false"),
        ({"adaptation": 3}, "'adaptation' is 3"),
    ],
)
def test_a_row_that_garbles_a_figure_is_refused(changes: dict[str, Any], wrong: str) -> None:
    with pytest.raises(OutputError, match=f"rows.json: a row: {wrong}"):
        PersonResult.of(raw("p", 0.1) | changes, "rows.json")
    with pytest.raises(OutputError, match="a row: lacks the field 'system'"):
        PersonResult.of({"subject": "p"})
