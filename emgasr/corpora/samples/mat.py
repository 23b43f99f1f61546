"""MATLAB's .mat files of version 5 (save -v6, -v7) in; named tables of real numbers out.

Every tag is checked before it is believed: its type is a known one, its size lies within what holds it, a compressed
variable unpacks to just what it promises. scipy.io.loadmat takes a tag as it is and reads past its own memory where a
byte of it changed, which ends the process; here nothing but the variables that are asked for is parsed.

Source: MATLAB, MAT-File Format (The MathWorks), chapter "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from emgasr.errors import RecordingError
from emgasr.files.regular_file import changed, check_regular

HEADER = 128  # bytes before the first variable
MATRIX, COMPRESSED = 14, 15  # types of the elements that may stand at the top of a file
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}  # of an element
INTEGERS, TEXTS = (5, 6), (1, 2, 16)  # types of the elements of dimensions and names
NUMBERS = range(6, 16)  # classes of arrays: double, single, and integers of 8 to 64 bits
CELL, STRUCT, CHARACTERS = 1, 2, 4  # other classes
DEEPEST = 8  # structs within structs
MOST_PARTS = 1 << 20  # of a struct or a cell array
LETTERS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}  # of an element's type
OPAQUE = 17  # a class without dimensions
COMPLEX = 0x0800
MOST_VALUES = 1 << 28  # of a variable: 1.4 hours of NinaPro's DB2 have 120 million
LONGEST_HEAD = 4096  # bytes of dimensions or of a name
BLOCK = 1 << 20
_CUT, _AGAIN = "is cut off or damaged", "fetch the file again"


@dataclass(frozen=True)
class Variable:
    """A variable of a file: its shape, and whether it is a table of real numbers, which alone can be read."""

    path: Path
    name: str
    shape: tuple[int, ...]
    real: bool
    place: int  # of its tag in the file

    def read(self) -> np.ndarray:
        """The numbers in the type in which they are stored; RecordingError unless all are there, as they were saved."""
        if not self.real:
            raise RecordingError(self.path, f"{self.name!r} is no table of real numbers", _AGAIN)
        with _opened(self.path) as (file, order):
            element = _content(file, order, self.place)
            name, shape, told = _head(element, order)
            if (name, shape) != (self.name, self.shape) or not _real(told):
                raise changed(self.path)
            return _numbers(element, order, self.shape)

    def check(self) -> None:
        """Look whether all of its bytes are there; a RecordingError if not."""
        with _opened(self.path) as (file, order):
            _content(file, order, self.place).pass_over()


def variables(path: Path, names: Collection[str]) -> dict[str, Variable]:
    """Return those variables of a file that are called as in `names`.

    RecordingError: no MATLAB file of version 5, cut off, damaged, one of the names stands twice or is too large.
    """
    found: dict[str, Variable] = {}
    with _opened(path) as (file, order):
        place, end = HEADER, file.seek(0, 2)
        while place < end:
            element = _content(file, order, place)
            name, shape, told = _head(element, order)
            if name in found:
                raise RecordingError(path, f"holds {name!r} twice", _AGAIN)
            if name in names:
                if math.prod(shape) > MOST_VALUES:
                    raise RecordingError(path, f"{name!r} has {math.prod(shape):,} values", "give one of a recording")
                found[name] = Variable(path, name, shape, _real(told), place)
            place += 8 + element.stored
    return found


Value = np.ndarray | str | list["Value"] | list[dict[str, "Value"]] | None


def structure(path: Path, name: str, fields: Collection[str]) -> Value:
    """Return the value of a variable that may be a struct: numbers, a text, a list of cells, or of a struct's elements.

    Only the fields that are called as in `fields` are read, at any depth; None is a value of a class that is not read.

    Raises:
        RecordingError: The file has no such variable, or is damaged.
    """
    with _opened(path) as (file, order):
        place, end = HEADER, file.seek(0, 2)
        while place < end:
            element = _content(file, order, place)
            stored = element.stored
            if (found := _value(element, order, name, fields, DEEPEST)) is not _OTHER:
                return found  # type: ignore[return-value]
            place += 8 + stored
    raise RecordingError(path, f"holds no {name!r}", "give a file of the corpus")


class _Damaged(Exception):
    """What a file tells of itself cannot be."""


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """The file and its order of bytes ("<" or ">"); everything that is wrong with it becomes a RecordingError."""
    check_regular(path, RecordingError)
    try:
        with path.open("rb") as file:
            yield file, _order(path, file.read(HEADER))
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror or error})", "check the path") from error
    except (_Damaged, zlib.error, struct.error) as error:
        raise RecordingError(path, f"{_CUT} ({error})", _AGAIN) from error


def _order(path: Path, header: bytes) -> str:
    advice = "save it with -v7, as NinaPro's are"
    if header.startswith(b"\x89HDF") or header[124:128] in (b"\x00\x02IM", b"\x02\x00MI"):
        raise RecordingError(path, "is of MATLAB 7.3 (HDF5)", advice)
    order = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}.get(header[124:])
    if order is None:
        if len(header) >= 20 and 0 in header[:4] and max(header[:4]) < 52 and header[1:4] != b"\0\0\1":
            raise RecordingError(path, "is of MATLAB 4, or no .mat file", advice)
        raise RecordingError(path, "is no .mat file of MATLAB 5 to 7", "give a file that MATLAB saved with -v7")
    return order


class _Stored:
    """The bytes of an element that lie in the file as they are; `stored` of them, of which `left` are not yet read."""

    def __init__(self, file: BinaryIO, stored: int) -> None:
        self.stored = self.left = stored
        self._file = file

    def read(self, count: int) -> bytes | bytearray:
        """The next `count` bytes."""
        if count > self.left:
            raise _Damaged(f"{count} bytes are promised where {self.left} are left")
        self.left -= count
        read = self._some(count)
        if len(read) < count:
            raise _Damaged(f"it ends {count - len(read)} bytes early")
        return read

    def pass_over(self) -> None:
        """Read what is left, and see that it is all there."""
        while self.left:
            self.read(min(self.left, BLOCK))

    def _some(self, count: int) -> bytes | bytearray:
        return self._file.read(count)


class _Packed(_Stored):
    """The same for bytes that are compressed (zlib), whose checksum is looked at behind the last."""

    def __init__(self, file: BinaryIO, stored: int) -> None:
        super().__init__(file, stored)
        self._unpacker = zlib.decompressobj()
        self._packed_left = stored
        self.left = 8  # the tag of the matrix within, which tells how many follow

    def pass_over(self) -> None:
        """Read what is left, and see that it is all there and as it was when it was packed."""
        super().pass_over()
        if self._some(1) or not self._unpacker.eof:
            raise _Damaged("a compressed variable does not end where it should")

    def _some(self, count: int) -> bytes | bytearray:
        unpacked = bytearray()
        while len(unpacked) < count and not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._next()
            part = self._unpacker.decompress(packed, min(count - len(unpacked), BLOCK))
            if not part and not packed:
                break
            unpacked += part
        return unpacked

    def _next(self) -> bytes:
        packed = self._file.read(min(self._packed_left, BLOCK))
        self._packed_left -= len(packed)
        return packed


def _content(file: BinaryIO, order: str, place: int) -> _Stored:
    """What an element at the top of a file holds: a matrix, unpacked if it is compressed."""
    end = file.seek(0, 2)
    file.seek(place)
    kind, size = struct.unpack(order + "II", file.read(8))
    if kind not in (MATRIX, COMPRESSED):
        raise _Damaged(f"type {kind} at byte {place}")
    if size > end - place - 8:
        raise _Damaged(f"{size:,} bytes are promised at byte {place}, {end - place - 8:,} are there")
    if kind == MATRIX:
        return _Stored(file, size)
    packed = _Packed(file, size)
    kind, inside = struct.unpack(order + "II", packed.read(8))
    if kind != MATRIX:
        raise _Damaged(f"type {kind} in the compressed variable at byte {place}")
    packed.left = inside
    return packed


def _head(element: _Stored, order: str) -> tuple[str, tuple[int, ...], int]:
    """A matrix's name, its shape, and its class and flags; leaves the element at its values.

    An opaque one has no shape, and its name is not told.
    """
    kind, flags = _small(element, order)
    if kind != 6 or len(flags) != 8:
        raise _Damaged("a variable without its class")
    (told,) = struct.unpack(order + "I", flags[:4])
    if told & 0xFF == OPAQUE:
        return "", (), told
    kind, dimensions = _small(element, order)
    if kind not in INTEGERS or len(dimensions) % 4 or not 8 <= len(dimensions) <= 128:
        raise _Damaged("a variable without its shape")
    shape = struct.unpack(f"{order}{len(dimensions) // 4}i", dimensions)
    if min(shape) < 0:
        raise _Damaged(f"a variable of shape {shape}")
    kind, name = _small(element, order)
    if kind not in TEXTS:
        raise _Damaged("a variable without its name")
    return name.decode("latin-1"), shape, told


def _real(told: int) -> bool:
    """Whether a matrix's class and flags are those of real numbers."""
    return told & 0xFF in NUMBERS and not told & COMPLEX


