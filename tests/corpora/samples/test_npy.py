"""NumPy files: integers and floats in every order read the same; everything else is refused in one line."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora.samples.arrays import open_samples
from emgasr.errors import RecordingError

VALUES = np.random.default_rng(0).integers(-100, 100, (50, 3))


def saved(values: object, version: tuple[int, int] | None = None) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(values), version, allow_pickle=True)
    return buffer.getvalue()


def header(text: str, body: bytes = b"\0" * 600) -> bytes:
    """A file whose header reads `text`."""
    padded = text.encode() + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(padded)) + padded + body


@pytest.mark.parametrize("kind", ["<i2", ">i2", "i1", "u1", "<u2", "<i4", ">i4", "<i8", "<f2", "<f4", ">f8", "g"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_kind_of_number_reads_the_same(tmp_path: Path, kind: str, order: str) -> None:
    values = abs(VALUES) if kind in ("u1", "<u2") else VALUES
    for version in ((1, 0), (2, 0), (3, 0)):
        (tmp_path / "t.npy").write_bytes(saved(np.asarray(values.astype(kind), order=order), version))  # type: ignore[call-overload]
        file = open_samples(tmp_path / "t.npy", 1000.0, 2.0, (1.0, 2.0, 3.0))
        np.testing.assert_array_equal(file.samples[10:20], values[10:20] * 2.0 + [1, 2, 3])
        assert file.notes == ()


def test_what_is_not_finite_is_left_for_validate(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([[np.nan], [np.inf], [1e300]]))
    np.testing.assert_array_equal(open_samples(tmp_path / "t.npy", 1000.0).samples[:], [[np.nan], [np.inf], [np.inf]])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (saved(np.array([{"a": 1}], dtype=object)), "not a .npy array of numbers"),
        (saved(VALUES > 0), "holds bool"),
        (saved(VALUES * 1j), "holds complex128"),
        (saved(np.array(["a", "b"])), "not numbers"),
        (saved(VALUES[:, 0].astype("M8[s]")), "holds datetime64"),
        (saved(np.zeros(9, [("emg", "f4"), ("time", "f8")])), "a table with the fields emg, time"),
        (saved(np.float64(3)), r"shape \(\)"),
        (saved(VALUES.T), "more channels than samples"),
        (saved(VALUES)[:-1], "truncated"),
        (saved(VALUES)[:90], "truncated"),
        (saved(VALUES)[:7], "truncated"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 8), }"), "truncated"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-5, 8), }"), "truncated|shape"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (5, 8)"), "truncated"),
        (header("{'descr': '|V0', 'fortran_order': False, 'shape': (5, 8), }"), "truncated|not numbers"),
        (header("__import__('os').abort()"), "truncated"),
        (header("(" * 5000), "truncated"),
        (header("'" + "\xff"), "truncated"),
        (pickle.dumps(VALUES), "pickle"),
        (b"PK\3\4" + b"\0" * 99, "zip archive"),
        (b"\x93NUMPY\7\7", "truncated"),
    ],
)
def test_what_is_no_plain_array_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "t.npy").write_bytes(content)
    with pytest.raises(RecordingError, match=told) as error:
        open_samples(tmp_path / "t.npy", 1000.0)
    assert "\n" not in str(error.value)


def test_what_lies_beyond_is_told_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "t.npy").write_bytes(saved(VALUES) + b"more")
    file = open_samples(tmp_path / "t.npy", 1000.0)
    np.testing.assert_array_equal(file.samples[:], VALUES)
    assert file.notes == ("4 bytes lie beyond what its header promises and are not read",)


def test_an_archive_is_named_and_offsets_are_counted(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", emg=VALUES)
    with pytest.raises(RecordingError, match="archive of arrays"):
        open_samples(tmp_path / "t.npz", 1000.0)
    np.save(tmp_path / "t.npy", VALUES)
    np.savetxt(tmp_path / "t.csv", VALUES, delimiter=",")
    for name in ("t.npy", "t.csv"):
        with pytest.raises(RecordingError, match="2 offsets for 3 channels"):
            open_samples(tmp_path / name, 1000.0, 1.0, (1.0, 2.0))


def test_a_channel_that_is_an_index_or_a_clock_is_told(tmp_path: Path) -> None:
    count = np.arange(len(VALUES))
    for column in (count, count / 1000.0, count % 16, 1.7e9 + count // 4 * 0.004):
        np.save(tmp_path / "t.npy", np.column_stack([VALUES[:, 0], column]))
        (note,) = open_samples(tmp_path / "t.npy", 1000.0).notes
        assert note.startswith("channel 2 (from 1) rises evenly")
    np.save(tmp_path / "t.npy", np.column_stack([VALUES[:, 0], VALUES[:, 1] * 0]))
    assert open_samples(tmp_path / "t.npy", 1000.0).notes == ()
