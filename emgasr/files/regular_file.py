"""A path out of a stranger's table in; what lies there, or one line on why it cannot be read, out.

A path may be too long for any file system, hold a NUL, lead round in links or through a folder without rights: pathlib
raises for all these where it only asks whether a file is there. A pipe blocks its reader, and a device never ends.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from emgasr.errors import EmgasrError, RecordingError
from emgasr.files.pointers import check_fetched


def check_regular(path: str | Path, error: type[EmgasrError], advice: str = "check the path") -> os.stat_result:
    """Return the status of the regular file at a path; call it before a file is parsed.

    Raises:
        error: `status_of` raises it, or a pointer lies in the file's place (see `emgasr.files.pointers`).
    """
    status = status_of(path, error, advice)
    check_fetched(path, error)
    return status


def status_of(path: str | Path, error: type[EmgasrError], advice: str = "check the path") -> os.stat_result:
    """Return the status of the regular file at a path without reading the file.

    Raises:
        error: Nothing lies at the path, the path is impossible, or a folder, a pipe or a device lies there.
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
    """Return whether a regular file lies at a path; False also where nobody can find out."""
    return os.path.isfile(path)


def read_bytes(path: str | Path, error: type[EmgasrError], advice: str, largest: int) -> bytes:
    """Return the content of a regular file of at most `largest` bytes.

    Raises:
        error: No regular file lies at the path, it cannot be read, or it is larger.
    """
    status_of(path, error)
    try:
        with open(path, "rb") as file:
            content = file.read(largest + 1)
    except OSError as cause:
        raise error(path, f"cannot be read ({cause.strerror or cause})", "check the path") from cause
    if len(content) > largest:
        raise error(path, f"is larger than {largest:,} bytes", advice)
    return content


def changed(path: str | Path) -> RecordingError:
    """Return the error for a recording's file that is not the one whose labels were read when it was opened."""
    return RecordingError(path, "changed since it was opened", "open it again")
