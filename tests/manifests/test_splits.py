"""Rules that split a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from emgasr.errors import ManifestError
from emgasr.manifests import splits
from emgasr.manifests.manifest import Entry


def entry(subject: str, session: str, text: str = "", number: int = 0) -> Entry:
    name = f"{subject}_{session}_{text}_{number}"
    return Entry(name, "takes", subject, session, "train", 1.0, 200.0, 8, name, take=name, text=text)


LETTERS = [entry("s1", "d1", text, i) for text in "ab" for i in range(10)] + [
    entry("s1", "d2", text, i) for text in "ab" for i in range(2)
]
PEOPLE = [entry(f"p{i}", f"d{day}") for i in range(10) for day in range(2)]


def test_whole_sessions_are_held_out() -> None:
    made = splits.by_session(LETTERS, ["d2"])
    assert {(e.session, e.split) for e in made} == {("d1", "train"), ("d2", "test")}


def test_every_nth_take_of_each_text_is_held_out_in_order() -> None:
    made = splits.every_nth(LETTERS, 5)
    assert Counter((e.text, e.split) for e in made) == {
        ("a", "train"): 10,
        ("a", "test"): 2,
        ("b", "train"): 10,
        ("b", "test"): 2,
    }
    assert [e.take for e in made if e.split == "test" and e.text == "a"] == ["s1_d1_a_4", "s1_d1_a_9"]


def test_validation_is_carved_from_training_only() -> None:
    made = splits.every_nth(splits.by_session(LETTERS, ["d2"]), 5, "validation")
    assert {e.split for e in made if e.session == "d2"} == {"test"}
    assert Counter(e.split for e in made) == {"train": 16, "validation": 4, "test": 4}


def test_each_subject_is_tested_in_exactly_one_fold_and_the_seed_decides_which() -> None:
    tested = [{e.subject for e in splits.by_fold(PEOPLE, 4, fold, seed=3) if e.split == "test"} for fold in range(4)]
    assert sorted(len(people) for people in tested) == [2, 2, 3, 3]
    assert set.union(*tested) == {e.subject for e in PEOPLE}
    assert sum(map(len, tested)) == 10
    assert splits.fold_subjects(PEOPLE, 4, seed=3) == splits.fold_subjects(PEOPLE[::-1], 4, seed=3)
    assert splits.fold_subjects(PEOPLE, 4, seed=3) != splits.fold_subjects(PEOPLE, 4, seed=4)


def test_subjects_are_drawn_for_validation_from_those_left_to_train() -> None:
    made = splits.carve_subjects(splits.by_subject(PEOPLE, ["p0"]), 3, seed=1)
    sides = {e.subject: e.split for e in made}
    assert Counter(sides.values()) == {"train": 6, "validation": 3, "test": 1}
    assert len({(e.subject, e.split) for e in made}) == 10


@pytest.mark.parametrize(
    ("split", "told"),
    [
        (lambda: splits.by_session(LETTERS, ["d9"]), "no training session is called 'd9'; there are: d1, d2"),
        (lambda: splits.by_session(LETTERS, ["x"]), "no training session is called 'x'; there are: d1, d2"),
        (lambda: splits.by_subject(PEOPLE, ["p0", "P44"]), "no training subject is called 'P44'; do you mean p4"),
        (lambda: splits.by_subject(LETTERS, ["s1"]), "nothing is left to train on; give fewer, or pass --split test"),
        (lambda: splits.every_nth(LETTERS, 1), "leave nothing to train on"),
        (lambda: splits.every_nth(LETTERS, 50), "test would be empty"),
        (lambda: splits.by_fold(PEOPLE, 11, 0), "11 folds of 10 subjects"),
        (lambda: splits.by_fold(PEOPLE, 5, 5), "no fold 5; give 0 to 4"),
        (lambda: splits.carve_subjects(PEOPLE, 10), "10 of 10 training subjects"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(split: Callable[[], object], told: str) -> None:
    with pytest.raises(ManifestError, match=told):
        split()


SPELLED = [entry(name, day) for name in ("Ann", "ann ", "bob", "Bob", "cat") for day in ("Day 1", "day  1", "d2")]


def sides(entries: list[Entry]) -> dict[str, set[str]]:
    """The splits that each person, by the first letter, stands in."""
    return {name: {e.split for e in entries if e.subject.strip().lower()[0] == name} for name in "abc"}


def test_a_person_stands_on_one_side_with_all_spellings() -> None:
    assert sides(splits.by_subject(SPELLED, ["ANN"])) == {"a": {"test"}, "b": {"train"}, "c": {"train"}}
    assert splits.fold_subjects(SPELLED, 3) != [["Ann"], ["ann "], ["bob"]]
    for fold in range(3):
        assert sorted(map(len, sides(splits.by_fold(SPELLED, 3, fold)).values())) == [1, 1, 1]
    assert sorted(map(len, sides(splits.carve_subjects(SPELLED, 1)).values())) == [1, 1, 1]
    with pytest.raises(ManifestError, match="4 folds of 3 subjects"):
        splits.by_fold(SPELLED, 4, 0)


def test_a_session_stands_on_one_side_with_all_spellings() -> None:
    made = splits.by_session(SPELLED, ["DAY 1"])
    assert {(e.session, e.split) for e in made} == {("Day 1", "test"), ("day  1", "test"), ("d2", "train")}


def test_a_rule_tells_people_and_texts_that_it_holds_nothing_of() -> None:
    few = [*LETTERS, entry("s2", "d1", "a"), entry("s2", "d1", "z")]
    held_out = splits.by_session(few, ["d2"])
    assert splits.left_out(held_out, "test") == ["test holds no recording of 1 subject: s2"]
    assert splits.left_out(splits.every_nth(held_out, 5, "validation"), "validation", by_text=True) == [
        "validation holds no recording of 1 subject: s2",
        "validation holds no take of 1 text: z",
    ]
    assert splits.left_out(splits.by_session(LETTERS, ["d2"]), "test", by_text=True) == []


def test_everything_may_be_for_testing() -> None:
    assert {e.split for e in splits.everything(PEOPLE, "test")} == {"test"}
