"""Leaks made on purpose: each is refused, and the reason told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from emgasr.errors import ConfigError, DataError, EmgasrError, LanguageModelError, ManifestError
from emgasr.manifests.leaks import check_apart, leaks, part_name
from emgasr.manifests.manifest import PART, Entry, Manifest
from emgasr.protocol.checks import check_fitted, check_fold, check_init, check_list, check_lm_text, check_starts
from emgasr.protocol.folds import RuleConfig, make_splits
from tests.helpers.people import entry, people

LOSO = asdict(RuleConfig("leave-one-subject-out", test_sessions=1))
MADE = make_splits(people(), RuleConfig(**LOSO))
FOLD = MADE.folds[0]


def of(side: str, entries: list[Entry]) -> list[Entry]:
    return [one for one in entries if one.split == side]


def leaked(change: Callable[[list[Entry]], Entry]) -> list[Entry]:
    entries = MADE.entries(FOLD, people())
    return [*entries, change(entries)]


def part(one: Entry, start: float, end: float, **changes: object) -> Entry:
    return replace(one, options={PART: [start, end]}, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda e: entry("p0", "s9", "train"), "the same subject is in held out and train: p0"),
        (lambda e: entry("p0", "s9", "validation"), "the same subject is in held out and validation: p0"),
        (
            lambda e: replace(of("train", e)[0], sha256="e" * 64, split="validation"),
            "the same subject is in train and val",
        ),
        (lambda e: replace(of("test", e)[0], sha256="e" * 64, split="calibration"), "the same session is in .*: p0/s2"),
        (lambda e: replace(of("test", e)[0], subject="q", split="train"), "the same recording .checksum. is in"),
        (lambda e: part(of("test", e)[0], 0, 5, subject="q", split="train"), "5 s of .* their windows overlap"),
        (lambda e: part(of("test", e)[0], 9, 12, session="q", split="calibration"), "3 s of .* are in test and cal"),
    ],
)
def test_a_leaked_fold_is_refused(change: Callable[[list[Entry]], Entry], told: str) -> None:
    check_fold(FOLD, MADE.entries(FOLD, people()), LOSO, Path())
    with pytest.raises(ManifestError, match=f"^fold p0: .*{told}"):
        check_fold(FOLD, leaked(change), LOSO, Path())


def test_sessions_without_a_name_are_one_sitting_of_each_person() -> None:
    nameless = Manifest(tuple(replace(one, session="") for one in people().entries), Path())
    rule = RuleConfig("groups", groups=2)
    for fold in (made := make_splits(nameless, rule)).folds:
        check_fold(fold, made.entries(fold, nameless), made.rule, Path())
    entries = made.entries(fold, nameless)
    other = replace(of("test", entries)[0], sha256="e" * 64, split="calibration")
    with pytest.raises(ManifestError, match="the same session is in"):
        check_fold(fold, [*entries, other], made.rule, Path())


def test_parts_of_one_file_may_be_on_both_sides_only_where_they_do_not_overlap() -> None:
    one = entry("p0", "s0")
    first, second, late = part(one, 0, 60), part(one, 60, 80, split="test"), part(one, 59.5, 70, split="test")
    assert leaks(Manifest((first, second), Path())) == []
    assert "0.5 s of p0_s0.hdf5 are in train and test" in leaks(Manifest((first, late), Path()))[0]
    check_apart([first], [second])
    for held_out in (late, replace(one, split="test")):
        with pytest.raises(ManifestError, match="trained on"):
            check_apart([first], [held_out])
    with pytest.raises(ManifestError, match=r"'part_s' is \[5, 5\]"):
        leaks(Manifest((part(one, 5, 5),), Path()))


def test_a_list_composed_over_the_sides_is_refused() -> None:
    entries = MADE.entries(FOLD, people())
    trained, tested = of("train", entries)[0], of("test", entries)[0]
    composed = replace(tested, sha256="c" * 64, take=f"{part_name(tested)}@1.000 {part_name(tested)}@4.000")
    check_list(FOLD, entries, [composed])
    with pytest.raises(ManifestError, match="read as test, is or holds a recording of train"):
        check_list(FOLD, entries, [replace(composed, take=f"{composed.take} {part_name(trained)}@2.000")])


@pytest.mark.parametrize("what", ["weights", "normalization", "search", "template"])
def test_nothing_is_fitted_on_what_is_held_out(what: str) -> None:
    entries = MADE.entries(FOLD, people())
    tested = of("test", entries)
    check_fitted({what: of("train", entries)}, tested, "system s")
    for fitted in (tested[0], part(tested[0], 3, 4)):
        with pytest.raises(ManifestError, match=r"^system s: .* fitted on p0/s2, which is held out"):
            check_fitted({what: [*of("train", entries), fitted]}, tested, "system s")
    composed = replace(of("train", entries)[0], take=f"{part_name(tested[0])}@1.000")
    with pytest.raises(ManifestError, match="fitted on a part of what is held out"):
        check_fitted({what: [composed]}, tested, "system s")


def test_every_fold_starts_from_the_same_parameters() -> None:
    check_starts({"p0": "aa", "p1": "aa"})
    with pytest.raises(DataError, match="fold p1 starts from other parameters than fold p0"):
        check_starts({"p0": "aa", "p1": "bb"})


@pytest.mark.parametrize(
    ("trained_on", "told"),
    [
        (None, "nothing tells what that was trained on"),
        ([entry("p0", "s9")], "trained on p0, who is held out"),
        ([entry("p0", "s2")], "the weights were fitted on p0/s2, which is held out"),
    ],
)
def test_weights_to_start_from_know_nobody_who_is_held_out(trained_on: list[Entry] | None, told: str) -> None:
    tested = of("test", MADE.entries(FOLD, people()))
    check_init("model", [entry("p3", "s0")], tested, "system s")
    with pytest.raises(EmgasrError, match="was trained on p0, who is held out"):
        check_init("model", [entry(" P0", "elsewhere")], tested, "system s")
    with pytest.raises(EmgasrError, match=r"if only the name is the same, .* give one of them another in the manifest"):
        check_init("model", [entry("P0", "of another corpus")], tested, "system s")
    with pytest.raises(EmgasrError, match=told):
        check_init("model", trained_on, tested, "system s")


def test_a_language_model_that_knows_a_test_prompt_is_refused(tmp_path: Path) -> None:
    prompts = ["No one would have believed, in the last years"]
    (tmp_path / "other.txt").write_text("a text about other things altogether, and long enough")
    (tmp_path / "known.txt").write_text("well, no one would have\nbelieved in the last years of it")
    check_lm_text("lm.arpa", [tmp_path / "other.txt"], prompts)
    with pytest.raises(LanguageModelError, match="1 of 1 test prompts stand whole in its text, as 'no one would"):
        check_lm_text("lm.arpa", [tmp_path / "other.txt", tmp_path / "known.txt"], prompts)
    with pytest.raises(ConfigError, match="pass the text that it was built from as --lm-text"):
        check_lm_text("lm.arpa", [], prompts)
