"""File names as tables spell them in; the recordings that they name out, where just one can be meant.

A name is taken as it stands; else without blanks at its ends, with the separators of Windows turned and without "./"
and "recordings/"; else in whatever case; else without its ending; else, for an absolute path or a URL, by its end.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

from emgasr.files.plain_text import normalized

FOLDER = "recordings"
_ABSOLUTE = re.compile(r"/|[a-z]:/|[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class FileNames:
    """The recordings that may be named, as paths from the folder of their table."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = tuple(dict.fromkeys(files))
        self._ways: list[tuple[Callable[[str], str | None], dict[str, list[str]]]] = []
        ways = ((_as_is, _as_is), (tidy, tidy), (spelled, spelled), (_folded, _folded), (_bare, _without_ending))
        for of_name, of_file in ways:
            known: dict[str, list[str]] = {}
            for file in self.files:
                known.setdefault(of_file(file), []).append(file)
            self._ways.append((of_name, known))

    def named(self, name: str) -> list[str]:
        """The recordings that `name` may mean: one if it is clear, none, or several that it does not tell apart."""
        for key, known in self._ways:
            wanted = key(name)
            if wanted is not None and (found := known.get(wanted)):
                return found
        return self._by_end(name)

    def all_named(self, names: Iterable[str]) -> dict[str, list[str]]:
        """The same for all names of a table: absolute paths of different places never mean the same recording."""
        found = {name: self.named(name) for name in dict.fromkeys(names)}
        places: dict[str, set[str]] = {}
        for name, files in found.items():
            if _is_absolute(name) and len(files) == 1:
                places.setdefault(files[0], set()).add(posixpath.dirname(_folded(name)))
        return {
            name: [] if _is_absolute(name) and len(files) == 1 and len(places[files[0]]) > 1 else files
            for name, files in found.items()
        }

    def _by_end(self, name: str) -> list[str]:
        if not _is_absolute(name):
            return []
        for text in (name, unquote(name)):
            parts = PurePosixPath(_folded(text)).parts
            for of_file in (_folded, _without_ending):
                ends = {file: PurePosixPath(of_file(file)).parts for file in self.files}
                if found := [file for file, end in ends.items() if parts[-len(end) :] == end]:
                    return found
        return []


def spelled(name: str) -> str:
    """A name in one spelling (see `tidy`), and without "recordings/"."""
    return tidy(name).removeprefix(f"{FOLDER}/")


def tidy(name: str) -> str:
    """A name in NFC, without blanks or quotation marks at its ends, with "/" between folders and without "./"."""
    plain = normalized(name).strip().strip("'\"").strip().replace("\\", "/")
    return posixpath.normpath(plain) if plain and not _is_absolute(plain) else plain


def which(name: str, found: Sequence[str], rows: int = 1) -> str:
    """What is wrong with a name that `rows` of a table give and that does not mean one recording, for a message."""
    verb = "names" if rows == 1 else "name"
    if not found:
        return f"{verb} {name!r}, which is no recording"
    return f"{verb} {name!r}, which may be {' or '.join(found[:3])}"


def _is_absolute(name: str) -> bool:
    return bool(_ABSOLUTE.match(name.strip().replace("\\", "/")))


def _as_is(name: str) -> str:
    return name


def _folded(name: str) -> str:
    return normalized(spelled(name).casefold()).removeprefix(f"{FOLDER}/")


def _without_ending(file: str) -> str:
    return posixpath.splitext(_folded(file))[0]


def _bare(name: str) -> str | None:
    """A name that may lack its ending; an empty one means nothing."""
    return _folded(name) or None
