"""Who is trained on and who is tested: entries and a rule in, entries with their splits and what these claim out."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from emgasr.errors import ManifestError
from emgasr.manifest import TEST, TRAIN, VALIDATION, Entry


def by_session(entries: Sequence[Entry], sessions: Collection[str], split: str = TEST) -> list[Entry]:
    """Put whole sessions, by name, into `split`; claim "session:<split>"."""
    return _by_name(entries, sessions, split, "session", lambda entry: entry.session)


def by_subject(entries: Sequence[Entry], subjects: Collection[str], split: str = TEST) -> list[Entry]:
    """Put whole subjects into `split`; claim "subject:<split>"."""
    return _by_name(entries, subjects, split, "subject", lambda entry: entry.subject)


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
            count = seen[entry.subject, entry.text] = seen.get((entry.subject, entry.text), 0) + 1
            entry = replace(entry, split=split) if count % n == 0 else entry
        chosen.append(entry)
    return _not_empty(chosen, split, f"no text has {n} takes of one subject")


def by_fold(entries: Sequence[Entry], folds: int, fold: int, seed: int = 0, split: str = TEST) -> list[Entry]:
    """Put one of `folds` parts of the subjects (shuffled by `seed`) into `split`; a subject is in exactly one."""
    return by_subject(entries, fold_subjects(entries, folds, seed)[_fold(fold, folds)], split)


def fold_subjects(entries: Sequence[Entry], folds: int, seed: int = 0) -> list[list[str]]:
    """The subjects of each fold; sizes differ by one at most."""
    subjects = sorted({entry.subject for entry in entries})
    if not 2 <= folds <= len(subjects):
        raise ManifestError("splits", f"{folds} folds of {len(subjects)} subjects", "give 2 up to the subjects")
    random.Random(seed).shuffle(subjects)
    return [sorted(subjects[i::folds]) for i in range(folds)]


def carve_subjects(entries: Sequence[Entry], count: int, seed: int = 0, split: str = VALIDATION) -> list[Entry]:
    """Move `count` subjects, drawn by `seed`, from training to `split`."""
    training = sorted({entry.subject for entry in entries if entry.split == TRAIN})
    if not 0 < count < len(training):
        raise ManifestError(
            "splits", f"{count} of {len(training)} training subjects asked for", "leave some to train on"
        )
    return by_subject(entries, random.Random(seed).sample(training, count), split)


def _by_name(
    entries: Sequence[Entry], names: Collection[str], split: str, what: str, name_of: Callable[[Entry], str]
) -> list[Entry]:
    known = {name_of(entry) for entry in entries if entry.split == TRAIN}
    if missing := sorted(set(names) - known):
        shown = ", ".join(sorted(known)[:8]) + (", …" if len(known) > 8 else "")
        raise ManifestError("splits", f"no training {what} is called {missing[0]!r}", f"there are: {shown or 'none'}")
    moved = [replace(e, split=split) if e.split == TRAIN and name_of(e) in names else e for e in entries]
    if not any(entry.split == TRAIN for entry in moved):
        raise ManifestError("splits", f"{split} takes every {what}, nothing is left to train on", "give fewer")
    return moved


def _not_empty(entries: list[Entry], split: str, why: str) -> list[Entry]:
    if not any(entry.split == split for entry in entries):
        raise ManifestError("splits", f"{split} would be empty: {why}", "choose another rule")
    return entries


def _fold(fold: int, folds: int) -> int:
    if not 0 <= fold < folds:
        raise ManifestError("splits", f"there is no fold {fold}", f"give 0 to {folds - 1}")
    return fold
