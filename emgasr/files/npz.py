"""An archive of arrays (.npz) in; its arrays, compared with what is wanted before they are read, out.

Nothing is unpickled. An array's header can claim a billion numbers, and a packed archive can unfold without end: so the
reader compares claims with sizes first, and then reads.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emgasr.errors import ModelError
from emgasr.files.regular_file import status_of

NUMBERS, WHOLE, TEXT = "iuf", "iu", "U"


class Array(NamedTuple):
    """An array that is wanted: its dimensions, and numpy's letters of the kinds that its values may be of."""

    dimensions: int
    kinds: str


def read_npz(
    path: Path, wanted: Mapping[str, Array], what: str, advice: str, largest: int | None = None
) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of an archive, by the folder in it and their name; "" is no folder.

    Args:
        path: of the archive.
        wanted: the arrays that each folder holds, and no others.
        what: the archive holds, for errors.
        advice: what to do about a file that does not.
        largest: bytes of all arrays, unpacked; None: as many as the file has.

    Raises:
        ModelError: the file is missing, damaged, too large, or holds other arrays.
    """
    size = status_of(path, ModelError, advice).st_size
    found: dict[str, dict[str, np.ndarray]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > (size if largest is None else largest):
                raise ModelError(path, f"is too large for {what}", advice)
            for part in parts:
                folder, _, name = part.filename.removesuffix(".npy").rpartition("/")
                if name not in wanted:
                    raise ModelError(path, f"holds no {what} ({name[:80]!r} is in it)", advice)
                _check_header(path, archive, part, name, wanted[name], advice)
                with archive.open(part) as file:
                    found.setdefault(folder, {})[name] = np.lib.format.read_array(file, allow_pickle=False)
    except ModelError:
        raise
    except Exception as error:  # numpy documents none for a damaged header: it evaluates it as Python literals
        raise ModelError(path, f"holds no {what}: it is damaged, cut off, or another file", advice) from error
    missing = [name for arrays in found.values() or [{}] for name in wanted if name not in arrays]
    if missing:
        raise ModelError(path, f"holds no {what} ({missing[0]!r} is missing)", advice)
    return found


def _check_header(
    path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str, wanted: Array, advice: str
) -> None:
    with archive.open(part) as file:
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = readers[np.lib.format.read_magic(file)](file)
        if len(shape) != wanted.dimensions or dtype.kind not in wanted.kinds:
            raise ModelError(path, f"holds {name} of shape {shape} and type {dtype}"[:200], advice)
        # A text of no letters takes no bytes, however many there are.
        if min(shape) < 0 or not dtype.itemsize or math.prod(shape) * dtype.itemsize != part.file_size - file.tell():
            raise ModelError(path, f"claims another number of {name} than it holds", advice)
