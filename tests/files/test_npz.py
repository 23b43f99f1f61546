"""Archives of arrays: what was saved comes back; anything else is one line, and no memory is taken for it."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emgasr.errors import ModelError
from emgasr.files.npz import NUMBERS, TEXT, Array, read_npz

WANTED = {"samples": Array(2, NUMBERS), "labels": Array(1, TEXT)}
SAMPLES, LABELS = np.arange(6, dtype=np.int16).reshape(3, 2), np.array(["a", "é"])


def read(path: Path, largest: int | None = None) -> dict[str, dict[str, np.ndarray]]:
    return read_npz(path, WANTED, "people", "copy it again", largest)


def test_arrays_come_back_by_folder_and_name(tmp_path: Path) -> None:
    both = {"ann/samples": SAMPLES, "ann/labels": LABELS, "bob/samples": SAMPLES.T, "bob/labels": LABELS[:0]}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "both.npz", **both)
        found = read(tmp_path / "both.npz", largest=10_000)
        assert found.keys() == {"ann", "bob"}
        for name, array in both.items():
            folder, _, part = name.partition("/")
            np.testing.assert_array_equal(found[folder][part], array)
    np.savez(tmp_path / "one.npz", samples=SAMPLES, labels=LABELS)
    assert read(tmp_path / "one.npz").keys() == {""}


def header(shape: str, descr: str = "'<f8'") -> bytes:
    """The header of a .npy file that claims this shape, and five bytes behind it."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    text += b" " * (-(11 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\x00" * 5


def stored(content: bytes, packed: bool = False) -> Callable[[Path], object]:
    """What writes an archive whose samples are these bytes, and whose labels are right."""

    def write(path: Path) -> None:
        labels = io.BytesIO()
        np.save(labels, LABELS)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
            archive.writestr("samples.npy", content)
            archive.writestr("labels.npy", labels.getvalue())

    return write


def cut(path: Path) -> None:
    np.savez(path, samples=SAMPLES, labels=LABELS)
    os.truncate(path, path.stat().st_size - 30)


def turned(path: Path) -> None:
    """One bit of the samples is another."""
    np.savez(path, samples=SAMPLES, labels=LABELS)
    content = bytearray(path.read_bytes())
    content[content.index(SAMPLES.tobytes())] ^= 1
    path.write_bytes(bytes(content))


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "cannot be read"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "pipe": (os.mkfifo, "is no regular file"),
    "empty": (lambda path: path.write_bytes(b""), "holds no people"),
    "no archive": (lambda path: path.write_bytes(b"PK"), "holds no people"),
    "no array": (np.savez, "'samples' is missing"),
    "one array": (lambda path: np.savez(path, samples=SAMPLES), "'labels' is missing"),
    "one more": (lambda path: np.savez(path, samples=SAMPLES, labels=LABELS, x=LABELS), "'x' is in it"),
    "pickle": (lambda path: np.savez(path, samples=np.array([[{}]], object), labels=LABELS), "type object"),
    "records": (
        lambda path: np.savez(path, samples=np.zeros((1, 1), "i4,f4"), labels=LABELS),
        "holds samples of shape",
    ),
    "dimensions": (lambda path: np.savez(path, samples=SAMPLES[0], labels=LABELS), r"shape \(2,\)"),
    "no number of bytes": (stored(header("(9, 9)", "'<f0'")), "holds no people"),
    "claim": (stored(header("(1000000000, 1000)")), "claims another number of samples"),
    "below 0": (stored(header("(-1, -5)", "'|i1'")), "claims another number of samples"),
    "nested": (stored(header("(" * 3000 + ")" * 3000)), "holds no people"),
    "no header": (stored(b"\x93NUMPY\x01\x00\xff\xff"), "holds no people"),
    "version": (stored(b"\x93NUMPY\x09\x00" + b" " * 20), "holds no people"),
    "grows": (stored(bytes(1 << 20), packed=True), "is too large for people"),
    "cut": (cut, "holds no people"),
    "turned": (turned, "holds no people"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_other_file_is_one_line(tmp_path: Path, name: str) -> None:
    write, line = HOSTILE[name]
    path = tmp_path / "file.npz"
    write(path)
    with pytest.raises(ModelError, match=line) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_texts_of_no_letters_are_refused_however_many_are_claimed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("labels.npy", header("(999999999999999999,)", "'<U0'")[:-5])
    with pytest.raises(ModelError, match="claims another number of labels"):
        read(tmp_path / "file.npz")
