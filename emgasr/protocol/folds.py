"""A manifest and a rule in; a split file out, which says with checksums what each fold trains on and tests.

The file names recordings by subject, session and content, never by place: with the same data two people get the same
folds, and a file that was edited, or that belongs to other data, is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from emgasr.config.bounds import Within, check_within
from emgasr.config.typed_data import built, checked
from emgasr.errors import ConfigError, ManifestError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json
from emgasr.manifests import splits
from emgasr.manifests.identity import same_name
from emgasr.manifests.leaks import spelled_alike
from emgasr.manifests.manifest import LONGEST_S, PART, TEST, TRAIN, VALIDATION, Entry, Manifest

VERSION = 1
LARGEST = 2**27  # bytes of a split file
CALIBRATION = "calibration"
SIDES = (TRAIN, VALIDATION, CALIBRATION, TEST)
RULES = ("leave-one-subject-out", "groups", "within-subject", "official")
TIME_SHARES = {TRAIN: 0.6, VALIDATION: 0.2, TEST: 0.2}  # of each recording, in this order


@dataclass(frozen=True)
class RuleConfig:
    """How folds are made.

    Args:
        rule: leave-one-subject-out (a fold a person), groups (`groups` parts of the people, each tested once),
            within-subject (a fold a person, who is trained on and tested), or official (the manifest's own splits).
        groups: parts of the people.
        validation_people: people who choose the checkpoint, drawn anew from each fold's training people.
        test_sessions: each test person's last sessions, which are tested; the earlier ones calibrate. 0 tests all.
            Within a subject the session before them validates; 0 cuts each recording in time instead, in order 60 %
            to train on, 20 % to validate and 20 % to test.
        seed: of the groups and of the draw of validation people.
    """

    rule: Literal["leave-one-subject-out", "groups", "within-subject", "official"] = "leave-one-subject-out"
    groups: Annotated[int, Within(1, 1e6)] = 5
    validation_people: Annotated[int, Within(0, 1e6)] = 1
    test_sessions: Annotated[int, Within(0, 1e6)] = 0
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0

    def __post_init__(self) -> None:
        check_within(self, "splits")


@dataclass(frozen=True)
class Piece:
    """A recording by its name (see `name_of`), or the part of it from `start_s` to `end_s` of its file."""

    recording: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True)
class Fold:
    """One training: what it trains on, what chooses its checkpoint, what calibrates and what is tested."""

    name: str
    train: tuple[Piece, ...]
    validation: tuple[Piece, ...]
    calibration: tuple[Piece, ...]
    test: tuple[Piece, ...]

    def side(self, name: str) -> tuple[Piece, ...]:
        """The pieces of one of SIDES."""
        pieces: tuple[Piece, ...] = getattr(self, name)
        return pieces


@dataclass(frozen=True)
class SplitFile:
    """Folds, the rule that made them, and the checksum of the recordings that they are made of."""

    rule: Mapping[str, Any]
    recordings_sha256: str
    folds: tuple[Fold, ...]

    def checksum(self) -> str:
        """SHA-256 of all of it: equal checksums mean equal folds of equal recordings."""
        return _sha256(self._content())

    def entries(self, fold: Fold, manifest: Manifest) -> list[Entry]:
        """The entries of a fold, side by side as splits; ManifestError if the manifest lacks a recording or part."""
        known = {name_of(entry): entry for entry in manifest.entries}
        found = []
        for side in SIDES:
            for piece in fold.side(side):
                if piece.recording not in known:
                    wrong = f"fold {fold.name} names {piece.recording}, which the manifest lacks"
                    raise ManifestError("split file", wrong, "give the manifest that it was made of")
                entry = known[piece.recording]
                if piece.end_s is not None and entry.part_s is None and piece.end_s > entry.duration_s + 0.001:
                    wrong = (
                        f"fold {fold.name} asks for {piece.recording} to {piece.end_s:g} s of {entry.duration_s:g} s"
                    )
                    raise ManifestError("split file", wrong, "give the manifest that it was made of")
                found.append(_cut(replace(entry, split=side), piece))
        return found

    def check_made_of(self, manifest: Manifest, where: str | Path = "split file") -> None:
        """ManifestError unless the manifest holds just the recordings that the folds were made of."""
        if recordings_checksum(manifest.entries) != self.recordings_sha256:
            known = {name_of(entry) for entry in manifest.entries}
            named = {piece.recording for fold in self.folds for side in SIDES for piece in fold.side(side)}
            missing = sorted(named - known)
            told = f"; {len(missing)} recordings are missing or changed, as {missing[0]}" if missing else ""
            raise ManifestError(where, f"was made of other recordings{told}", "give their manifest, or split anew")

    def _content(self) -> dict[str, Any]:
        folds = [
            {"name": fold.name} | {side: [_row(piece) for piece in fold.side(side)] for side in SIDES}
            for fold in self.folds
        ]
        return {
            "emgasr_splits": VERSION,
            "rule": dict(self.rule),
            "recordings_sha256": self.recordings_sha256,
            "folds": folds,
        }


def name_of(entry: Entry) -> str:
    """Subject, session and what tells the content (file checksum, take, reader's options), never its place."""
    options = sorted((name, value) for name, value in entry.options.items() if name != PART)
    return f"{entry.subject}/{entry.session}/{_sha256([entry.sha256, entry.take, options])[:16]}"


def recordings_checksum(entries: Iterable[Entry]) -> str:
    """SHA-256 of what the recordings are, whatever their order, place and split."""
    return _sha256(sorted((name_of(entry), entry.part_s or ()) for entry in entries))


def make_splits(manifest: Manifest, config: RuleConfig) -> SplitFile:
    """Split the recordings of a manifest; its own splits count with the rule "official" only.

    Raises a ManifestError for a rule that cannot be followed, and for a fold that nothing trains, validates or tests.
    """
    if repeated := _twice(manifest.entries):
        raise ManifestError("splits", f"{repeated} is listed twice", "list each recording once")
    if unnamed := [entry.path for entry in manifest.entries if not same_name(entry.subject)]:
        raise ManifestError("splits", f"{unnamed[0]} names no subject", "say whose it is: folds are of people")
    if alike := spelled_alike(manifest.entries):
        raise ManifestError("splits", alike[0], "spell each alike, or name them apart")
    _check_rule(manifest.entries, config)
    entries = sorted(manifest.entries, key=lambda entry: (name_of(entry), entry.part_s or ()))
    if config.rule != "official":
        entries = [replace(entry, split=TRAIN) for entry in entries]
    folds = []
    for name, split in _folds(entries, config):
        sides: dict[str, list[Piece]] = {side: [] for side in SIDES}
        for entry in split:
            if entry.split in sides:
                start, end = entry.part_s or (None, None)
                sides[entry.split].append(Piece(name_of(entry), start, end))
        for side in (TRAIN, VALIDATION, TEST):
            if not sides[side]:
                raise ManifestError(f"fold {name}", f"has no {side} recordings", "choose another rule")
        folds.append(Fold(name, *(tuple(sides[side]) for side in SIDES)))
    return SplitFile(asdict(config), recordings_checksum(manifest.entries), tuple(folds))


def _check_rule(entries: Sequence[Entry], config: RuleConfig) -> None:
    """Raise a ManifestError that names the rule to take where this one finds too few people, or would cut takes."""
    people = splits.people(entries)
    if config.rule == "leave-one-subject-out" and len(people) < 2 + min(1, config.validation_people):
        who = f"one person ({people[0]})" if len(people) == 1 else "two people, of whom one validates"
        wrong = f"all recordings are of {who}: with one left out nobody is left to train on"
        raise ManifestError("splits", wrong, _rule_that_works(entries))
    if config.rule == "within-subject" and not config.test_sessions and any(e.corpus == "takes" for e in entries):
        wrong = "within-subject without --test-session-count cuts each recording in time, and takes are single labels"
        raise ManifestError("splits", wrong, _rule_that_works(entries))


def _rule_that_works(entries: Iterable[Entry]) -> str:
    """What to do where people cannot be held out: the rule for the sessions that each person has."""
    entries = list(entries)
    sessions: dict[str, dict[str, str]] = {}
    for entry in entries:
        sessions.setdefault(same_name(entry.subject), {}).setdefault(same_name(entry.session), entry.session)
    fewest = min(map(len, sessions.values()))
    if fewest >= 3:
        return "pass --rule within-subject --test-session-count 1: the last session is tested, the one before validates"
    last = in_order(name for own in sessions.values() for name in own.values())[-1]
    if fewest == 2:
        return f"make the manifest with --test-sessions {last} --validation-every 5, then pass --rule official"
    if any(entry.corpus == "takes" for entry in entries):
        return "make the manifest with --test-every 5 --validation-every 5 (optimistic), then pass --rule official"
    return "pass --rule within-subject: it trains on the begin of each recording and tests the end (optimistic)"


def write_splits(made: SplitFile, path: str | Path) -> None:
    """Write a split file with its checksum; the old file stays if this fails."""
    content = made._content() | {"sha256": made.checksum()}
    with replacing(path) as temporary:
        temporary.write_text(as_json(content, indent=1) + "\n", encoding="utf-8")


def read_splits(path: str | Path) -> SplitFile:
    """Read a split file; a ManifestError if it is none, or was edited after it was made."""
    content = read_json(path, ManifestError, "make it with `emgasr protocol split`", LARGEST)
    if not isinstance(content, dict) or content.get("emgasr_splits") != VERSION:
        wrong = f"is not a split file of version {VERSION}"
        raise ManifestError(path, wrong, "make it with `emgasr protocol split`")
    try:
        folds = tuple(
            Fold(_folder(row["name"]), *(tuple(_piece(**piece) for piece in row[side]) for side in SIDES))
            for row in content["folds"]
        )
        made = SplitFile(_rule(content["rule"], path), str(content["recordings_sha256"]), folds)
        told = content["sha256"]
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(path, f"lacks or garbles {error}", "make it anew") from error
    except ConfigError as error:
        raise ManifestError(path, f"lacks or garbles the rule ({error.wrong})", "make it anew") from error
    if made.checksum() != told:
        raise ManifestError(path, "was changed after it was made (checksum)", "make it anew: folds are not edited")
    return made


def folder_name(subject: str) -> str:
    """A subject's name as one of a folder: what a path or a file system would take otherwise is percent-encoded."""
    name = re.sub(r'[%/\\:*?"<>|\x00-\x1f\x7f-\x9f]', lambda sign: quote(sign[0], safe=""), subject)
    return name if name.strip(". ") else quote(name, safe="").replace(".", "%2E")


def in_order(sessions: Iterable[str]) -> list[str]:
    """Session names from the earliest to the latest: numbers in them (dates, Unix times, counts) compare as numbers."""
    return sorted(
        set(sessions), key=lambda name: [(not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in _parts(name)]
    )


def _folds(entries: Sequence[Entry], config: RuleConfig) -> Iterator[tuple[str, list[Entry]]]:
    subjects = sorted({entry.subject for entry in entries})
    if config.rule == "official":
        yield "official", _held_back(entries, config.test_sessions)
    elif config.rule == "within-subject":
        for subject in subjects:
            own = [entry for entry in entries if entry.subject == subject]
            yield (
                folder_name(subject),
                _in_sessions(own, config.test_sessions) if config.test_sessions else list(_in_time(own)),
            )
    else:
        groups = [[subject] for subject in subjects]
        if config.rule == "groups":
            groups = splits.fold_subjects(entries, config.groups, config.seed)
        for number, people in enumerate(groups):
            made = splits.by_subject(entries, people)
            made = splits.carve_subjects(made, config.validation_people, config.seed + number)
            name = folder_name(people[0]) if config.rule == "leave-one-subject-out" else f"group{number}"
            yield name, _held_back(made, config.test_sessions)


def _held_back(entries: Iterable[Entry], test_sessions: int) -> list[Entry]:
    """The same, all but each test person's last sessions kept for calibration; a person's only session is tested."""
    entries = list(entries)
    if not test_sessions:
        return entries
    sessions: dict[str, list[str]] = {}
    for entry in entries:
        if entry.split == TEST:
            sessions.setdefault(entry.subject, []).append(entry.session)
    last = {subject: in_order(names)[-test_sessions:] for subject, names in sessions.items()}
    return [
        replace(entry, split=CALIBRATION) if entry.split == TEST and entry.session not in last[entry.subject] else entry
        for entry in entries
    ]


def _in_sessions(own: Sequence[Entry], test_sessions: int) -> list[Entry]:
    names = in_order(entry.session for entry in own)
    if len(names) < test_sessions + 2:
        wrong = f"has {len(names)} sessions: too few to train on, to validate and {test_sessions} to test"
        raise ManifestError(f"subject {own[0].subject}", wrong, _rule_that_works(own))
    side = {name: TEST for name in names[-test_sessions:]} | {names[-test_sessions - 1]: VALIDATION}
    return [replace(entry, split=side.get(entry.session, TRAIN)) for entry in own]


def _in_time(own: Iterable[Entry]) -> Iterator[Entry]:
    for entry in own:
        start, end = entry.part_s or (0.0, entry.duration_s)
        length = end - start
        for side, share in TIME_SHARES.items():
            # Whole milliseconds: the file is read by people, and every rate in use has whole samples there or near.
            bounds = (round(start, 3), round(min(end, start + share * length), 3))
            start += share * length
            yield _cut(replace(entry, split=side), Piece(name_of(entry), *bounds))


def _cut(entry: Entry, piece: Piece) -> Entry:
    if piece.start_s is None or piece.end_s is None:
        return entry
    part = [piece.start_s, piece.end_s]
    return replace(entry, options={**entry.options, PART: part}, duration_s=_whole_samples(entry, *part))


def _whole_samples(entry: Entry, start_s: float, end_s: float) -> float:
    return (round(end_s * entry.rate_hz) - round(start_s * entry.rate_hz)) / entry.rate_hz


def _twice(entries: Iterable[Entry]) -> str | None:
    seen = set()
    for entry in entries:
        key = (name_of(entry), entry.part_s)
        if key in seen:
            return key[0]
        seen.add(key)
    return None


def _folder(name: object) -> str:
    if not isinstance(name, str) or not name or folder_name(name.replace("%", "")) != name.replace("%", ""):
        raise ValueError(f"the name {name!r} of a fold is none of a folder")
    return name


def _piece(recording: object, start_s: object = None, end_s: object = None) -> Piece:
    if not isinstance(recording, str) or (start_s is None) != (end_s is None):
        raise TypeError(f"the piece {recording!r} from {start_s!r} to {end_s!r}")
    if start_s is None or end_s is None:
        return Piece(recording)
    if not all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in (start_s, end_s)):
        raise TypeError(f"the piece {recording!r} from {start_s!r} to {end_s!r}")
    if not 0 <= start_s < end_s <= LONGEST_S:  # type: ignore[operator]
        raise ValueError(f"the piece {recording!r} from {start_s!r} to {end_s!r} s")
    return Piece(recording, start_s, end_s)  # type: ignore[arg-type]


def _rule(content: Any, path: str | Path) -> dict[str, Any]:
    found = asdict(built(RuleConfig, {}, checked(RuleConfig, {}, content, path), path))
    if missing := [name for name in found if name not in content]:
        raise KeyError(missing[0])
    return found


def _row(piece: Piece) -> dict[str, Any]:
    return {name: value for name, value in asdict(piece).items() if value is not None}


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", name) if part]


def _sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
