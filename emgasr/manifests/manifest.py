"""The recordings of an experiment: a JSON-lines file in; entries, splits, recordings and a checksum out.

The first line may be a header, {"emgasr_manifest": 1, "disjoint": ["subject:test", "take"]}. Its claims name what the
splits do not share: "subject" between every two splits, "subject:test" between test and every other split. Its `notes`
and `left_over` keep what was found while the corpus was read. An entry with the option PART, [start, end] in seconds,
is that part of its file alone; one with the option BESIDE has another signal beside it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from emgasr.config.fields import fields_of
from emgasr.config.typed_data import fits
from emgasr.display.visible import told_line
from emgasr.errors import ManifestError, RecordingError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_lines, json_of
from emgasr.files.plain_text import normalized
from emgasr.files.regular_file import check_regular
from emgasr.manifests.identity import same_name
from emgasr.recording import HIGHEST_HZ, LOWEST_HZ, Recording, montage_of

PART = "part_s"
BESIDE = "beside"  # option: a signal recorded beside the muscles (emgasr.corpora.beside)
ONLY, OTHERS = "only_bands", "others"  # options: the bands that are read, and other sensors (emgasr.corpora.sensors)
MAKE_ANEW = "make it with `emgasr manifest`"

VERSION = 1
LARGEST, LONGEST_LINE = 2**27, 2**24  # bytes of a manifest, and of one of its lines
LONGEST_S = 1e10  # of a recording: seconds, so that they can be counted in samples
MOST_TOLD = 1000  # lines of each kind of finding that a header keeps
TRAIN, VALIDATION, TEST = "train", "validation", "test"  # other names are allowed; these are what splits.py makes
CLAIMS = ("subject", "session", "take", "sentence")
FOUND = ("notes", "left_over")  # of a header: the findings of the scan
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One recording of an experiment; `path` is absolute or relative to the manifest, `options` are its reader's.

    `montage` is that of its bands, "" where it is not told.
    """

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
    montage: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(recording: Recording, path: Path, corpus: str, split: str = TRAIN, **more: Any) -> Entry:
        """The entry of a recording that lies at `path`, checksum included; `more` are fields such as take and text.

        RecordingError if nobody is named: a person without a name cannot be kept on one side of a split.
        """
        if not recording.subject.strip():
            raise RecordingError(path, "names no subject", "save it with the name of the person")
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
            montage=montage_of(recording.bands),
            **more,
        )

    def as_row(self) -> dict[str, Any]:
        """Return what a manifest holds of the entry: its fields, without a montage that is not told."""
        row = dataclasses.asdict(self)
        return row if self.montage else {name: value for name, value in row.items() if name != "montage"}

    @property
    def part_s(self) -> tuple[float, float] | None:
        """From where to where the recording is, in seconds of its file; None is all of it."""
        if (part := self.options.get(PART)) is None:
            return None
        if not fits(tuple[float, float], part) or not 0 <= part[0] < part[1] <= LONGEST_S:
            raise ManifestError(self.path, f"option {PART!r} is {part!r}", "give [start, end] in seconds")
        return float(part[0]), float(part[1])

    def key(self, what: str) -> tuple[str, ...]:
        """What two entries must not share when splits are disjoint in `what`: subject, session, take or sentence.

        People and sessions are the same however they are spelled (see `same_name`); takes and sentences differ by case,
        as letters do. A sentence is what takes of one name hold, in whatever session: spoken silently, and aloud.
        """
        subject, session = same_name(self.subject), same_name(self.session)
        take = normalized(self.take or self.path).strip()
        return {
            "subject": (subject,),
            "session": (subject, session),
            "take": (subject, session, take),
            "sentence": (take,),
        }[what]


