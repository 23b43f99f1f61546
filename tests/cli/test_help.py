"""Every verb's help: all is explained, in plain words, spelled alike, and it costs little."""

from __future__ import annotations

import re

import pytest

from emgasr.cli.options.parser import ArgumentParser
from tests.helpers.verbs import options, parsers, positionals

PARSERS = parsers()
SHARED = {  # defined in one place, so said alike wherever they stand
    "--overwrite": {"write where there already is something"},
    "--quiet": {"show no progress"},
}
UNITS = re.compile(r"-(s|ms|hz|uv|cer|db|gb)$|-(seconds|minutes)$")
pytestmark = pytest.mark.parametrize("verb", PARSERS)


def help_of(parser: ArgumentParser, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "100")
    return parser.format_help()


def test_every_option_and_every_positional_is_explained(verb: str) -> None:
    unexplained = [
        action.option_strings[-1] if action.option_strings else action.dest
        for action in (*options(PARSERS[verb]), *positionals(PARSERS[verb]))
        if not re.search(r"[a-z]{2}", re.sub(r"\(.*?\)$", "", action.help or ""))
    ]
    assert unexplained == []


def test_options_are_shown_with_hyphens(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.findall(r"--[\w.-]+", help_of(PARSERS[verb], monkeypatch))
    assert [option for option in shown if "_" in option] == []
    assert [name for action in options(PARSERS[verb]) for name in action.option_strings if "_" in name] == []


def test_no_class_and_no_type_is_shown(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = help_of(PARSERS[verb], monkeypatch)
    for noise in ("<class", "(type:", "Config(", "None)", "default: None", "<lambda>", "==SUPPRESS=="):
        assert noise not in shown


def test_the_help_begins_with_a_usage_and_ends_with_an_example(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = help_of(PARSERS[verb], monkeypatch)
    assert shown.startswith(f"usage: emgasr {verb} ")
    assert PARSERS[verb].description
    assert f"\n  emgasr {verb.split()[0]}" in shown.rpartition("example")[2]


def test_its_examples_are_taken(verb: str) -> None:
    for example in PARSERS[verb].examples:
        program, called, *words = example.split()
        assert (program, called) == ("emgasr", verb.split()[0])
        PARSERS[called].parse_args(words)


def test_a_shared_option_says_the_same_everywhere(verb: str) -> None:
    for action in options(PARSERS[verb]):
        if texts := SHARED.get(action.option_strings[-1]):
            assert action.help in texts


def test_what_is_written_goes_to_out(verb: str) -> None:
    names = {name for action in options(PARSERS[verb]) for name in action.option_strings}
    assert not names & {"--output", "--to", "--into", "--jsonl"}
    assert not {action.dest for action in positionals(PARSERS[verb])} & {"out", "output"}
    assert "--overwrite" not in names or "--out" in names


def test_a_time_names_its_unit(verb: str) -> None:
    """`--seconds` and `--minutes` alone do not say of what, and `--rest` not in which unit."""
    own = [name for action in options(PARSERS[verb]) for name in action.option_strings if "." not in name]
    no_times = {"train": {"--minutes"}, "personalize": {"--minutes"}, "manifest": {"--rest"}, "new": {"--rest"}}
    assert not set(own) & ({"--seconds", "--minutes", "--rest", "--pause"} - no_times.get(verb, set()))


def test_models_that_ship_are_named_wherever_a_model_is_asked_for(verb: str) -> None:
    from emgasr.models.folder import PACKAGED

    asked = [one.help or "" for one in positionals(PARSERS[verb]) if one.dest == "model" and verb[:2] != "lm"]
    assert all(name in text for text in asked for name in PACKAGED)
