"""A file in; what is wrong out, if it is only a pointer of Git LFS or git-annex, which keep contents elsewhere.

In a clone without contents, each large file is a few bytes of text, or a link to nowhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from emgasr.errors import EmgasrError

LONGEST = 1024  # bytes; a pointer of Git LFS has at most as many (its specification, version 1)
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = re.compile(rb"\s*(?:(?:\.\./)*\.git)?/annex/objects/\S+\s*")  # a pointer file, or a link as a file
_ANNEX_LINK = re.compile(r"(?:^|/)annex/objects/")
_OF_LFS = ("is a Git LFS pointer, the file itself was not fetched", "run `git lfs pull` in its folder")
_OF_ANNEX = (
    "is a git-annex pointer, the file itself was not fetched",
    "run `git annex get` or `datalad get` on it",
)


def pointer_in(begin: bytes) -> tuple[str, str] | None:
    """Return what is wrong and what to do if a file that begins with these bytes is a pointer, else None."""
    if begin.startswith(_LFS):
        return _OF_LFS
    return _OF_ANNEX if _ANNEX.fullmatch(begin[:LONGEST].partition(b"\n")[0]) else None


def pointer_at(path: str | Path) -> tuple[str, str] | None:
    """Return what is wrong and what to do if a pointer, or git-annex's link to nowhere, lies at the path, else None."""
    try:
        if os.path.islink(path) and not os.path.exists(path):
            return _OF_ANNEX if _ANNEX_LINK.search(os.readlink(path)) else None
        if not os.path.isfile(path):  # a pipe would be waited for
            return None
        with open(path, "rb") as file:
            return pointer_in(file.read(LONGEST))
    except (OSError, ValueError):  # whoever opens it reports it
        return None


def check_fetched(path: str | Path, error: type[EmgasrError]) -> None:
    """Raise `error` (an EmgasrError class) if only a pointer lies at the path: call it before a file is parsed."""
    if pointer := pointer_at(path):
        raise error(path, *pointer)