@dataclass
class Findings:
    """What reading a corpus passed over by rule, and which rows of its tables match nothing: a line each.

    `of_recordings` are the notes of its recordings, which tell them again when they are opened.
    """

    notes: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    of_recordings: list[str] = field(default_factory=list)


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

    def checksum(self) -> str:
        """SHA-256 of the content: every entry except where it lies, and the claims; moving the data keeps it."""
        rows = [{**entry.as_row(), "path": Path(entry.path).name} for entry in self.entries]
        text = json.dumps([list(self.claims), rows], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def checksum_file(path: str | Path) -> str:
    """SHA-256 of a file in hexadecimal, read in blocks of 1 MiB."""
    digest = hashlib.sha256()
    check_regular(path, ManifestError, "mend the manifest or restore the file")
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
    entries: list[Entry] = []
    for where, row in json_lines(path, ManifestError, "give a manifest (JSON lines)", LARGEST, LONGEST_LINE):
        if not isinstance(row, dict):
            raise ManifestError(where, "is not a JSON object", "give one object a line")
        if "emgasr_manifest" in row:
            if header or entries:
                raise ManifestError(where, "is a header, which stands in the first line alone", "make it anew")
            header = _header(where, row)
        else:
            entries.append(entry_of(row, where))
    if not entries:
        raise ManifestError(path, "names no recording", "make one with `emgasr manifest`")
    return Manifest(tuple(entries), path.absolute().parent, **header)


def write_manifest(manifest: Manifest, path: str | Path) -> Manifest:
    """Write a manifest atomically, paths below its folder made relative to it; returns it as it will be read.

    ManifestError or OutputError, and nothing written, if it could not be read again: a rate of NaN, a path that is not
    UTF-8.
    """
    path = Path(path).absolute()
    entries = tuple(
        dataclasses.replace(entry, path=_relative(manifest.file(entry), path.parent), text=normalized(entry.text))
        for entry in manifest.entries
    )
    found = {name: tuple(_first(getattr(manifest, name))) for name in FOUND}
    written = dataclasses.replace(manifest, entries=entries, root=path.parent, **found)
    header: dict[str, Any] = {"emgasr_manifest": VERSION, "disjoint": list(manifest.claims)}
    header |= {name: list(lines) for name, lines in found.items() if lines}
    lines = [_line(header, path)]
    for entry in entries:
        lines.append(_line(entry.as_row(), entry.path))
        entry_of(json_of(lines[-1], entry.path, ManifestError, largest=LONGEST_LINE), entry.path)
    with replacing(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
    return written


def _first(lines: Sequence[str]) -> Sequence[str]:
    more = [f"and {len(lines) - MOST_TOLD} more"] if len(lines) > MOST_TOLD else []
    return [*map(told_line, lines[:MOST_TOLD]), *more]


def _line(row: Mapping[str, Any], where: str | Path) -> str:
    try:
        return as_json(row) + "\n"
    except TypeError as error:
        raise ManifestError(where, f"cannot be written down ({error})", "give its options as plain values") from error


def _header(where: str, row: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Claims and findings of a header line."""
    if row["emgasr_manifest"] != VERSION:
        raise ManifestError(
            where, f"has version {row['emgasr_manifest']}, this emgasr reads {VERSION}", "upgrade emgasr"
        )
    if unknown := [name for name in row if name not in ("emgasr_manifest", "disjoint", *FOUND)]:
        raise ManifestError(where, f"unknown field {unknown[0]!r}", f"known: disjoint, {', '.join(FOUND)}")
    for name in ("disjoint", *FOUND):
        if not fits(tuple[str, ...], row.get(name, [])):
            raise ManifestError(where, f"{name!r} is not a list of texts")
    for claim in row.get("disjoint", []):
        if claim.partition(":")[0] not in CLAIMS:
            raise ManifestError(where, f"unknown claim {claim!r}", f"claim {', '.join(CLAIMS)}, as in subject:test")
    return {"claims": tuple(row.get("disjoint", [])), **{name: tuple(row.get(name, [])) for name in FOUND}}


KINDS = get_type_hints(Entry)  # of the fields of an entry, as JSON holds them


def entry_of(row: Any, where: str | Path) -> Entry:
    """Return the entry of a manifest's row (JSON); a ManifestError names what lacks, is unknown or cannot be."""
    optional = {"take": "", "text": "", "montage": "", "options": {}}
    facts = fields_of({**optional, **row} if isinstance(row, dict) else row, KINDS, where, ManifestError, MAKE_ANEW)
    if unknown := [name for name in row if name not in KINDS]:
        raise ManifestError(where, f"unknown field {unknown[0]!r}", f"known: {', '.join(KINDS)}")
    entry = Entry(**{**facts, "text": normalized(facts["text"])})
    if not entry.path or any("\0" in text for text in _texts([entry.path, dict(entry.options)])):
        raise ManifestError(where, "holds a path that no file can have (empty, or with a NUL)", "mend the path")
    for name, possible in (
        ("split", bool(entry.split.strip())),
        ("duration_s", 0 <= entry.duration_s <= LONGEST_S),
        ("rate_hz", LOWEST_HZ <= entry.rate_hz <= HIGHEST_HZ),
        ("channels", entry.channels > 0),
        ("sha256", bool(_SHA256.fullmatch(entry.sha256))),
    ):
        if not possible:
            raise ManifestError(where, f"{name!r} is {getattr(entry, name)!r}", MAKE_ANEW)
    entry.part_s  # noqa: B018 (raises)
    return entry


def _texts(value: Any) -> Iterator[str]:
    """Every text within lists and mappings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in _texts(item))
    elif isinstance(value, dict):
        yield from (text for item in value.items() for text in _texts(item))


def _relative(file: Path, folder: Path) -> str:
    file = Path(os.path.abspath(file))
    return file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.as_posix()
