"""MATLAB's .mat files against scipy, which wrote them; and what a changed byte may do: nothing but a line."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from emgasr.corpora.samples import mat
from emgasr.errors import RecordingError

KINDS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


def saved(folder: Path, content: dict[str, object], **options: object) -> Path:
    savemat(folder / "a.mat", content, **options)  # type: ignore[arg-type]
    return folder / "a.mat"


@pytest.mark.parametrize("packed", [False, True])
def test_what_scipy_writes_is_read_as_scipy_reads_it(tmp_path: Path, packed: bool) -> None:
    rng = np.random.default_rng(3)
    tables = {
        f"{kind}_{rows}x{columns}": (100 * rng.random((rows, columns))).astype(kind)
        for kind in KINDS
        for rows, columns in ((1, 1), (1, 3), (4, 1), (300, 5), (0, 0))
    }
    others = {
        "text": "abc",
        "cell": np.array([[1, "a"]], dtype=object),
        "struct": {"emg": np.ones((2, 2)), "deep": {"emg": 1}},
        "flag": np.array([[True, False]]),
        "wave": np.array([[1j]]),
        "cube": rng.random((2, 3, 4)),
    }
    path = saved(tmp_path, others | tables, do_compression=packed)
    expected = loadmat(path)
    found = mat.variables(path, [*tables, *others])
    assert list(found) == [*others, *tables]
    assert [name for name, variable in found.items() if not variable.real] == ["text", "cell", "struct", "wave"]
    for name in (*tables, "cube", "flag"):
        found[name].check()
        np.testing.assert_array_equal(found[name].read(), expected[name], strict=True)


def test_a_file_of_the_other_order_of_bytes_is_read_alike(tmp_path: Path) -> None:
    values = np.arange(12.0).reshape(4, 3)
    parts = [(6, struct.pack(">II", 6, 0)), (5, struct.pack(">ii", 4, 3)), (1, b"emg")]
    content = b"".join(element(kind, data, ">") for kind, data in [*parts, (9, values.astype(">f8").tobytes("F"))])
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x01\x00MI" + element(14, content, ">"))
    np.testing.assert_array_equal(loadmat(path)["emg"], values)
    np.testing.assert_array_equal(mat.variables(path, ["emg"])["emg"].read(), values)


def element(kind: int, data: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(**changes: tuple[int, bytes]) -> bytes:
    """A variable `emg` of 40 x 2 doubles, with parts replaced."""
    parts = {
        "flags": (6, struct.pack("<II", 6, 0)),
        "shape": (5, struct.pack("<ii", 40, 2)),
        "name": (1, b"emg"),
        "values": (9, np.arange(80.0).tobytes()),
    }
    return b"".join(element(*part) for part in (parts | changes).values())


def packed(content: bytes, promised: int | None = None) -> bytes:
    whole = zlib.compress(struct.pack("<II", 14, len(content) if promised is None else promised) + content)
    return struct.pack("<II", 15, len(whole)) + whole


def damaged(stored: bytes, at: int) -> bytes:
    changed = bytearray(stored)
    changed[at] ^= 255
    return bytes(changed)


BAD_PARTS: dict[str, dict[str, tuple[int, bytes]]] = {
    "numbers of type 200": {"values": (200, bytes(640))},
    "numbers of type 60000": {"values": (60000, bytes(640))},
    "numbers of type 8": {"values": (8, bytes(640))},
    "numbers of type 14": {"values": (14, bytes(640))},
    "numbers of type 16": {"values": (16, bytes(640))},
    "632 bytes for 80 numbers of 8": {"values": (9, bytes(632))},
    "648 bytes for 80 numbers of 8": {"values": (9, bytes(648))},
    "640 bytes for 80 numbers of 4": {"values": (7, bytes(640))},
    "a variable of shape": {"shape": (5, struct.pack("<ii", -40, -2))},
    "without its shape": {"shape": (9, struct.pack("<ii", 40, 2))},
    "without its class": {"flags": (9, bytes(8))},
    "without its name": {"name": (9, b"emg")},
    "a shape or name of 99,999 bytes": {"name": (1, b"e" * 99_999)},
    "'emg' has 4,000,000,000 values": {"shape": (5, struct.pack("<ii", 2_000_000_000, 2))},
}


@pytest.mark.parametrize("wrap", [lambda content: element(14, content), packed])
@pytest.mark.parametrize("told", BAD_PARTS)
def test_a_part_that_cannot_be_is_refused_in_a_line(tmp_path: Path, told: str, wrap: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + wrap(matrix(**BAD_PARTS[told])))
    with pytest.raises(RecordingError, match=told):
        mat.variables(path, ["emg"])["emg"].read()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (element(14, matrix())[:-300], "is cut off"),
        (element(14, matrix()) + b"abc", "is cut off"),
        (element(14, matrix()) * 2, "holds 'emg' twice"),
        (element(13, matrix()), "type 13 at byte 128"),
        (element(14, b""), "8 bytes are promised where 0 are left"),
        (packed(matrix())[:-30], "is cut off"),
        (packed(matrix(), 2**31), "ends .* bytes early"),
        (packed(matrix() + bytes(9), len(matrix())), "does not end where it should"),
        (packed(b"\0" * 10**7, 10**7), "without its class"),
        (struct.pack("<II", 15, 40) + zlib.compress(packed(matrix()))[:40], "type 15 in the compressed|is cut off"),
        (damaged(packed(matrix()), -1), "is cut off or damaged"),
        (damaged(packed(matrix()), 100), "is cut off or damaged"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + content)
    with pytest.raises(RecordingError, match=told):
        mat.variables(path, ["emg"])["emg"].check()
    with pytest.raises(RecordingError, match=told):
        mat.variables(path, ["emg"])["emg"].read()


@pytest.mark.parametrize("compression", [False, True])
def test_whatever_byte_changes_a_file_is_read_or_refused_and_a_compressed_one_read_as_it_was(
    tmp_path: Path, compression: bool
) -> None:
    whole = io.BytesIO()
    values = np.arange(30.0).reshape(10, 3)
    savemat(whole, {"text": "abc", "emg": values, "n": 3}, do_compression=compression)
    rng = random.Random(5)
    read = refused = 0
    for at in range(0, whole.getbuffer().nbytes, 2):
        content = bytearray(whole.getvalue())
        content[at] ^= rng.randrange(1, 256)
        (tmp_path / "a.mat").write_bytes(content)
        try:
            found = mat.variables(tmp_path / "a.mat", ["emg"])
            numbers = found["emg"].read() if found else values
        except RecordingError:
            refused += 1
            continue
        read += 1
        assert numbers.size == values.size or not compression
        assert (numbers == values).all() or not compression
    assert refused > 30
    assert read > 60


def test_a_large_promise_takes_no_memory_before_it_is_kept(tmp_path: Path) -> None:
    content = matrix(shape=(5, struct.pack("<ii", 1 << 27, 1)), values=(9, b""))
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + b"\x00\x01IM" + packed(content, 1 << 30))
    with pytest.raises(RecordingError, match=r"\(0 bytes for 134,217,728 numbers"):
        mat.variables(path, ["emg"])["emg"].read()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (struct.pack("<5i", 0, 4, 3, 0, 4) + b"emg\0" + bytes(96), "is of MATLAB 4, or no .mat file"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(999), r"is of MATLAB 7\.3"),
        (b"\x89HDF\r\n\x1a\n" + bytes(999), r"is of MATLAB 7\.3"),
        (b"", "is no .mat file"),
        (b"MATLAB 5.0", "is no .mat file"),
        (b"dear diary" * 99, "is no .mat file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(RecordingError, match=told):
        mat.variables(tmp_path / "a.mat", ["emg"])


@pytest.mark.parametrize("name", ["absent.mat", "a" * 300, "a\0b", ""])
def test_a_path_that_no_file_has_is_a_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecordingError, match=r"cannot be read|is a folder"):
        mat.variables(tmp_path / name, ["emg"])
