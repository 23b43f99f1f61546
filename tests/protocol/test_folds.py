"""Split files: each rule does what it says, two people get the same file, and other data or edits are refused."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.errors import ManifestError
from emgasr.protocol.checks import check_fold
from emgasr.protocol.folds import RuleConfig, in_order, make_splits, name_of, read_splits, write_splits
from tests.helpers.people import entry, manifest, people


def sides(made: Any, fold: Any, of: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in made.entries(fold, of):
        found.setdefault(one.split, set()).add(f"{one.subject}/{one.session}")
    return found


def test_each_person_is_left_out_once_and_calibrates_with_the_earlier_sessions() -> None:
    made = make_splits(people(), RuleConfig("leave-one-subject-out", test_sessions=1))
    assert [fold.name for fold in made.folds] == ["p0", "p1", "p2", "p3"]
    for fold in made.folds:
        found = sides(made, fold, people())
        assert found["test"] == {f"{fold.name}/s2"}
        assert found["calibration"] == {f"{fold.name}/s0", f"{fold.name}/s1"}
        assert len(found["validation"]) == 3
        assert len(found["train"]) == 6
        check_fold(fold, made.entries(fold, people()), made.rule, Path())


def test_groups_test_each_person_once() -> None:
    made = make_splits(people(7), RuleConfig("groups", groups=3, validation_people=2))
    tested = Counter(p.recording.split("/")[0] for fold in made.folds for p in fold.test)
    assert tested == {f"p{i}": 3 for i in range(7)}


def test_within_a_person_the_last_sessions_are_tested_or_the_end_of_each() -> None:
    made = make_splits(people(2), RuleConfig("within-subject", test_sessions=1))
    assert sides(made, made.folds[0], people(2)) == {"train": {"p0/s0"}, "validation": {"p0/s1"}, "test": {"p0/s2"}}
    made = make_splits(people(2), RuleConfig("within-subject"))
    parts = [(e.split, e.part_s, e.duration_s) for e in made.entries(made.folds[1], people(2)) if e.session == "s1"]
    assert parts == [("train", (0, 60), 60), ("validation", (60, 80), 20), ("test", (80, 100), 20)]
    check_fold(made.folds[1], made.entries(made.folds[1], people(2)), made.rule, Path())


def test_official_splits_are_the_manifests_own() -> None:
    made_of = manifest(
        entry("a", "1"), entry("b", "1", "validation"), entry("c", "9", "test"), entry("c", "10", "test")
    )
    whole = make_splits(made_of, RuleConfig("official"))
    assert sides(whole, whole.folds[0], made_of)["test"] == {"c/9", "c/10"}
    held_back = make_splits(made_of, RuleConfig("official", test_sessions=1))
    assert sides(held_back, held_back.folds[0], made_of)["test"] == {"c/10"}  # the tenth comes after the ninth


def test_two_people_get_the_same_file_wherever_their_data_lies_and_in_whatever_order(tmp_path: Path) -> None:
    rule = RuleConfig("groups", groups=2, seed=5)
    moved = manifest(*(replace(e, path=f"/elsewhere/{e.path}") for e in people().entries[::-1]))
    for name, made_of in (("one", people()), ("other", moved)):
        write_splits(make_splits(made_of, rule), tmp_path / name)
        read_splits(tmp_path / name).check_made_of(moved)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert make_splits(people(), rule).checksum() != make_splits(people(), replace(rule, seed=6)).checksum()


def test_other_recordings_are_refused() -> None:
    made = make_splits(people(), RuleConfig())
    changed = list(people().entries)
    changed[0] = replace(changed[0], sha256="f" * 64)
    with pytest.raises(
        ManifestError, match=r"made of other recordings; 1 recordings are missing or changed, as p0/s0/"
    ):
        made.check_made_of(manifest(*changed))
    with pytest.raises(ManifestError, match="made of other recordings"):
        made.check_made_of(people(5))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["folds"][0]["test"].extend(c["folds"][0]["train"][:1]), r"was changed after it was made"),
        (lambda c: c["rule"].update(seed=1), r"was changed after it was made"),
        (lambda c: c.pop("sha256"), "lacks or garbles 'sha256'"),
        (lambda c: c["folds"][0].pop("test"), "lacks or garbles 'test'"),
        (lambda c: c["folds"][0]["test"][0].update(colour=1), "lacks or garbles"),
        (lambda c: c["folds"][0]["test"][0].update(recording=3), "lacks or garbles the piece 3"),
        (lambda c: c["folds"][0]["test"][0].update(start_s="0", end_s=1), "lacks or garbles the piece"),
        (lambda c: c["folds"][0]["test"][0].update(start_s=1), "lacks or garbles the piece"),
        (lambda c: c["folds"][0]["test"][0].update(start_s=0, end_s=1e308), r"the piece .* to 1e\+308 s"),
        (lambda c: c["folds"][0]["test"][0].update(start_s=2, end_s=1), "the piece .* from 2 to 1 s"),
        (lambda c: c["folds"][0]["test"][0].update(start_s=-1, end_s=1), "the piece .* from -1 to 1 s"),
        (lambda c: c["folds"][0].update(name="../../home"), "the name '../../home' of a fold is none of a folder"),
        (lambda c: c["folds"][0].update(name=""), "of a fold is none of a folder"),
        (lambda c: c["folds"][0].update(name=[]), "of a fold is none of a folder"),
        (lambda c: c.update(folds=3), "lacks or garbles"),
        (lambda c: c.update(folds={"a": 1}), "lacks or garbles"),
        (lambda c: c.update(rule={"rule": "none"}), "lacks or garbles the rule"),
        (lambda c: c.update(rule=[]), "lacks or garbles the rule"),
        (lambda c: c["rule"].pop("seed"), "lacks or garbles 'seed'"),
        (lambda c: c["rule"].update(groups="many"), "lacks or garbles the rule .*groups"),
        (lambda c: c["rule"].update(test_sessions=-1), "lacks or garbles the rule .*test_sessions: -1 is out of range"),
        (lambda c: c.update(emgasr_splits=9), "not a split file of version 1"),
    ],
)
def test_an_edited_file_is_refused(tmp_path: Path, change: Any, told: str) -> None:
    write_splits(make_splits(people(), RuleConfig()), tmp_path / "s.json")
    content = json.loads((tmp_path / "s.json").read_text())
    change(content)
    (tmp_path / "s.json").write_text(json.dumps(content))
    with pytest.raises(ManifestError, match=told):
        read_splits(tmp_path / "s.json")


def test_a_piece_beyond_its_recording_is_refused() -> None:
    made = make_splits(people(), RuleConfig("within-subject"))
    fold = made.folds[0]
    (known,) = (entry for entry in people().entries if name_of(entry) == fold.test[0].recording)
    beyond = replace(fold, test=(replace(fold.test[0], end_s=known.duration_s + 1),))
    with pytest.raises(ManifestError, match=f"to {known.duration_s + 1:g} s of {known.duration_s:g} s"):
        made.entries(beyond, people())


def test_what_is_no_split_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text("{oops")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    (tmp_path / "nan.json").write_text('{"emgasr_splits": NaN}')
    told_of = {"s": "is not JSON", "none": "cannot be read", "deep": "nests more than", "nan": "holds NaN"}
    for name, told in ((f"{stem}.json", told) for stem, told in told_of.items()):
        with pytest.raises(ManifestError, match=told):
            read_splits(tmp_path / name)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (RuleConfig("groups", groups=9), "9 folds of 4 subjects"),
        (RuleConfig(validation_people=3), "3 of 3 training subjects"),
        (RuleConfig("official"), "has no validation recordings"),
        (
            RuleConfig("within-subject", test_sessions=2),
            "has 3 sessions: too few to train on, to validate and 2 to test",
        ),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused(rule: RuleConfig, told: str) -> None:
    with pytest.raises(ManifestError, match=told):
        make_splits(people(), rule)


@pytest.mark.parametrize(
    ("sessions", "corpus", "advice"),
    [
        ("123", "takes", "pass --rule within-subject --test-session-count 1"),
        ("12", "takes", "make the manifest with --test-sessions 2 --validation-every 5, then pass --rule official"),
        ("1", "takes", "make the manifest with --test-every 5 --validation-every 5"),
        ("1", "native", "pass --rule within-subject: it trains on the begin of each recording"),
    ],
)
def test_for_one_persons_sessions_the_rule_that_works_is_named(sessions: str, corpus: str, advice: str) -> None:
    alone = manifest(*(replace(entry("ann", session), corpus=corpus) for session in sessions))
    with pytest.raises(ManifestError, match=r"all recordings are of one person \(ann\)") as caught:
        make_splits(alone, RuleConfig("leave-one-subject-out"))
    assert advice in str(caught.value)


def test_the_rule_that_is_named_for_one_persons_sessions_works() -> None:
    alone = manifest(*(replace(entry("ann", session), corpus="takes") for session in "123"))
    (fold,) = make_splits(alone, RuleConfig("within-subject", test_sessions=1)).folds
    assert (len(fold.train), len(fold.validation), len(fold.test)) == (1, 1, 1)


def test_takes_are_not_cut_in_time() -> None:
    with pytest.raises(ManifestError, match="takes are single labels; pass --rule within-subject --test-session-count"):
        make_splits(
            manifest(*(replace(entry("ann", session), corpus="takes") for session in "123")),
            RuleConfig("within-subject"),
        )


def test_a_recording_listed_twice_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"p0/s0/.* is listed twice"):
        make_splits(manifest(*people().entries, people().entries[0]), RuleConfig())


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=20, unique=True))
def test_sessions_come_in_the_order_of_their_numbers(numbers: list[int]) -> None:
    assert in_order(f"ses-{n}" for n in numbers) == [f"ses-{n}" for n in sorted(numbers)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subject": "P1 "}, "subjects 'p1', 'P1 ' are one person; spell each alike"),
        ({"session": "S1"}, "sessions 's1', 'S1' are one sitting"),
        ({"subject": ""}, "names no subject"),
        ({"subject": " \u200b"}, "names no subject"),
    ],
)
def test_people_and_sittings_of_several_spellings_make_no_folds(changes: dict[str, str], told: str) -> None:
    entries = [entry for entry in people().entries if (entry.subject, entry.session) != ("p1", "s2")]
    last = entry("p1", "s2")
    with pytest.raises(ManifestError, match=told):
        make_splits(manifest(*entries, replace(last, **changes)), RuleConfig(validation_people=1))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "C:\\x", "100%", "a\0b", "é ␣"])
def test_the_fold_of_any_name_is_one_folder(tmp_path: Path, name: str) -> None:
    made = make_splits(manifest(*people(3).entries, entry(name, "s0")), RuleConfig())
    write_splits(made, tmp_path / "s.json")
    assert read_splits(tmp_path / "s.json") == made
    for fold in made.folds:
        assert (tmp_path / "folds" / fold.name).resolve().parent == (tmp_path / "folds").resolve()