_OTHER = object()  # a variable of another name


class _Within(_Stored):
    """The bytes of an element within another one."""

    def __init__(self, outer: _Stored, size: int) -> None:
        self.stored = self.left = size
        self._outer = outer
        if size > outer.left:
            raise _Damaged(f"{size} bytes are promised where {outer.left} are left")

    def _some(self, count: int) -> bytes | bytearray:
        return self._outer.read(count)


def _value(element: _Stored, order: str, name: str | None, fields: Collection[str], deepest: int) -> object:
    """What a matrix holds; _OTHER if it is not called `name` (None: by any name)."""
    own, shape, told = _head(element, order)
    if told & 0xFF == OPAQUE:
        return _OTHER if name is not None else None
    if name is not None and own != name:
        return _OTHER
    count = math.prod(shape)
    if _real(told):
        if count > MOST_VALUES:
            raise _Damaged(f"{count:,} values")
        return _numbers(element, order, shape)
    if told & 0xFF == CHARACTERS:
        kind, letters = _small(element, order)
        if kind not in LETTERS:
            raise _Damaged(f"letters of type {kind}")
        ending = ("-le" if order == "<" else "-be") if LETTERS[kind].startswith("utf-1") or kind == 18 else ""
        ending = "" if kind == 16 else ending
        return bytes(letters).decode(LETTERS[kind] + ending, "replace")
    if told & 0xFF not in (CELL, STRUCT):
        return None
    if count > MOST_PARTS or deepest == 0:
        raise _Damaged(f"a struct of {count:,} parts, or too deep")
    if told & 0xFF == CELL:
        return [_inner(element, order, fields, deepest) for _ in range(count)]
    _, width = _small(element, order)
    _, names = _small(element, order)
    (each,) = struct.unpack(order + "i", width)
    if not 0 < each <= LONGEST_HEAD:
        raise _Damaged("a struct without names of its fields")
    called = [names[i : i + each].split(b"\0")[0].decode("latin-1") for i in range(0, len(names), each)]
    found = []
    for _ in range(count):
        values = {one: _inner(element, order, fields, deepest, one in fields) for one in called}
        found.append({one: value for one, value in values.items() if one in fields})
    return found


