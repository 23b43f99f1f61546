"""A folder in; its files that belong to a layout, and a line on each kind that is passed over, out.

Rules of every layout: hidden names are passed over (also `._*`, which macOS leaves on foreign disks), and so is `.git`;
suffixes match in any case of letters. Links to files and folders are followed, but never to a folder that holds the
corpus, and to none twice. Of several names of one file the first by path counts, links last.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from emgasr.display.wording import listed
from emgasr.errors import RecordingError
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Recording

LINES = 20  # of what reading single recordings tells: more are counted
HIDDEN = "hidden"
KEPT_ELSEWHERE = (".git", ".datalad")  # the same files, once more, under names of their contents


def find_files(
    folder: Path,
    findings: Findings | None,
    fits: Callable[[Path], bool],
    endings: Collection[str],
    what: str,
    beside: Collection[str] = (),
) -> list[Path]:
    """Return the files below `folder` that end as in `endings` and fit, in the order of their paths.

    Others of these endings are counted in `findings`: hidden ones, those in a folder called as in `beside`, those that
    do not fit (`what` says what they are not), further names of one file.
    """
    found: list[Path] = []
    passed: dict[str, list[Path]] = {}
    for path, reason in listing(folder, beside, findings):
        if path.name.lower().endswith(tuple(endings)):
            if not reason and not fits(path):
                reason = f"that are not {what}"
            (passed.setdefault(reason, []) if reason else found).append(path)
    kept, again = _once(found)
    if findings is not None:
        for reason, paths in passed.items():
            told = f"{reason} files" if reason == HIDDEN else f"files {reason}"
            findings.notes.append(f"{told} passed over: {names(paths, folder)}")
        if again:
            findings.notes.append(f"further names of files that are read passed over: {names(again, folder)}")
    return kept


def listing(folder: Path, beside: Collection[str] = (), findings: Findings | None = None) -> list[tuple[Path, str]]:
    """Return every file below `folder`, sorted, with why it is passed over, or ""."""
    seen: set[tuple[int, int]] = set()
    links = [(folder, "")]
    found: list[tuple[Path, str]] = []
    ancestors = {_inode(parent) for parent in folder.resolve().parents}
    unread: list[Path] = []
    while links:
        start, reason = links.pop(0)
        inode = _inode(start)
        if inode in seen or inode in ancestors:
            unread.append(start)
            continue
        links += _walk(start, reason, {name.lower() for name in beside}, seen, found)
    if unread and findings is not None:
        findings.notes.append(f"links to folders that are read already passed over: {names(unread, folder)}")
    return sorted(found)


def names(paths: Collection[Path], folder: Path) -> str:
    """Say how many files, and the first of them from `folder`: "5 (a.bdf, b.bdf, c.bdf and 2 more)"."""
    return f"{len(paths)} ({listed(path.relative_to(folder).as_posix() for path in paths)})"


def tell_notes(findings: Findings, opened: Iterable[tuple[Path, Recording]]) -> None:
    """Add the notes of recordings to `findings`: each text once, with the first file and how many others share it."""
    where: dict[str, list[Path]] = {}
    for path, recording in opened:
        for note in recording.notes:
            where.setdefault(note, []).append(path)
    for note, paths in list(where.items())[:LINES]:
        more = f" (and {len(paths) - 1} more recordings)" if len(paths) > 1 else ""
        findings.of_recordings.append(f"{paths[0].name}{more}: {note}")
    if len(where) > LINES:
        findings.of_recordings.append(f"{len(where) - LINES} more notes on recordings: `emgasr validate` tells them")


def tell_equal_contents(findings: Findings, entries: Iterable[Entry]) -> None:
    """Add a note for each recording whose file equals an earlier one's, and count those beyond the first few."""
    first: dict[str, Entry] = {}
    again = [(entry, same) for entry in entries if (same := first.setdefault(entry.sha256, entry)) is not entry]
    findings.notes += [f"{entry.path} has the content of {same.path}" for entry, same in again[:LINES]]
    if len(again) > LINES:
        findings.notes.append(f"{len(again) - LINES} more recordings have the content of others")


def tell_one_sitting(findings: Findings, entries: Iterable[Entry]) -> None:
    """Add a note if several recordings of a subject tell no session, so that they count as one sitting."""
    unnamed = [entry for entry in entries if not entry.session]
    if len({entry.subject for entry in unnamed}) < len(unnamed):
        told = f"{len(unnamed)} recordings of no session: those of one subject count as one sitting"
        findings.notes.append(told)


def _walk(
    start: Path, reason: str, beside: set[str], seen: set[tuple[int, int]], found: list[tuple[Path, str]]
) -> Iterator[tuple[Path, str]]:
    """Add the files below `start`; the links to folders that are met on the way."""
    stack = [(start, reason)]
    while stack:
        folder, reason = stack.pop()
        seen.add(_inode(folder))
        try:
            inside = sorted(os.scandir(folder), key=lambda item: item.name)
        except OSError as error:
            raise RecordingError(folder, f"cannot be read ({error.strerror})", "mend its rights") from error
        for item in inside:
            if item.name in KEPT_ELSEWHERE:
                continue
            path = Path(item.path)
            why = reason or (HIDDEN if item.name.startswith(".") else "")
            if not path.is_dir():
                found.append((path, why))
                continue
            if not why and item.name.lower() in beside:
                why = f"in {item.name}/"
            if item.is_symlink():
                yield path, why
            else:
                stack.append((path, why))


def _once(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """The first path of each file, and the others; what cannot be looked at stays, so that opening it tells why."""
    kept: dict[tuple[int, int] | Path, Path] = {}
    again: list[Path] = []
    for path in sorted(paths, key=lambda path: (path.is_symlink(), path)):
        try:
            key: tuple[int, int] | Path = _inode(path)
        except OSError:
            key = path
        if kept.setdefault(key, path) is not path:
            again.append(path)
    return sorted(kept.values()), sorted(again)


def _inode(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
