"""A path out of a stranger's table in; what lies there, or one line on why it cannot be read, out.

A path may be too long for any file system, hold a NUL, lead round in links or through a folder without rights: pathlib
raises for all these where it is only asked whether a file is there. A pipe would be waited for, a device never ends.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from emgasr.errors import EmgasrError
from emgasr.files.pointers import check_fetched


def check_regular(path: str | Path, error: type[EmgasrError], advice: str = "check the path") -> os.stat_result:
    """Return the status of the regular file at a path: call it before a file is parsed.

    `error` (an EmgasrError class) is raised where `status_of` raises it, and for a pointer in a file's place (see
    `emgasr.files.pointers`).
    """
    status = status_of(path, error, advice)
    check_fetched(path, error)
    return status


def status_of(path: str | Path, error: type[EmgasrError], advice: str = "check the path") -> os.stat_result:
    """Return the status of the regular file at a path, of which nothing is read.

    `error` (an EmgasrError class) is raised for a path where nothing lies, for a folder, a pipe or a device, and for a
    path that cannot be one.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError) as cause:  # ValueError: a NUL in the path
        check_fetched(path, error)  # a link of git-annex to nowhere
        raise error(path, f"cannot be read ({getattr(cause, 'strerror', None) or cause})", advice) from cause
    if stat.S_ISDIR(status.st_mode):
        raise error(path, "is a folder, not a file", advice)
    if not stat.S_ISREG(status.st_mode):
        raise error(path, "is no regular file", advice)
    return status


def is_regular(path: str | Path) -> bool:
    """Whether a regular file lies at a path; False also where that cannot be found out."""
    return os.path.isfile(path)
