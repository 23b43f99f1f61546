"""The entries that shaped a model's weights in; a file beside the weights that lists them out, and back.

A run adds to the list that it started from. So people whom the manifest no longer holds, those of the model that it was
initialized from, and everybody that a model was fitted to stay in the list for good. It names people and recordings (by
checksum), and neither places nor texts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emgasr.config.fields import fields_of
from emgasr.display.visible import markdown_text
from emgasr.errors import ManifestError, ModelError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_lines
from emgasr.manifests.leaks import check_apart
from emgasr.manifests.manifest import KINDS, PART, TRAIN, VALIDATION, Entry
from emgasr.recording import Recording

NAME = "trained_on.jsonl"
ADVICE = "copy the model folder again"
# The fields of an entry that are kept.
_KEPT = ("path", "split", "subject", "session", "take", "sha256", "duration_s", "rate_hz", "channels")


def of_entries(entries: Iterable[Entry], split: str) -> tuple[Entry, ...]:
    """What is kept of entries that were trained on or chose the weights (`split` TRAIN or VALIDATION)."""
    return tuple(
        dataclasses.replace(
            entry,
            path=Path(entry.path).name,
            split=split,
            text="",
            options={PART: list(entry.part_s)} if entry.part_s else {},
        )
        for entry in entries
    )


def of_recordings(recordings: Iterable[Recording]) -> tuple[Entry, ...]:
    """The same of recordings that were trained on, of which no file is known."""
    return tuple(
        Entry("", "native", r.subject, r.session, TRAIN, r.duration_s, r.rate_hz, r.n_channels, "") for r in recordings
    )


def together(*parts: Iterable[Entry]) -> tuple[Entry, ...]:
    """All entries of the parts, each once, in order."""
    return tuple({as_json(as_row(entry)): entry for part in parts for entry in part}.values())


def people(entries: Iterable[Entry]) -> list[str]:
    """Who was trained on or chose the weights, sorted."""
    return sorted({entry.subject for entry in entries})


def trained(entries: Iterable[Entry]) -> list[Entry]:
    """Those that the weights were fitted to."""
    return [entry for entry in entries if entry.split != VALIDATION]


def as_row(entry: Entry) -> dict[str, Any]:
    """An entry as plain values."""
    row = {name: getattr(entry, name) for name in _KEPT}
    return row | ({PART: list(entry.part_s)} if entry.part_s else {})


def of_row(where: str | Path, row: Any) -> Entry:
    """The entry of `as_row`; a ModelError for anything else."""
    known = fields_of(row, {name: KINDS[name] for name in _KEPT}, where, ModelError, ADVICE)
    return Entry(corpus="native", options={PART: row[PART]} if PART in row else {}, **known)


def read(model: Path) -> tuple[Entry, ...] | None:
    """What shaped the weights in a model folder; None if it does not tell, a ModelError if it cannot be read."""
    path = model / NAME
    if not path.is_file():
        return None
    return tuple(of_row(where, row) for where, row in json_lines(path, ModelError, ADVICE))


def write(entries: Iterable[Entry], model: Path) -> None:
    """Write it into a model folder; it goes before the weights, so that none are there without it."""
    with replacing(model / NAME) as path:
        path.write_text("".join(as_json(as_row(entry)) + "\n" for entry in entries), encoding="utf-8")


def seen(entries: Iterable[Entry], tested: Iterable[Entry]) -> tuple[list[Entry], list[str]]:
    """Return the tested recordings that shaped the weights, and the tested people whose other recordings did."""
    entries, tested = list(entries), list(tested)
    again = [] if _apart(entries, tested) else [entry for entry in tested if not _apart(entries, [entry])]
    subjects = {entry.key("subject") for entry in entries}
    others = {entry.subject for entry in tested if entry not in again and entry.key("subject") in subjects}
    return again, sorted(others)


def card_rows(entries: Iterable[Entry], started_from: str = "") -> str:
    """Return rows of a model card that name everybody whose recordings shaped the weights, also those removed since."""
    entries = tuple(entries)
    fitted, chose = people(trained(entries)), people(entry for entry in entries if entry.split == VALIDATION)
    rows = [f"| people trained on, ever | {_listed(fitted)} |", f"| people who chose the weights | {_listed(chose)} |"]
    return "\n".join([*rows, *([f"| started from | {markdown_text(started_from)} |"] if started_from else [])])


def _listed(names: list[str]) -> str:
    return ", ".join(markdown_text(name) for name in names) or "nobody known"


def _apart(entries: list[Entry], tested: list[Entry]) -> bool:
    """Whether none of the tested recordings is among the entries; where no file is known, its session tells."""
    sittings = {entry.key("session") for entry in entries if not entry.sha256}
    if any(entry.key("session") in sittings for entry in tested):
        return False
    try:
        check_apart(entries, tested)
    except ManifestError:
        return False
    return True
