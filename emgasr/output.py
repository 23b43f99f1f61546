"""Writes results so that a crash, a full disk or a second run loses no finished work."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emgasr.errors import EmgasrError, OutputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path (same folder and suffix) that takes `path`'s place, synced, when the block ends well.

    The temporary file is removed when the block fails; `path` is then as it was. An OSError of the block,
    such as a full disk, becomes an OutputError, and so does text that UTF-8 cannot write, such as some paths.
    """
    path = Path(path)
    temporary = Path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o644)  # mkstemp and safetensors make private files; results are as readable as any other
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except EmgasrError:
        raise
    except UnicodeEncodeError as error:
        wrong = f"cannot be written: {error.object[max(0, error.start - 30) : error.end + 30]!a} is not UTF-8"
        raise OutputError(path, wrong, "rename the file or folder") from error
    except OSError as error:
        raise OutputError(
            path, f"cannot be written ({error.strerror or error})", "free space or choose another place"
        ) from error
    finally:
        if temporary != Path() and temporary.exists():
            temporary.unlink()


@contextmanager
def replacing_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `folder` that takes its place when the block ends well, and is removed if not.

    Raises an OutputError before the block if `folder` already holds something.
    """
    folder = Path(folder)
    claimed = not folder.exists()
    claim_folder(folder)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
            made = Path(place) / folder.name
            made.mkdir()
            yield made
            os.replace(made, folder)  # an empty folder can be replaced
            claimed = False
            _sync(folder.parent)
    except EmgasrError:
        raise
    except OSError as error:
        raise OutputError(
            folder, f"cannot be written ({error.strerror or error})", "free space or choose another place"
        ) from error
    finally:
        if claimed:
            with suppress(OSError):
                folder.rmdir()


def claim_folder(folder: str | Path, overwrite: bool = False) -> Path:
    """Create `folder` for results and return it; an OutputError if it already holds something and not `overwrite`."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file, not a folder", "choose another output folder")
    if not overwrite and folder.exists() and any(folder.iterdir()):
        # What is there is never removed: with `overwrite`, files of the same name are replaced.
        raise OutputError(folder, "already holds something", "choose another folder or pass --overwrite")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, f"cannot be created ({error.strerror})", "choose another output folder") from error
    return folder


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
