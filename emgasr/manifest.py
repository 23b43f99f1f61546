"""The recordings of an experiment: a JSON-lines file in; entries, splits, recordings and a checksum out.

The first line may be a header, {"emgasr_manifest": 1, "disjoint": ["subject:test", "take"]}. Its claims name what the
splits do not share: "subject" between every two splits, "subject:test" between test and every other split. Its `notes`
and `left_over` keep what was found while the corpus was read. An entry with the option PART, [start, end] in seconds,
is that part of its file alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.as_json import as_json
from emgasr.errors import ManifestError
from emgasr.output import replacing
from emgasr.plain_text import normalized, read_lines

if TYPE_CHECKING:
    from emgasr.recording import Recording

PART = "part_s"

VERSION = 1
TRAIN, VALIDATION, TEST = "train", "validation", "test"  # other names are allowed; these are what splits.py makes
CORPORA = (
    "native",
    "emg2qwerty",
    "emg2qwerty_bids",
    "bids",
    "gaddy",
    "neuromotor",
    "ninapro",
    "uci_gestures",
    "takes",
    "spans",
)
CLAIMS = ("subject", "session", "take", "sentence")
FOUND = ("notes", "left_over")  # of a header: the findings of the scan


@dataclass(frozen=True)
class Entry:
    """One recording of an experiment; `path` is absolute or relative to the manifest, `options` are its reader's."""

    path: str
    corpus: str
    subject: str
    session: str
    split: str
    duration_s: float
    rate_hz: float
    channels: int
    sha256: str
    take: str = ""
    text: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(recording: Recording, path: Path, corpus: str, split: str = TRAIN, **more: Any) -> Entry:
        """The entry of a recording that lies at `path`, checksum included; `more` are fields such as take and text."""
        return Entry(
            path=str(path),
            corpus=corpus,
            subject=recording.subject,
            session=recording.session,
            split=split,
            duration_s=recording.duration_s,
            rate_hz=recording.rate_hz,
            channels=recording.n_channels,
            sha256=checksum_file(path),
            **more,
        )

    @property
    def part_s(self) -> tuple[float, float] | None:
        """From where to where the recording is, in seconds of its file; None is all of it."""
        if (part := self.options.get(PART)) is None:
            return None
        numbers = isinstance(part, list | tuple) and all(isinstance(bound, int | float) for bound in part)
        if not numbers or len(part) != 2 or not 0 <= part[0] < part[1]:
            raise ManifestError(self.path, f"option {PART!r} is {part!r}", "give [start, end] in seconds")
        return float(part[0]), float(part[1])

    def key(self, what: str) -> tuple[str, ...]:
        """What two entries must not share when splits are disjoint in `what`: subject, session, take or sentence.

        A sentence is what takes of one name hold, in whatever session: spoken silently, and aloud.
        """
        return {
            "subject": (self.subject,),
            "session": (self.subject, self.session),
            "take": (self.subject, self.session, self.take or self.path),
            "sentence": (self.take or self.path,),
        }[what]


