"""What a format is to the fuzzer: valid files to begin with, and the call that reads and uses everything of one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


class Unusable(Exception):
    """What was accepted cannot be used, or does not say what it must."""


@dataclass(frozen=True)
class Place:
    """The folder that the files of a run lie in, and one to write to."""

    folder: Path
    out: Path


@dataclass(frozen=True)
class Seen:
    """What a reader accepted: a digest of its samples or numbers, and the lines that it told about them."""

    digest: str
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Args:
        name: what it is called on the command line and in the table.
        owner: the part of the package that it belongs to.
        family: what its mutations know of it (mutations.FAMILIES).
        seeds: each writes a valid file, and those beside it, into a folder, and returns the one to be damaged.
        read: reads and uses everything of it, as a user would.
        container: what its content is packed in (mutations.INSIDE), if anything.
        checked: a checksum guards its samples: damage is refused or told.
        names_files: it tells paths to read, which may lie anywhere.
        writes: reading it may change the files beside it, as a resume does.
        warm: it is read once before all runs, so that kernels are compiled; never HDF5, which survives no fork.
    """

    name: str
    owner: str
    family: str
    seeds: tuple[Callable[[Path], Path], ...]
    read: Callable[[Path, Place], Seen]
    container: str = ""
    checked: bool = False
    names_files: bool = False
    writes: bool = False
    warm: bool = True


def expect(true: Any, what: str) -> None:
    """Unusable unless `true`."""
    if not true:
        raise Unusable(what)


def digest_of(*parts: Any) -> str:
    """A digest of arrays and of whatever has a repr."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr(part.shape).encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


def all_formats() -> dict[str, Format]:
    """Every format by name."""
    from . import encoders, languages, models, records, samples, sidecars

    found = [fmt for module in (samples, sidecars, models, encoders, languages, records) for fmt in module.FORMATS]
    return {fmt.name: fmt for fmt in found}
