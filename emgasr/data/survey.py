"""The files of a corpus in, an entry for each good one and a line for each bad one out; a second run goes on.

A journal keeps what was found of a file until the file changes. So a corpus of hundreds of gigabytes is read once,
however often its preparation stops.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from emgasr.config.fields import fields_of
from emgasr.corpora import reader
from emgasr.corpora.samples.whole import stamp_of
from emgasr.data.validate import label_problems
from emgasr.errors import EmgasrError, ManifestError, OutputError, RecordingError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_of
from emgasr.manifests.manifest import Entry, entry_of

NOTES = 20  # that are told one by one


class Survey(NamedTuple):
    """The entries of the files that are good, in their order; a line for each thing that is wrong, or was noted."""

    entries: list[Entry]
    problems: list[str]
    notes: tuple[str, ...] = ()

    def with_problems(self, more: list[str]) -> Survey:
        """The same with further lines; the entries whose files they begin with are no longer among the good ones."""
        good = [entry for entry in self.entries if not any(line.startswith(f"{entry.path}: ") for line in more)]
        return Survey(good, [*self.problems, *more], self.notes)

    def checked(self, leave_out_bad: bool, tell: Callable[[str], object]) -> list[Entry]:
        """The entries; a RecordingError if a file is bad, unless those are to be left out. Each line is told first."""
        for note in self.notes[:NOTES]:
            tell(f"note: {note}")
        if len(self.notes) > NOTES:
            tell(f"note: {len(self.notes) - NOTES} more files were not read whole: `emgasr validate` tells how")
        for problem in self.problems:
            tell(problem)
        if self.problems and not leave_out_bad:
            wrong = f"{len(self.problems)} problems, as told above"
            raise RecordingError("corpus", wrong, "mend or fetch them and run again, or pass --leave-out-bad")
        if not self.entries:
            raise RecordingError("corpus", "holds no good recording", "check the folder")
        return self.entries


def survey(
    files: Iterable[Path],
    corpus: str,
    journal: Path,
    options: dict[str, Any] | None = None,
    name: Callable[[Path], dict[str, Any]] = lambda path: {},
    progress: Callable[[Path], object] = lambda path: None,
) -> Survey:
    """Open every file with a layout's reader and `options`; `name` gives further fields of its entry.

    Files that the journal knows unchanged, with the same options, are not opened again.
    """
    known = _read_journal(journal)
    _write_journal(journal, known)
    entries, problems = [], []
    notes: list[str] = []
    for path in files:
        progress(path)
        try:
            stamp = [corpus, options or {}, *stamp_of(path)]
            found = known.get(str(path))
            if found is None or found.stamp != stamp:
                found = _Found(stamp, *_checked(path, corpus, options or {}))
                _append(journal, _row(str(path), found))
            entries.append(dataclasses.replace(found.entry, **name(path)))
            notes += [f"{path}: {note}" for note in found.notes]
        except OutputError:
            raise
        except EmgasrError as error:
            problems.append(str(error))
    return Survey(entries, problems, tuple(notes))


def _checked(path: Path, corpus: str, options: dict[str, Any]) -> tuple[Entry, list[str]]:
    """Return the entry of a file and its notes; a RecordingError if it cannot be read or its labels are wrong."""
    recording = reader(corpus).open_recording(path, **options)
    if wrong := list(label_problems(recording)):
        raise RecordingError(path, "; ".join(wrong), "mend the labels or leave it out")
    return Entry.of(recording, path, corpus, options=options), list(recording.notes)


def duplicates(entries: Iterable[Entry], one_folder: bool = True) -> list[str]:
    """A line for each session that lies there twice, by its name or its content.

    With `one_folder`, also for each whose user has sessions in another folder: two downloads lie side by side.
    """
    found: list[str] = []
    by_name: dict[tuple[str, ...], Entry] = {}
    by_content: dict[str, Entry] = {}
    folders: dict[str, str] = {}
    for entry in entries:
        same = by_name.setdefault((*entry.key("session"), entry.take), entry)
        if same is not entry:
            found.append(f"{entry.path}: is session {entry.session} of {entry.subject} again, as {same.path}")
            continue
        same = by_content.setdefault(entry.sha256, entry)
        if same is not entry:
            found.append(f"{entry.path}: has the content of {same.path}")
        folder = str(_folder_of_user(entry))
        if one_folder and folders.setdefault(entry.subject, folder) != folder:
            found.append(f"{entry.path}: user {entry.subject} has sessions in {folders[entry.subject]} too")
    return found


def _folder_of_user(entry: Entry) -> Path:
    """Where a user's sessions lie: the folder sub-<user> of BIDS, else the file's own."""
    parents = list(Path(entry.path).parents)
    return next((folder for folder in parents if folder.name.startswith("sub-")), parents[0])


class _Found(NamedTuple):
    """What was found of a file: its size, time and reader's options when it was opened; its entry and its notes."""

    stamp: list[Any]
    entry: Entry
    notes: list[str]


def _row(path: str, found: _Found) -> str:
    content = {"path": path, "stamp": found.stamp, "entry": dataclasses.asdict(found.entry), "notes": found.notes}
    return as_json(content) + "\n"


def _read_journal(path: Path) -> dict[str, _Found]:
    """Return what earlier runs found; the file of a line that was cut off, or is none of ours, is opened again."""
    known: dict[str, _Found] = {}
    if not path.is_file():
        return known
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise OutputError(path, f"cannot be read ({error.strerror})", "give another --out") from error
    kinds = {"path": str, "stamp": tuple[Any, ...], "entry": dict[str, Any], "notes": tuple[str, ...]}
    for line in lines:
        try:
            row = fields_of(json_of(line, path, RecordingError), kinds, path, RecordingError)
            known[row["path"]] = _Found(row["stamp"], entry_of(row["entry"], path), row["notes"])
        except (RecordingError, ManifestError):
            continue
    return known


def _append(path: Path, row: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as log:
            log.write(row)
    except OSError as error:
        advice = "free space and run again: it goes on from here"
        raise OutputError(path, f"cannot be written ({error.strerror})", advice) from error


def _write_journal(path: Path, known: dict[str, _Found]) -> None:
    """Keep the last line of each file, and none that was cut off."""
    with replacing(path) as temporary:
        temporary.write_text("".join(_row(name, found) for name, found in known.items()), encoding="utf-8")
