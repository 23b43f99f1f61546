"""--no-carry, --unlabelled-seconds and --align-turn in; what the recordings of a session are read with, out."""

from __future__ import annotations

import argparse
from typing import Literal

from emgasr.errors import ConfigError
from emgasr.frontend.session import ALL, SessionConfig

NAME = "--unlabelled-seconds"


def add_session_options(parser: argparse._ActionsContainer) -> None:
    """Add the three options, for verbs that read recordings."""
    group = parser.add_argument_group(
        "statistics of a session",
        "Level and spread of the signal need no labels. Recordings of one subject and session are read in order; each "
        "goes on from the statistics at the end of the one before.",
    )
    group.add_argument("--no-carry", action="store_true", help="begin each recording anew")
    _add_options(group, f"S|{ALL}", f"; {ALL}: everything of the session")


def add_live_session_option(parser: argparse._ActionsContainer) -> None:
    """Add --unlabelled-seconds and --align-turn for verbs that read a live signal, which goes on anyway."""
    _add_options(parser, "S", "; keys appear that much later at first")


def session_of(options: argparse.Namespace) -> SessionConfig:
    """Return what the options ask for; a ConfigError where seconds or turns cannot be."""
    return _session(not options.no_carry, _seconds(options.unlabelled_seconds), options.align_turn)


def live_session(options: argparse.Namespace) -> tuple[float, int]:
    """Return the seconds of a live signal that set its statistics, and the most turns that they ask for.

    Raises:
        ConfigError: They cannot be.
    """
    seconds = _seconds(options.unlabelled_seconds)
    if seconds == ALL:
        raise ConfigError(NAME, "is all, and a live signal has no end yet", "give seconds")
    return float(seconds), _session(True, seconds, options.align_turn).align_turns


def _session(carry: bool, seconds: float | Literal["all"], turns: int) -> SessionConfig:
    try:
        return SessionConfig(carry, seconds, turns)
    except ConfigError as error:
        if error.where == "align_turns":
            raise ConfigError("--align-turn", error.wrong, f"give {NAME} S") from error
        raise ConfigError(NAME, error.wrong, error.advice) from error


def _add_options(group: argparse._ActionsContainer, metavar: str, more: str) -> None:
    text = f"the session's first S seconds set the statistics before any of it is read (default: 0){more}"
    group.add_argument(NAME, default="0", metavar=metavar, help=text)
    turn = "turn rings back by at most N electrodes, as these seconds ask for beside the training people's (default: 0)"
    group.add_argument("--align-turn", type=int, default=0, metavar="N", help=turn)


def _seconds(word: str) -> float | Literal["all"]:
    if word == ALL:
        return "all"
    try:
        return float(word)
    except ValueError:
        raise ConfigError(NAME, f"is {word!r}", f"give seconds, or {ALL}") from None
