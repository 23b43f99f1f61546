"""A stream of a tar archive (plain or compressed) in; the wanted files of it, written to a folder, out.

Nothing else is kept: a few sessions of a 308 GB archive need the room of a few sessions. A file takes its place only
when it is whole. A second run compares the files that are there with the archive's, and writes those that differ. A
compressed archive ends with its checksum, which tarfile never reads, so it is unpacked here.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple, cast

from emgasr.errors import OutputError, RecordingError
from emgasr.files.output import replacing

BLOCK = 1 << 16
LONGEST_MAGIC = 6
UNPACK: dict[bytes, Callable[[IO[bytes]], IO[bytes]]] = {
    b"\x1f\x8b": lambda stream: cast(IO[bytes], gzip.GzipFile(fileobj=stream)),
    b"BZh": lambda stream: cast(IO[bytes], bz2.BZ2File(stream)),
    b"\xfd7zXZ\0": lambda stream: cast(IO[bytes], lzma.LZMAFile(stream)),  # noqa: SIM115
}
DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError, ValueError, OverflowError)


class Extracted(NamedTuple):
    """Names of the files written now, of those that were there, and of the wanted ones that did not pass by.

    `checked` is whether the archive was read to its end and its checksum, if it has one, was right.
    """

    written: list[str]
    kept: list[str]
    missing: list[str]
    checked: bool


def extract(
    stream: IO[bytes],
    wanted: Collection[str],
    folder: Path,
    where: str = "archive",
    tell: Callable[[str], object] = lambda name: None,
    to_the_end: bool = False,
) -> Extracted:
    """Write the files with the `wanted` names (no folders) into `folder`; read no further than needed.

    `to_the_end` reads on to where a compressed archive has its checksum. RecordingError for an archive that is none, is
    cut off or damaged: what was written whole stays.
    """
    written: list[str] = []
    kept: list[str] = []
    left = set(wanted)
    try:
        unpacked = _unpacked(stream)
        with tarfile.open(fileobj=unpacked, mode="r|", bufsize=BLOCK) as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if not member.isfile() or name not in left or name.startswith("."):
                    continue
                if member.issparse():  # a few bytes that claim to be any number
                    raise _CutOff(f"{member.name} is sparse")
                left.discard(name)
                if _write(archive, member, folder / name):
                    written.append(name)
                    tell(name)
                else:
                    kept.append(name)
                if not left and not to_the_end:
                    break
        checked = bool(left) or to_the_end
        while checked and unpacked.read(BLOCK):
            pass
    except (*DAMAGE, _CutOff) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk; those of gzip and bz2 have none
            raise
        done = f"{len(written) + len(kept)} of {len(wanted)} wanted files are there"
        told = (
            "is cut off or damaged"
            if written or kept or isinstance(error, _CutOff)
            else "is no tar archive, or cut off"
        )
        advice = "give it again, whole: they are kept, those that differ written anew"
        raise RecordingError(where, f"{told} ({error}); {done}", advice) from error
    return Extracted(written, kept, sorted(left), checked)


class _CutOff(Exception):
    pass


class _Begun:
    """A stream whose first bytes were looked at."""

    def __init__(self, begin: bytes, stream: IO[bytes]) -> None:
        self._begin, self._stream = begin, stream

    def read(self, size: int = BLOCK) -> bytes:
        part, self._begin = self._begin[:size], self._begin[size:]
        return part or self._stream.read(size)


def _unpacked(stream: IO[bytes]) -> IO[bytes]:
    """The archive itself, out of what it is compressed by."""
    begin = b""
    while len(begin) < LONGEST_MAGIC and (more := stream.read(LONGEST_MAGIC - len(begin))):
        begin += more
    begun = cast(IO[bytes], _Begun(begin, stream))
    unpack = next((unpack for magic, unpack in UNPACK.items() if begin.startswith(magic)), None)
    return begun if unpack is None else unpack(begun)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> bool:
    """Write a file whole, unless it is there as the archive has it; whether it was written."""
    source = archive.extractfile(member)
    assert source is not None  # a regular file
    same, differs = _compared(source, target, member.size)
    if same == member.size:
        return False
    try:
        with replacing(target) as temporary:
            with temporary.open("wb") as file:
                if same:
                    with target.open("rb") as there:
                        shutil.copyfileobj(_First(there, same), file, BLOCK)
                file.write(differs)
                shutil.copyfileobj(source, file, 1 << 20)
            if (size := temporary.stat().st_size) != member.size:
                raise _CutOff(f"{member.name} has {size:,} of {member.size:,} bytes")
    except OutputError as error:  # a failure to decompress is an OSError too, but none of the disk
        if isinstance(error.__cause__, OSError) and error.__cause__.errno is None:
            raise _CutOff(str(error.__cause__)) from error
        raise
    return True


def _compared(source: IO[bytes], target: Path, size: int) -> tuple[int, bytes]:
    """How many bytes of a file that is there are the archive's, in whole blocks, and the block that differs."""
    same = 0
    if target.is_file() and target.stat().st_size == size:
        with target.open("rb") as there:
            while block := source.read(BLOCK):
                if there.read(len(block)) != block:
                    return same, block
                same += len(block)
        if same < size:
            raise _CutOff(f"{target.name} has {same:,} of {size:,} bytes")
    return same, b""


class _First:
    """The first bytes of a file."""

    def __init__(self, file: IO[bytes], count: int) -> None:
        self._file, self._left = file, count

    def read(self, size: int = BLOCK, /) -> bytes:
        part = self._file.read(min(size, self._left))
        self._left -= len(part)
        return part
