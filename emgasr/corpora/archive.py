"""A tar archive that streams by (plain or compressed) in; the wanted files of it written to a folder out.

Nothing else is kept, so that a few sessions of a 308 GB archive need the room of a few sessions. Each file takes its
place only when it is whole; a second run passes over those that are there.
"""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from emgasr.errors import OutputError, RecordingError
from emgasr.output import replacing


class Extracted(NamedTuple):
    """Names of the files written now, of those that were there, and of the wanted ones that did not pass by."""

    written: list[str]
    kept: list[str]
    missing: list[str]


def extract(
    stream: IO[bytes],
    wanted: Collection[str],
    folder: Path,
    where: str = "archive",
    tell: Callable[[str], object] = lambda name: None,
) -> Extracted:
    """Write the files called as in `wanted` (no folders) into `folder`; the rest is read past, and no more than needed.

    RecordingError for an archive that is none, or is cut off: what was written whole stays.
    """
    written: list[str] = []
    kept: list[str] = []
    left = set(wanted)
    try:
        with tarfile.open(fileobj=stream, mode="r|*") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if not member.isfile() or name not in left or name.startswith("."):
                    continue
                if member.issparse():  # a few bytes that claim to be any number
                    raise _CutOff(f"{member.name} is sparse")
                left.discard(name)
                target = folder / name
                if target.is_file() and target.stat().st_size == member.size:
                    kept.append(name)
                else:
                    _write(archive, member, target)
                    written.append(name)
                    tell(name)
                if not left:
                    break
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError, _CutOff) as error:
        done = f"{len(written) + len(kept)} of {len(wanted)} wanted files are there"
        told = (
            "is cut off or damaged"
            if written or kept or isinstance(error, _CutOff)
            else "is no tar archive, or cut off"
        )
        raise RecordingError(where, f"{told} ({error}); {done}", "give it again: they are kept") from error
    return Extracted(written, kept, sorted(left))


class _CutOff(Exception):
    pass


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = archive.extractfile(member)
    assert source is not None  # a regular file
    try:
        with replacing(target) as temporary:
            with temporary.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            if (size := temporary.stat().st_size) != member.size:
                raise _CutOff(f"{member.name} has {size:,} of {member.size:,} bytes")
    except OutputError as error:  # a failure to decompress is an OSError too, but none of the disk
        if isinstance(error.__cause__, OSError) and error.__cause__.errno is None:
            raise _CutOff(str(error.__cause__)) from error
        raise