def _inner(element: _Stored, order: str, fields: Collection[str], deepest: int, wanted: bool = True) -> object:
    """The next matrix within another one; None if it is empty, or not `wanted`."""
    kind, size = struct.unpack(order + "II", element.read(8))
    if kind != MATRIX:
        raise _Damaged(f"type {kind} within a struct")
    part = _Within(element, size)
    found = _value(part, order, None, fields, deepest - 1) if wanted and size else None
    part.pass_over()
    return found


def _tag(element: _Stored, order: str) -> tuple[int, int, bytes | bytearray | None]:
    """The type of the next part, its size, and its bytes where these are so few that they stand in the tag."""
    raw = element.read(8)
    kind, size = struct.unpack(order + "II", raw)
    if not kind >> 16:
        return kind, size, None
    kind, size = kind & 0xFFFF, kind >> 16
    if size > 4:
        raise _Damaged(f"{size} bytes are promised where 4 have room")
    return kind, size, raw[4 : 4 + size]


def _small(element: _Stored, order: str) -> tuple[int, bytes | bytearray]:
    """The type and the bytes of a short part, and what fills them up to eight read away."""
    kind, size, inside = _tag(element, order)
    if inside is not None:
        return kind, inside
    if size > LONGEST_HEAD:
        raise _Damaged(f"a shape or name of {size:,} bytes")
    return kind, element.read(size + -size % 8)[:size]


def _numbers(element: _Stored, order: str, shape: tuple[int, ...]) -> np.ndarray:
    kind, size, inside = _tag(element, order)
    if kind not in STORED:
        raise _Damaged(f"numbers of type {kind}")
    dtype = np.dtype(order + STORED[kind])
    if size != math.prod(shape) * dtype.itemsize:
        raise _Damaged(f"{size:,} bytes for {math.prod(shape):,} numbers of {dtype.itemsize}")
    if inside is None:
        inside = element.read(size)
        element.pass_over()
    return np.frombuffer(inside, dtype).reshape(shape, order="F")
