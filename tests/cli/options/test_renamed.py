"""Old spellings: each still works, warns in one line that names the new one, and does what the new one does."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from emgasr.cli import VERBS, main
from emgasr.cli.options.renamed import MANY, RENAMED, Renamed
from emgasr.cli.options.renamed import VERBS as RENAMED_VERBS
from tests.helpers.verbs import options, parsers, positionals

PARSERS = parsers()


def value_for(action: argparse.Action) -> list[str]:
    """Words that an option or a positional takes."""
    if action.nargs == 0:
        return []
    words = [str(next(iter(action.choices)))] if action.choices else ["3" if action.type in (int, float) else "word"]
    return words * 2 if action.nargs in ("+", "*") else words


def needed(verb: str, but: str) -> list[str]:
    """What the verb cannot do without, other than the option `but`."""
    words = [word for action in positionals(PARSERS[verb]) if action.nargs != "?" for word in value_for(action)]
    for action in options(PARSERS[verb]):
        if action.required and but not in action.option_strings:
            words += [action.option_strings[-1], *value_for(action)]
    return words


def parsed(verb: str, words: list[str]) -> dict[str, Any]:
    return vars(PARSERS[verb].parse_args(words))


@pytest.mark.parametrize("renamed", RENAMED, ids=lambda renamed: f"{renamed.verb} {renamed.old}")
def test_an_old_spelling_does_what_the_new_one_does_and_says_so(
    renamed: Renamed, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = words_of(renamed)
    wanted = parsed(renamed.verb, new)
    assert capsys.readouterr().err == ""
    assert parsed(renamed.verb, old) == wanted
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"emgasr: {renamed.verb}: {renamed.old} is now {renamed.new};")


def words_of(renamed: Renamed) -> tuple[list[str], list[str]]:
    """The same command by the old spelling and by the new one."""
    verb = renamed.verb
    if not renamed.new.startswith("--"):  # an option became a positional
        front = needed(verb, "")
        first = [word for word in front[: next((i for i, w in enumerate(front) if w[0] == "-"), len(front))]]
        options_after = front[len(first) :]
        model = first[:1] if verb == "personalize" else []
        values = ["one.hdf5", "two.hdf5"] if renamed.new.endswith(MANY) else ["all.jsonl"]
        return [*model, *options_after, renamed.old, *values], [*model, *values, *options_after]
    action = next(action for action in options(PARSERS[verb]) if renamed.new in action.option_strings)
    front = needed(verb, renamed.new)
    if not renamed.old.startswith("--"):  # a positional became an option
        return [*front, "word"], [*front, renamed.new, "word"]
    return [*front, renamed.old, *value_for(action)], [*front, renamed.new, *value_for(action)]


@pytest.mark.parametrize(("old", "new"), RENAMED_VERBS.items())
def test_an_old_verb_is_the_new_one_and_says_so(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert new in VERBS
    assert main([new, "--help"]) == 0
    wanted = capsys.readouterr()
    assert main([old, "--help"]) == 0
    told = capsys.readouterr()
    assert told.out == wanted.out
    assert told.err == f"emgasr: {old} is now {new}; the next release knows the new name alone\n"


def test_no_new_spelling_is_an_old_one_too() -> None:
    old = {(renamed.verb, renamed.old) for renamed in RENAMED}
    assert not old & {(renamed.verb, renamed.new) for renamed in RENAMED}
    assert all(renamed.verb in PARSERS for renamed in RENAMED)


@pytest.mark.parametrize(
    ("verb", "words", "found"),
    [
        ("evaluate", ["m", "d", "--lm_weight", "2"], {"lm_weight": 2.0}),
        ("evaluate", ["m", "d", "--lm-weight=2"], {"lm_weight": 2.0}),
        ("condition", ["--mains", "50", "in", "out"], {"recording": "in"}),
        ("record", ["--source", "a", "--rest=2", "out"], {"rest_seconds": 2.0}),
        ("personalize", ["m", "--recordings", "a", "b", "--out", "o", "--steps", "3"], {}),
        ("personalize", ["m", "--manifest=a.jsonl", "--out", "o"], {}),
        ("train", ["--config", "c.yaml", "--manifest", "a.jsonl", "--out", "o"], {"manifest": "a.jsonl"}),
        ("lm score", ["m", "--lowercase", "t", "--", "--odd_name"], {}),
    ],
)
def test_underscores_and_old_places_are_taken(verb: str, words: list[str], found: dict[str, Any]) -> None:
    assert found.items() <= parsed(verb, words).items()


@pytest.mark.parametrize(
    "words",
    [
        ["m", "--recordings", "a", "b", "--out", "o"],
        ["--recordings", "a", "b", "--out", "o", "m"],
        ["--out", "o", "m", "--recordings", "a", "b"],
    ],
)
def test_an_old_option_of_recordings_may_stand_before_and_behind_the_model(words: list[str]) -> None:
    found = parsed("personalize", words)
    assert found["model"] == "m"
    assert [str(path) for path in found["recordings"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["simulate"], "required: --out"),
        (["simulate", "a", "b"], "one word too many: a"),
        (["simulate", "a", "--out", "b"], "one word too many: a"),
        (["condition", "in"], "required: --out"),
        (["transcribe", "m", "r", "--lm-wieght", "2"], "did you mean --lm-weight?"),
        (["doctor", "--source", "s", "--seconds", "2", "--limit_seconds=3"], "which is there too; leave one out"),
        (
            ["train", "m", "--out", "o", "--steps", "3", "--fit.steps", "2"],
            "--steps is the old spelling of --fit.steps",
        ),
        (
            ["train", "m", "--out", "o", "--source.longest_s", "3", "--data.longest-s", "4"],
            "--source.longest-s is the old spelling of --data.longest-s",
        ),
        (["evaluate", "m", "d", "--lm_wieght=2"], "unknown option --lm-wieght; did you mean --lm-weight?"),
    ],
)
def test_what_is_neither_old_nor_new_is_one_line(
    words: list[str], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert wrong in told
    assert told.count("\n") == 1
