"""Who is trained on and who is tested: entries and a rule in, entries with their splits and what these claim out.

A person or a session is one however it is spelled (see `same_name`), and stands on one side with all its spellings.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from emgasr.display.wording import counted, listed
from emgasr.errors import ManifestError
from emgasr.manifests.identity import same_name
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry


def by_session(entries: Sequence[Entry], sessions: Collection[str], split: str = TEST) -> list[Entry]:
    """Put whole sessions, by name, into `split`; claim "session:<split>"."""
    return _by_name(entries, sessions, split, "session")


def by_subject(entries: Sequence[Entry], subjects: Collection[str], split: str = TEST) -> list[Entry]:
    """Put whole subjects into `split`; claim "subject:<split>"."""
    return _by_name(entries, subjects, split, "subject")


def everything(entries: Sequence[Entry], split: str) -> list[Entry]:
    """Put every entry into `split`: a corpus that is only for testing, say."""
    return [replace(entry, split=split) for entry in entries]


def every_nth(entries: Sequence[Entry], n: int, split: str = TEST) -> list[Entry]:
    """Put the last of every n training entries of one subject and text, in their order, into `split`.

    Takes recorded right after one another then stand on both sides, which is optimistic: slow drift is a cue.
    """
    if n < 2:
        raise ManifestError("splits", f"every {n}th would leave nothing to train on", "give 2 or more")
    seen: dict[tuple[str, str], int] = {}
    chosen = []
    for entry in entries:
        if entry.split == TRAIN:
            key = same_name(entry.subject), entry.text
            count = seen[key] = seen.get(key, 0) + 1
            entry = replace(entry, split=split) if count % n == 0 else entry
        chosen.append(entry)
    return _not_empty(chosen, split, f"no text has {n} takes of one subject")


def by_fold(entries: Sequence[Entry], folds: int, fold: int, seed: int = 0, split: str = TEST) -> list[Entry]:
    """Put one of `folds` parts of the subjects (shuffled by `seed`) into `split`; a subject is in exactly one."""
    return by_subject(entries, fold_subjects(entries, folds, seed)[_fold(fold, folds)], split)


def fold_subjects(entries: Sequence[Entry], folds: int, seed: int = 0) -> list[list[str]]:
    """The subjects of each fold; sizes differ by one at most."""
    subjects = people(entries)
    if not 2 <= folds <= len(subjects):
        raise ManifestError("splits", f"{folds} folds of {len(subjects)} subjects", "give 2 up to the subjects")
    random.Random(seed).shuffle(subjects)
    return [sorted(subjects[i::folds]) for i in range(folds)]


def carve_subjects(entries: Sequence[Entry], count: int, seed: int = 0, split: str = VALIDATION) -> list[Entry]:
    """Move `count` subjects, drawn by `seed`, from training to `split`."""
    training = people(entry for entry in entries if entry.split == TRAIN)
    if not 0 < count < len(training):
        raise ManifestError(
            "splits",
            f"{count} of {len(training)} training subjects cannot validate",
            "give 1 or more, and leave some to train on",
        )
    return by_subject(entries, random.Random(seed).sample(training, count), split)


def people(entries: Iterable[Entry]) -> list[str]:
    """The subjects in order, each once, as its first entry spells it."""
    found: dict[str, str] = {}
    for entry in entries:
        found.setdefault(same_name(entry.subject), entry.subject)
    return sorted(found.values())


def left_out(entries: Sequence[Entry], split: str, by_text: bool = False) -> list[str]:
    """Return lines on the people (and texts, `by_text`) that a rule passed over when it filled `split`."""
    entries = [entry for entry in entries if entry.split in (TRAIN, split)]
    held = [entry for entry in entries if entry.split == split]
    found = []
    known = {same_name(entry.subject) for entry in held}
    if without := [name for name in people(entries) if same_name(name) not in known]:
        found.append(f"{split} holds no recording of {counted(len(without), 'subject')}: {listed(without)}")
    if by_text:
        texts = {entry.text for entry in held}
        if without := sorted({entry.text for entry in entries} - texts):
            found.append(f"{split} holds no take of {counted(len(without), 'text')}: {listed(without)}")
    return found


def _by_name(entries: Sequence[Entry], names: Collection[str], split: str, what: str) -> list[Entry]:
    known: dict[str, str] = {}
    for entry in entries:
        if entry.split == TRAIN:
            known.setdefault(same_name(getattr(entry, what)), getattr(entry, what))
    wanted = {same_name(name) for name in names}
    if missing := sorted(name for name in names if same_name(name) not in known):
        near = difflib.get_close_matches(same_name(missing[0]), known, n=3)
        told = f"do you mean {' or '.join(known[name] for name in near)}? " if near else ""
        there = listed(sorted(known.values()), 8) or "none"
        raise ManifestError("splits", f"no training {what} is called {missing[0]!r}", f"{told}there are: {there}")
    moved = [
        replace(e, split=split) if e.split == TRAIN and same_name(getattr(e, what)) in wanted else e for e in entries
    ]
    if not any(entry.split == TRAIN for entry in moved):
        advice = f"give fewer, or pass --split {split} alone to list all of them for it"
        raise ManifestError("splits", f"{split} takes every {what}, nothing is left to train on", advice)
    return moved


def _not_empty(entries: list[Entry], split: str, why: str) -> list[Entry]:
    if not any(entry.split == split for entry in entries):
        raise ManifestError("splits", f"{split} would be empty: {why}", "choose another rule")
    return entries


def _fold(fold: int, folds: int) -> int:
    if not 0 <= fold < folds:
        raise ManifestError("splits", f"there is no fold {fold}", f"give 0 to {folds - 1}")
    return fold
