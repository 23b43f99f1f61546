"""What splits share and must not: refused, and told by names."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from emgasr.errors import ManifestError
from emgasr.manifests.identity import same_name
from emgasr.manifests.leaks import check_apart, check_disjoint, check_people, leaks, part_name, spelled_alike, twice
from tests.manifests.test_manifest import changed, three_people


def test_clean_splits_pass(tmp_path: Path) -> None:
    check_disjoint(three_people(tmp_path))


def test_a_subject_on_both_sides_is_a_leak_only_where_it_is_claimed_not_to_be(tmp_path: Path) -> None:
    made = changed(three_people(tmp_path), 2, subject="ann")
    with pytest.raises(ManifestError, match="the same subject is in train and test: ann"):
        check_disjoint(made)
    check_disjoint(replace(made, claims=("session", "take")))
    validation = changed(three_people(tmp_path), 1, split="validation")  # ann trains and validates; test is bob
    check_disjoint(validation)
    assert leaks(replace(validation, claims=("subject",))) == ["the same subject is in train and validation: ann"]


def test_a_session_on_both_sides_is_a_leak(tmp_path: Path) -> None:
    made = changed(replace(three_people(tmp_path), claims=("session:test",)), 2, subject="ann", session="day1")
    with pytest.raises(ManifestError, match="the same session is in train and test: ann/day1"):
        check_disjoint(made)
    check_disjoint(changed(made, 2, subject="bob"))  # the same name of another person is another session


def test_a_take_on_both_sides_is_a_leak(tmp_path: Path) -> None:
    made = replace(three_people(tmp_path), claims=("take",))
    for index in (0, 2):
        made = changed(made, index, subject="ann", session="day0", take="a_00")
    with pytest.raises(ManifestError, match="the same take is in train and test: ann/day0/a_00"):
        check_disjoint(made)


def test_the_same_recording_under_two_names_is_a_leak_whatever_is_claimed(tmp_path: Path) -> None:
    made = replace(three_people(tmp_path), claims=())
    made = changed(made, 2, sha256=made.entries[0].sha256)
    with pytest.raises(ManifestError, match="the same recording"):
        check_disjoint(made)


def test_a_claim_about_a_split_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert leaks(replace(three_people(tmp_path), claims=("subject:final",))) == [
        "claims 'subject:final', but there is no split 'final'"
    ]


def test_what_is_trained_on_is_not_held_out_whatever_the_manifest(tmp_path: Path) -> None:
    ann, again, bob = three_people(tmp_path).entries
    check_apart([ann, again], [bob])
    check_apart([ann], [replace(bob, take=f"{part_name(again)}@1.000 {part_name(bob)}")])
    elsewhere = replace(ann, path="/elsewhere/copy.hdf5", subject="eve", split="validation")
    composed = replace(bob, take=f"{part_name(bob)} {part_name(ann)}@12.500")
    for held_out in (elsewhere, composed):
        with pytest.raises(ManifestError, match=r"is, or is composed of, .*ann0\.hdf5, which is trained on"):
            check_apart([again, ann], [bob, held_out])
    with pytest.raises(ManifestError, match="trained on"):  # both are composed, of a take in common
        check_apart([composed], [replace(again, take=f"{part_name(ann)}@12.500")])


SPELLINGS = ["ann", "Ann", " ann ", "ANN", "ａｎｎ", "a\u200bnn", "ann\ufeff"]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_person_is_one_however_she_is_spelled(tmp_path: Path, name: str) -> None:
    made = changed(replace(three_people(tmp_path), claims=("subject:test",)), 2, subject=name)
    shown = "ann" if name == "ann" else f"ann (also {name!r})"
    assert leaks(made) == [f"the same subject is in train and test: {shown}"]


@pytest.mark.parametrize(
    ("day", "again"),
    [("Day 1", "day  1"), ("jour d\u2019été", unicodedata.normalize("NFD", "Jour d\u2019été")), ("STRASSE", "Straße")],
)
def test_a_sitting_is_one_however_it_is_spelled(tmp_path: Path, day: str, again: str) -> None:
    made = replace(three_people(tmp_path), claims=("session",))
    made = changed(changed(made, 1, session=day), 2, subject="ANN", session=again)
    assert leaks(made) == [f"the same session is in train and test: ann/{day} (also {f'ANN/{again}'!r})"]
    check_disjoint(changed(made, 2, subject="bob"))


def test_names_with_a_slash_are_not_run_together(tmp_path: Path) -> None:
    made = replace(three_people(tmp_path), claims=("session",))
    check_disjoint(changed(changed(made, 1, subject="a", session="b/c"), 2, subject="a/b", session="c"))


def test_takes_of_capitals_are_others_than_those_of_small_letters(tmp_path: Path) -> None:
    made = replace(three_people(tmp_path), claims=("take",))
    for index, take in ((0, "a_00"), (2, "A_00")):
        made = changed(made, index, subject="ann", session="day0", take=take)
    check_disjoint(made)
    with pytest.raises(ManifestError, match="the same take"):
        check_disjoint(changed(made, 2, take="a_00 "))


@pytest.mark.parametrize("blank", ["", "  ", "\u200b"])
@pytest.mark.parametrize("what", ["subject", "session"])
def test_who_is_not_named_is_apart_from_nobody(tmp_path: Path, what: str, blank: str) -> None:
    made = changed(three_people(tmp_path), 2, **{what: blank})
    for claim in (what, f"{what}:test"):
        (line,) = leaks(replace(made, claims=(claim,)))
        assert line.startswith(f"claims {claim!r}, but no {what} is named by 1 recording: ")
        assert line.endswith("bob2.hdf5")
    check_disjoint(replace(made, claims=("take",)))
    alone = replace(made, entries=made.entries[2:], claims=(f"{what}:test",))
    check_disjoint(alone)  # there is no other split to be apart from


def test_entries_that_hold_the_same_are_found_in_one_split_too(tmp_path: Path) -> None:
    ann, again, bob = three_people(tmp_path).entries
    copy = replace(ann, path="elsewhere.hdf5", subject="eve", options={"labels": "other.csv"})
    first, second = (replace(bob, options={"part_s": part}) for part in ([0, 1], [1, 2]))
    assert twice([ann, again, bob]) == []
    assert twice([ann, again, copy, first, second]) == [(copy, ann)]
    assert twice([first, ann, replace(first)]) == [(first, first)]


def test_names_of_several_spellings_are_told(tmp_path: Path) -> None:
    made = changed(changed(three_people(tmp_path), 1, subject="Ann", session="DAY0"), 2, session="day0")
    assert spelled_alike(made.entries) == [
        "subjects 'ann', 'Ann' are one person",
        "sessions 'day0', 'DAY0' are one sitting",
    ]
    assert spelled_alike(three_people(tmp_path).entries) == []


@pytest.mark.parametrize(
    ("name", "other", "same"),
    [
        ("S1", "s1 ", True),
        ("7", "07", True),
        ("7", "7.0", True),
        ("0", "000", True),
        ("7", "7.5", False),
        ("7", "77", False),
        ("s7", "s07", False),
        ("10", "1", False),
    ],
)
def test_numbers_of_people_are_one_however_spreadsheets_write_them(name: str, other: str, same: bool) -> None:
    assert (same_name(name) == same_name(other)) == same


def test_a_name_is_of_its_corpus_and_a_recording_of_whoever_made_it(tmp_path: Path) -> None:
    ann, _, bob = three_people(tmp_path).entries[:3]
    other = replace(ann, subject="ANN ", sha256="f" * 64)  # another recording
    with pytest.raises(ManifestError, match="trains on people who judge: ANN"):
        check_people([("a", ann)], [("a", other)])
    (line,) = check_people([("a", ann), ("b", bob)], [("b", other)])
    assert "taken for different people: ANN  (a, b); if they are the same" in line
    with pytest.raises(ManifestError, match="which is trained on"):  # the same recording under another name
        check_people([("a", ann)], [("b", replace(ann, subject="carl"))])
    assert check_people([("a", ann)], [("b", replace(other, subject="carl"))]) == []
