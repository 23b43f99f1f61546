"""The most honest split that leaves takes of every label to train on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from emgasr.errors import ConfigError
from emgasr.quickstart.splitting import guess_rule, split_takes
from emgasr.quickstart.takes import Take


def takes(
    people: Sequence[str] = ("me",), sessions: Sequence[str] = ("1",), labels: str = "ab", count: int = 6
) -> list[Take]:
    return [
        Take(f"{person}_{session}_{label}_{number}.npy", label, person, session, 200.0)
        for person in people
        for session in sessions
        for label in labels
        for number in range(count)
    ]  # fmt: skip


def test_people_are_held_out_where_there_are_three() -> None:
    found = takes(people=("ann", "bob", "cleo", "dan"))
    assert guess_rule(found)[0] == "person"
    split = split_takes(found, "person")
    assert split.words == ("--test-subjects", "dan", "--validation-subjects", "cleo")
    assert not split.optimistic


def test_a_fifth_of_many_people_is_held_out() -> None:
    split = split_takes(takes(people=[f"p{number}" for number in range(10)]), "person")
    assert split.words == ("--test-subjects", "p8", "p9", "--validation-subjects", "p7")


def test_the_latest_sessions_are_held_out_in_their_natural_order() -> None:
    found = takes(sessions=("day 10", "day 9", "day 2", "day 1"))
    assert guess_rule(found)[0] == "session"
    assert split_takes(found, "session").words == ("--test-sessions", "day 10", "--validation-sessions", "day 9")


def test_of_two_sessions_one_tests_and_takes_of_the_other_validate() -> None:
    assert split_takes(takes(sessions=("1", "2")), "session").words == (
        "--test-sessions",
        "2",
        "--validation-every",
        "5",
    )


def test_a_session_that_alone_has_a_label_is_never_held_out() -> None:
    """As in fingerspelling: letters of one day each, and a third day with all of them."""
    found = [*takes(sessions=("d1",), labels="ab"), *takes(sessions=("d2",), labels="cd")]
    assert guess_rule(found)[0] == "take"
    with pytest.raises(ConfigError, match="no session can be left out"):
        split_takes(found, "session")
    found += takes(sessions=("d0",), labels="abcd")
    assert split_takes(found, "session").words[:2] == ("--test-sessions", "d0")
    assert split_takes(found, "session").words[2:] == ("--validation-every", "5")


def test_a_session_that_holds_most_takes_is_trained_on() -> None:
    found = [*takes(sessions=("1", "2")), *takes(sessions=("3",), count=60)]
    assert split_takes(found, "session").words == ("--test-sessions", "2", "--validation-every", "5")


def test_within_one_session_takes_are_held_out_which_is_optimistic() -> None:
    rule, reason = guess_rule(takes())
    assert (rule, "optimistic" in reason) == ("take", True)
    split = split_takes(takes(), "take")
    assert split.words == ("--test-every", "5", "--validation-every", "4")
    assert split.optimistic
    assert split_takes(takes(count=3), "take").words == ("--test-every", "3", "--validation-every", "2")


def test_two_people_cannot_be_split_by_person() -> None:
    with pytest.raises(ConfigError, match="try --split-by take"):
        split_takes(takes(people=("ann", "bob")), "person")
