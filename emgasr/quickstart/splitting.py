"""Takes in; the rule of `emgasr manifest` that splits them most honestly, and what it then measures, out.

People who are new measure a model for anyone; a session that is new, one for another day. Within one session only
takes are new, which is optimistic. A split must leave takes of every label to train on.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from emgasr.display.wording import counted, listed
from emgasr.errors import ConfigError
from emgasr.manifests.identity import same_name
from emgasr.quickstart.takes import Take

PERSON, SESSION, TAKE = "person", "session", "take"
RULES = (PERSON, SESSION, TAKE)
LEAST_PEOPLE = 3  # to hold one out
LEAST_TRAINED = 2  # people, or sessions, that are left where one validates
LARGEST = 0.4  # of the takes that a split may take
USUAL, SMALLEST = 5, 2  # every so manyth take


@dataclass(frozen=True)
class Split:
    """Options of `emgasr manifest`, what the test then measures, and whether that is optimistic."""

    words: tuple[str, ...]
    measures: str
    optimistic: bool = False


def guess_rule(takes: Sequence[Take]) -> tuple[str, str]:
    """Return the rule to guess for these takes, and why."""
    people = _names(takes, _subject)
    if len(people) >= LEAST_PEOPLE:
        return PERSON, f"{len(people)} people: the test measures a person who is new"
    if _held_out(takes, _session, takes):
        sessions = len(_names(takes, _session))
        return SESSION, f"{counted(sessions, 'session')}: the test measures a session that is new"
    if len(_names(takes, _session)) > 1:
        return TAKE, "no session can be left out without leaving out a label; takes of known sessions are optimistic"
    return TAKE, "there is one session only; takes of a known session are optimistic"


def split_takes(takes: Sequence[Take], rule: str) -> Split:
    """Return the split by a rule; a ConfigError if these takes cannot be split by it."""
    if rule == TAKE:
        n = _every(takes)
        every = ("--test-every", str(n), "--validation-every", str(max(SMALLEST, n - 1)))
        return Split(every, "takes of sessions that training has seen: optimistic for another day", True)
    key, option, unseen = (
        (_subject, "subjects", "people whom training has not seen")
        if rule == PERSON
        else (_session, "sessions", "sessions that training has not seen")
    )
    test = _held_out(takes, key, takes)
    if not test:
        wrong = f"{rule}: no {rule} can be left out so that takes of every label are left to train on"
        raise ConfigError("--split-by", wrong, f"there are: {listed(_names(takes, key), 8)}; try --split-by take")
    left = [take for take in takes if same_name(key(take)) not in set(map(same_name, test))]
    # Two at least must be left to train on: a model of one session reads that session only.
    validation = _held_out(left, key, takes) if len(_names(left, key)) > LEAST_TRAINED else []
    words = [f"--test-{option}", *test]
    words += [f"--validation-{option}", *validation] if validation else ["--validation-every", str(_every(left))]
    return Split(tuple(words), f"{unseen}: {listed(test)}")


def _held_out(takes: Sequence[Take], key: Callable[[Take], str], whole: Sequence[Take]) -> list[str]:
    """The names to hold out of `takes`: the latest that covers most labels, or a fifth of many people; [] if none can.

    What is left must hold every label, and more than one name must be there.
    """
    names = _names(takes, key)
    count = max(1, len(names) // 5) if key is _subject else 1
    if len(names) < 2 or (key is _subject and len(_names(whole, key)) < LEAST_PEOPLE):
        return []
    labels = {take.label for take in whole}
    found = []
    for last in range(len(names), count - 1, -1):
        chosen = names[last - count : last]
        held = [take for take in takes if key(take) in chosen]
        left = [take for take in takes if key(take) not in chosen]
        if {take.label for take in left} == labels and {take.subject for take in left} >= _people(takes, key):
            found.append((len({take.label for take in held}), len(held) <= LARGEST * len(whole), chosen))
    # Of those that cover most labels one that is not too large; the first of equals is the latest.
    return max(found, key=lambda one: one[:2])[2] if found else []


def _people(takes: Sequence[Take], key: Callable[[Take], str]) -> set[str]:
    """Who must be left to train on: everyone, where sessions are held out."""
    return set() if key is _subject else {take.subject for take in takes}


def _every(takes: Sequence[Take]) -> int:
    """Every how manyth take to hold out: what half of the labels have takes for, USUAL at most."""
    counts = sorted(Counter((same_name(take.subject), take.label) for take in takes).values())
    return max(SMALLEST, min(USUAL, counts[len(counts) // 2]))


def _subject(take: Take) -> str:
    return take.subject


def _session(take: Take) -> str:
    return take.session


def _names(takes: Iterable[Take], key: Callable[[Take], str]) -> list[str]:
    """The names in their natural order (day 2 before day 10), each once; no name is none."""
    found: dict[str, str] = {}
    for take in takes:
        if key(take):
            found.setdefault(same_name(key(take)), key(take))
    return sorted(
        found.values(), key=lambda name: [(p.isdigit(), int(p) if p.isdigit() else 0, p) for p in _runs(name)]
    )


def _runs(name: str) -> list[str]:
    """The runs of digits and of other signs."""
    return re.findall(r"[0-9]+|[^0-9]+", name.casefold())
