"""Spellings of 0.1 that 0.2 still takes, with a warning: the one table of what is called otherwise now."""

from __future__ import annotations

from typing import NamedTuple

MANY = "…"  # ends the name of a positional that takes all the values of the old option


class Renamed(NamedTuple):
    """An old spelling and the new one, of one verb: an option (`--rest`) or the name of a positional (`MANIFEST`)."""

    verb: str
    old: str
    new: str


VERBS = {"settle": "tune-live"}

RENAMED = tuple(
    Renamed(verb, old, new)
    for verb, spellings in {
        "demo": {"--minutes-calibration": "--data-minutes", "--minutes-fitting": "--fit-minutes"},
        "simulate": {"OUT": "--out", "--minutes": "--session-minutes"},
        "manifest": {
            "--rest-labels": "--rest",
            "--val-sessions": "--validation-sessions",
            "--val-subjects": "--validation-subjects",
            "--val-subject-count": "--validation-subject-count",
            "--val-every": "--validation-every",
        },
        "condition": {"OUT": "--out"},
        "record": {"OUT": "--out", "--seconds": "--limit-seconds", "--rest": "--rest-seconds"},
        "doctor": {"--seconds": "--limit-seconds"},
        "calibrate": {
            "--person": "--subject",
            "--donning": "--session",
            "--rest": "--rest-seconds",
            "--seconds": "--data-seconds",
            "--minutes-fitting": "--fit-minutes",
        },
        "train": {"--manifest": "MANIFEST"},
        "personalize": {"--recordings": f"RECORDING{MANY}", "--manifest": "RECORDING"},
        "tune": {"--minutes": "--data-minutes"},
        "tune-live": {"--minutes": "--data-minutes"},
        "evaluate": {"--tune-on": "--validation-split"},
        "stream": {
            "--jsonl": "--json",
            "--settle-within": "--finalize-within-seconds",
            "--pause": "--pause-seconds",
            "--rest": "--rest-seconds",
            "--seconds": "--limit-seconds",
        },
        "protocol split": {
            "--validation-people": "--validation-subject-count",
            "--test-sessions": "--test-session-count",
        },
    }.items()
    for old, new in spellings.items()
)


def renamed_of(verb: str) -> tuple[Renamed, ...]:
    """Return the renamed spellings of one verb."""
    return tuple(renamed for renamed in RENAMED if renamed.verb == verb)
