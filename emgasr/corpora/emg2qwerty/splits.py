"""Who trains and who tests on emg2qwerty: entries with the published split files, or a rule, in; splits out.

Sessions are named by their number (unix seconds), which both editions have in their file names.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from emgasr.config.typed_data import fits
from emgasr.corpora.tables.delimited import read_table
from emgasr.errors import ConfigError, ManifestError, RecordingError
from emgasr.files.plain_data import read_yaml
from emgasr.manifests.manifest import TEST, TRAIN, VALIDATION, Entry

SPLIT_NAMES = {"train": TRAIN, "val": VALIDATION, "test": TEST}
HELD_OUT_USERS, HELD_OUT_SESSIONS = 8, 2  # of test users, and of each user's sessions that validate or test
GENERIC = "generic"
ADVICE = "see recipes/emg2qwerty/RESULTS.md"

Key = tuple[str, str]  # user and session number


def session_number(name: str) -> str:
    """The unix seconds in a session's name (2021-06-30-1625079089-keystrokes, ses-1625079089); else the name."""
    found = re.search(r"(?<!\d)\d{9,11}(?!\d)", name)
    return found[0] if found else name


def read_metadata(path: Path) -> dict[Key, dict[str, str]]:
    """The rows of metadata.csv by user and session number; a RecordingError names a session that stands there twice."""
    rows: dict[Key, dict[str, str]] = {}
    for row in read_table(path, ("user", "session")):
        key = (row["user"].strip(), session_number(row["session"].strip()))
        if not all(key):
            raise RecordingError(path, f"line {row.line}: lacks a user or a session", "mend the table")
        if key in rows:
            raise RecordingError(
                path, f"line {row.line}: session {row['session']} stands there twice", "mend the table"
            )
        rows[key] = row
    return rows


def compare_with_metadata(entries: Iterable[Entry], rows: Mapping[Key, Mapping[str, str]], where: Path) -> list[str]:
    """A line for each session of metadata.csv without a file, for each file that it lacks, and for each mismatch."""
    found = []
    present = {(entry.subject, entry.session): entry for entry in entries}
    users = {session: user for user, session in rows}
    for key, entry in present.items():
        if key not in rows:
            other = f" for {entry.subject}, but for {users[key[1]]}" if key[1] in users else ""
            found.append(f"{entry.path}: session {entry.session} is not in {where.name}{other}")
        elif (minutes := rows[key].get("duration_mins", "")) and abs(_number(minutes) - entry.duration_s / 60) > 0.1:
            found.append(f"{entry.path}: lasts {entry.duration_s / 60:.1f} minutes, {where.name} says {minutes}")
    missing = [key for key in rows if key not in present]
    found += [f"{where}: session {session} of {user} has no file" for user, session in missing]
    return found


def read_split_file(path: Path) -> dict[Key, str]:
    """The split of each session of a published file: `dataset: {train, val, test: [{user, session}]}`."""
    # Every value stays text: to YAML, the user 05344357 would be an octal number.
    content: Any = read_yaml(path, ManifestError, ADVICE, words_only=True)
    dataset = content.get("dataset") if isinstance(content, dict) else None
    found: dict[Key, str] = {}
    for name, split in SPLIT_NAMES.items():
        rows: Any = (dataset.get(name) or ()) if isinstance(dataset, dict) else None
        if not fits(tuple[dict[str, str], ...], rows) or not all({"user", "session"} <= row.keys() for row in rows):
            raise ManifestError(path, "is not a split file of emg2qwerty", ADVICE)
        for row in rows:
            key = (row["user"].strip(), session_number(row["session"]))
            if found.setdefault(key, split) != split:
                raise ManifestError(path, f"session {row['session']} is in {found[key]} and {split}", "mend it")
    if not found:
        raise ManifestError(path, "names no session", ADVICE)
    return found


def split_as_published(
    entries: Sequence[Entry], table: Mapping[Key, str], where: Path
) -> tuple[list[Entry], list[str]]:
    """The entries that a split file names, with their splits; and a line for each session that has no entry."""
    chosen = [
        replace(entry, split=table[entry.subject, entry.session])
        for entry in entries
        if (entry.subject, entry.session) in table
    ]
    present = {(entry.subject, entry.session) for entry in chosen}
    lines = [
        f"{where}: session {session} of {user} has no file" for user, session in table if (user, session) not in present
    ]
    return chosen, lines


def held_out_users(entries: Iterable[Entry], count: int = HELD_OUT_USERS, seed: int = 0) -> list[str]:
    """The users whom the rule keeps for testing: `count`, drawn by `seed` from those with enough sessions."""
    sessions: dict[str, int] = {}
    for entry in entries:
        sessions[entry.subject] = sessions.get(entry.subject, 0) + 1
    able = sorted(user for user, number in sessions.items() if number >= HELD_OUT_SESSIONS)
    if not 0 < count < len(sessions) or count > len(able):
        wrong = f"{count} test users of {len(sessions)}, {len(able)} of whom have {HELD_OUT_SESSIONS} sessions or more"
        raise ConfigError("splits", wrong, "ask for fewer, or fetch more sessions")
    return sorted(random.Random(seed).sample(able, count))


def split_by_rule(entries: Sequence[Entry], name: str, test_users: Sequence[str]) -> list[Entry]:
    """Split as the published files do: `name` "generic", or one of the test users for their personal split.

    Generic: of each test user the two latest sessions test, the others are left out; of everyone else the two latest
    validate (one of two or three; none of one), the others train. Personal: of that user's sessions the two latest
    test, the two before validate (one, of fewer than five), the others train.
    """
    by_user: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.session):
        by_user.setdefault(entry.subject, []).append(entry)
    if name != GENERIC:
        if name not in test_users:
            raise ManifestError("splits", f"{name!r} is no test user", f"they are: {', '.join(test_users)}")
        return _personal(by_user[name])
    found = []
    for user, own in by_user.items():
        if user in test_users:
            found += [replace(entry, split=TEST) for entry in own[-HELD_OUT_SESSIONS:]]
            continue
        last = HELD_OUT_SESSIONS if len(own) > HELD_OUT_SESSIONS + 1 else int(len(own) > 1)
        cut = len(own) - last
        found += [replace(entry, split=TRAIN if i < cut else VALIDATION) for i, entry in enumerate(own)]
    return found


def _personal(own: Sequence[Entry]) -> list[Entry]:
    left = len(own) - HELD_OUT_SESSIONS
    if left < 2:
        raise ManifestError("splits", f"{own[0].subject} has {len(own)} sessions", "a personal split needs four")
    validating = HELD_OUT_SESSIONS if left > HELD_OUT_SESSIONS else 1
    splits = [TRAIN] * (left - validating) + [VALIDATION] * validating + [TEST] * HELD_OUT_SESSIONS
    return [replace(entry, split=split) for entry, split in zip(own, splits, strict=True)]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