@dataclass
class Findings:
    """What reading a corpus passed over by rule, and which rows of its tables match nothing: a line each."""

    notes: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Manifest:
    """Entries in order, the folder that relative paths start from, and what the splits claim not to share.

    `notes` and `left_over` are the findings of the scan that it was made by.
    """

    entries: tuple[Entry, ...]
    root: Path
    claims: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_over: tuple[str, ...] = ()

    @property
    def splits(self) -> list[str]:
        """The names of the splits, in the order of their first entries."""
        return list(dict.fromkeys(entry.split for entry in self.entries))

    def split(self, name: str) -> list[Entry]:
        """The entries of one split; a ManifestError if there are none."""
        found = [entry for entry in self.entries if entry.split == name]
        if not found:
            known = ", ".join(self.splits) or "none"
            raise ManifestError("manifest", f"holds no split {name!r}", f"its splits: {known}")
        return found

    def file(self, entry: Entry) -> Path:
        """Where the recording of an entry lies."""
        return self.root / entry.path

    def open(self, entry: Entry) -> Recording:
        """Open an entry's recording; its samples are read when sliced."""
        from emgasr.corpora import open_entry

        return open_entry(entry, self.root)

    def checksum(self) -> str:
        """SHA-256 of the content: every entry except where it lies, and the claims; moving the data keeps it."""
        rows = [{**dataclasses.asdict(entry), "path": Path(entry.path).name} for entry in self.entries]
        text = json.dumps([list(self.claims), rows], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def checksum_file(path: str | Path) -> str:
    """SHA-256 of a file in hexadecimal, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ManifestError(
            path, f"cannot be read ({error.strerror})", "mend the manifest or restore the file"
        ) from error
    return digest.hexdigest()


def read_manifest(path: str | Path) -> Manifest:
    """Read a manifest; a ManifestError names the line that is not JSON or has a missing, wrong or unknown field."""
    path = Path(path)
    header: dict[str, tuple[str, ...]] = {}
    entries = []
    for number, line in enumerate(read_lines(path, ManifestError, "check the path"), start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ManifestError(where, "is not JSON", "give a manifest (JSON lines)") from error
        if not isinstance(row, dict):
            raise ManifestError(where, "is not a JSON object", "give one object a line")
        if "emgasr_manifest" in row:
            header = _header(where, row)
        else:
            entries.append(_entry(where, row))
    if not entries:
        raise ManifestError(path, "names no recording", "make one with `emgasr manifest`")
    return Manifest(tuple(entries), path.absolute().parent, **header)


def write_manifest(manifest: Manifest, path: str | Path) -> Manifest:
    """Write a manifest atomically, paths below its folder made relative to it; returns it as it will be read."""
    path = Path(path).absolute()
    entries = tuple(
        dataclasses.replace(entry, path=_relative(manifest.file(entry), path.parent), text=normalized(entry.text))
        for entry in manifest.entries
    )
    written = dataclasses.replace(manifest, entries=entries, root=path.parent)
    header: dict[str, Any] = {"emgasr_manifest": VERSION, "disjoint": list(manifest.claims)}
    header |= {name: list(lines) for name in FOUND if (lines := getattr(manifest, name))}
    rows = [header, *(dataclasses.asdict(entry) for entry in entries)]
    with replacing(path) as temporary:
        temporary.write_text("".join(as_json(row) + "\n" for row in rows), encoding="utf-8")
    return written


def leaks(manifest: Manifest) -> list[str]:
    """One line for each way in which a split's recordings reappear in another, or a claim of the manifest is broken."""
    whole = [entry for entry in manifest.entries if entry.part_s is None]
    found = _shared(whole, [(e.split, e.sha256) for e in whole], "the same recording (checksum)")
    found += _overlapping(manifest.entries)
    for claim in manifest.claims:
        what, _, only = claim.partition(":")
        sides = [(entry.split, "/".join(entry.key(what))) for entry in manifest.entries]
        if only and only not in manifest.splits:
            found.append(f"claims {claim!r}, but there is no split {only!r}")
        found += _shared(manifest.entries, sides, f"the same {what}", only)
    return found


def check_disjoint(manifest: Manifest) -> None:
    """Raise a ManifestError if a recording is in two splits or a claim is broken; called before training."""
    if found := leaks(manifest):
        more = f" (and {len(found) - 1} more: `emgasr validate` lists them)" if len(found) > 1 else ""
        raise ManifestError("manifest", found[0] + more, "split again, or claim less in its header")


def check_apart(training: Iterable[Entry], held_out: Iterable[Entry]) -> None:
    """Raise a ManifestError if a recording, or a take that a composed recording is made of, is on both sides.

    This holds between manifests too. The `take` of a composed entry lists its parts (see `part_name`). Parts of one
    file are apart where they do not overlap.
    """
    trained: dict[str, list[Entry]] = {}
    for entry in training:
        for source in _sources(entry):
            trained.setdefault(source, []).append(entry)
    for entry in held_out:
        others = (other for source in _sources(entry) for other in trained.get(source, ()))
        if both := [other for other in others if not _apart_in_time(entry, other)]:
            wrong = f"{entry.path} is, or is composed of, {both[0].path}, which is trained on"
            raise ManifestError("manifest", wrong, "split the takes first, then compose each split for itself")


def part_name(entry: Entry) -> str:
    """The name that a composed recording gives to a take from this entry: the start of its checksum."""
    return entry.sha256[:16]


def overlap_s(first: Entry, second: Entry) -> float:
    """For how many seconds two entries hold the same stretch of one file; infinite where both are all of it."""
    if first.sha256 != second.sha256:
        return 0.0
    (start, end), (other_start, other_end) = (entry.part_s or (0.0, math.inf) for entry in (first, second))
    return max(0.0, min(end, other_end) - max(start, other_start))


def _apart_in_time(first: Entry, second: Entry) -> bool:
    return first.sha256 == second.sha256 and not overlap_s(first, second)


def _overlapping(entries: Iterable[Entry]) -> list[str]:
    """One line for each pair of splits that share a stretch of a file of which there are parts."""
    by_file: dict[str, list[Entry]] = {}
    for entry in entries:
        by_file.setdefault(entry.sha256, []).append(entry)
    found: dict[tuple[str, str], str] = {}
    for alike in by_file.values():
        pairs = ((a, b) for i, a in enumerate(alike) for b in alike[i + 1 :] if a.split != b.split)
        for first, second in pairs:
            if (first.part_s or second.part_s) and (shared := overlap_s(first, second)):
                told = f"{shared:g} s of {first.path} are in {first.split} and {second.split}: their windows overlap"
                found.setdefault((first.split, second.split), told)
    return list(found.values())


def _sources(entry: Entry) -> set[str]:
    parts = (part.partition("@")[0] for part in entry.take.split())
    return {part_name(entry), *(part for part in parts if len(part) == 16)}


def _shared(entries: Iterable[Entry], sides: list[tuple[str, str]], what: str, only: str = "") -> list[str]:
    """Pairs of splits that share a key: (split, key) of each entry in, one line a pair out."""
    splits_of: dict[str, dict[str, str]] = {}
    for entry, (split, key) in zip(entries, sides, strict=True):
        splits_of.setdefault(key, {}).setdefault(split, entry.path)
    pairs: dict[tuple[str, str], list[str]] = {}
    for key, splits in splits_of.items():
        names = list(splits)
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                if not only or only in (first, second):
                    shown = f"{splits[first]} = {splits[second]}" if "checksum" in what else key
                    pairs.setdefault((first, second), []).append(shown)
    found = []
    for (first, second), keys in pairs.items():
        more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
        found.append(f"{what} is in {first} and {second}: {', '.join(keys[:3])}{more}")
    return found


def _header(where: str, row: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Claims and findings of a header line."""
    if row["emgasr_manifest"] != VERSION:
        raise ManifestError(
            where, f"has version {row['emgasr_manifest']}, this emgasr reads {VERSION}", "upgrade emgasr"
        )
    for name in ("disjoint", *FOUND):
        lines = row.get(name, [])
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise ManifestError(where, f"{name!r} is not a list of texts")
    for claim in row.get("disjoint", []):
        if claim.partition(":")[0] not in CLAIMS:
            raise ManifestError(where, f"unknown claim {claim!r}", f"claim {', '.join(CLAIMS)}, as in subject:test")
    return {"claims": tuple(row.get("disjoint", [])), **{name: tuple(row.get(name, [])) for name in FOUND}}


_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "float": (int, float),
    "int": (int,),
    "Mapping[str, Any]": (dict,),
}


def _entry(where: str, row: Mapping[str, Any]) -> Entry:
    fields = {f.name: f for f in dataclasses.fields(Entry)}
    if unknown := [name for name in row if name not in fields]:
        raise ManifestError(where, f"unknown field {unknown[0]!r}", f"known: {', '.join(fields)}")
    for name, wanted in fields.items():
        if name not in row:
            if wanted.default is dataclasses.MISSING and wanted.default_factory is dataclasses.MISSING:
                raise ManifestError(where, f"lacks the field {name!r}", "make it with `emgasr manifest`")
        elif not isinstance(row[name], _TYPES[str(wanted.type)]) or isinstance(row[name], bool):
            raise ManifestError(where, f"{name!r} is {row[name]!r}, not {wanted.type}")
    entry = Entry(**{**row, "text": normalized(row.get("text", ""))})
    if entry.corpus not in CORPORA:
        raise ManifestError(where, f"unknown corpus {entry.corpus!r}", f"known: {', '.join(CORPORA)}")
    return entry


def _relative(file: Path, folder: Path) -> str:
    file = Path(os.path.abspath(file))
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.as_posix()
