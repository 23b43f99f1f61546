"""Writes results so that a crash, a full disk or a second run loses no finished work."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from emgasr.errors import EmgasrError, OutputError

UNFINISHED = ".unfinished"  # lies in a folder of results until all of them are there
_LEFTOVER = re.compile(r"\..+\.part-[a-z0-9_]{8}(\.[^.]*)?")  # as `replacing` names what it has not finished


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
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.part-", suffix=path.suffix, dir=path.parent)
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

    Raises an OutputError before the block if `folder` already holds something, or another process writes into it.
    """
    folder = Path(folder)
    claimed = not folder.exists()
    with locked_folder(folder):
        _check_empty(folder, "choose another folder")
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


@contextmanager
def claimed_folder(
    folder: str | Path, overwrite: bool | None = False, done: str = "", advice: str = ""
) -> Iterator[Path]:
    """Create `folder` for the results of one run and keep it for the block; yield it.

    The folder is marked as UNFINISHED until the block ends well. A later run starts a marked folder anew, unless it
    holds the file `done`, whose results must not be lost. Files that are there are replaced one by one, never removed.

    Raises:
        OutputError: The folder holds something else and not `overwrite` (None: the caller has no such option), or
            another process writes into it.
    """
    folder = Path(folder)
    made = not folder.exists()
    advice = advice or ("choose another folder" + ("" if overwrite is None else " or pass --overwrite"))
    with locked_folder(folder):
        mark = folder / UNFINISHED
        if not overwrite and not (mark.exists() and not (done and (folder / done).exists())):
            _check_empty(folder, advice)
        _remove_leftovers(folder)
        try:
            mark.touch()
        except OSError as error:
            raise OutputError(folder, f"cannot be written ({error.strerror})", "choose another place") from error
        try:
            yield folder
            mark.unlink(missing_ok=True)
        finally:
            with suppress(OSError):  # a folder in which nothing was written is left as it was
                if [path.name for path in folder.iterdir()] == [UNFINISHED]:
                    mark.unlink()
                    if made:
                        folder.rmdir()


@contextmanager
def locked_folder(folder: str | Path) -> Iterator[Path]:
    """Create `folder` and keep other processes of emgasr from writing into it; the lock ends with this process.

    An OutputError if another one writes into it, or it cannot be made.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(folder, "is a file, not a folder", "choose another output folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise OutputError(folder, f"cannot be created ({error.strerror})", "choose another output folder") from error
    try:
        _lock(descriptor, folder)
        yield folder
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        wrong = "is being written to by another process"
        raise OutputError(folder, wrong, "wait for it, or choose another folder") from error
    except OSError:  # a file system that has no locks
        pass


def _check_empty(folder: Path, advice: str) -> None:
    if any(path.name != UNFINISHED and not _LEFTOVER.fullmatch(path.name) for path in folder.iterdir()):
        raise OutputError(folder, "already holds something", advice)


def _remove_leftovers(folder: Path) -> None:
    """Remove what `replacing` left when it was killed; nobody else writes here."""
    for path in folder.iterdir():
        if _LEFTOVER.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
