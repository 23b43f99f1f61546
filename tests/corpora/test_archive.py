"""The wanted files of an archive that streams by."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from emgasr.corpora.archive import extract
from emgasr.errors import RecordingError

FILES = {f"s{i}.hdf5": np.random.default_rng(i).bytes(50_000 + i) for i in range(4)}
WANTED = {"s1.hdf5", "s3.hdf5"}


class Stream(io.RawIOBase):
    """Bytes that can only be read on, as from a network, and how many were."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def read(self, size: int = -1) -> bytes:
        part = self.data[self.at : self.at + size]
        self.at += len(part)
        return part


def archive(mode: str = "w:gz") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(f"emg2qwerty-data-2021-08/../{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_only_the_wanted_files_are_written(tmp_path: Path, mode: str) -> None:
    done = extract(Stream(archive(mode)), WANTED, tmp_path / "out")
    assert (done.written, done.kept, done.missing) == (["s1.hdf5", "s3.hdf5"], [], [])
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*.hdf5")} == {name: FILES[name] for name in WANTED}


def test_no_more_is_read_than_needed(tmp_path: Path) -> None:
    stream = Stream(archive("w"))
    extract(stream, {"s0.hdf5"}, tmp_path)
    assert stream.at < len(stream.data) / 2


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_cut_off_archive_keeps_what_was_whole_and_a_second_run_goes_on(tmp_path: Path, mode: str) -> None:
    with pytest.raises(RecordingError, match=r"cut off.*1 of 2 wanted files are there.*they are kept"):
        extract(Stream(archive(mode)[:170_000]), WANTED, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["s1.hdf5"]
    done = extract(Stream(archive(mode)), WANTED, tmp_path)
    assert (done.written, done.kept) == (["s3.hdf5"], ["s1.hdf5"])


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
def test_a_changed_bit_of_a_compressed_archive_is_told(tmp_path: Path, mode: str) -> None:
    whole = archive(mode)
    for at in range(30, len(whole) - 30, len(whole) // 12):
        changed = bytearray(whole)
        changed[at] ^= 4
        with pytest.raises(RecordingError, match=r"cut off or damaged|no tar archive"):
            extract(Stream(bytes(changed)), WANTED, tmp_path / str(at), to_the_end=True)


def test_what_a_damaged_archive_left_is_compared_and_written_anew(tmp_path: Path) -> None:
    changed = bytearray(archive())
    changed[len(changed) // 3] ^= 4  # of random bytes, which gzip keeps as they are
    assert not extract(Stream(bytes(changed)), {"s1.hdf5"}, tmp_path).checked
    assert (tmp_path / "s1.hdf5").read_bytes() != FILES["s1.hdf5"]
    (tmp_path / "s3.hdf5").write_bytes(FILES["s3.hdf5"])
    done = extract(Stream(archive()), WANTED, tmp_path, to_the_end=True)
    assert (done.written, done.kept, done.checked) == (["s1.hdf5"], ["s3.hdf5"], True)
    assert all((tmp_path / name).read_bytes() == FILES[name] for name in WANTED)


def test_a_wanted_file_that_does_not_pass_by_is_told(tmp_path: Path) -> None:
    assert extract(Stream(archive()), {"s9.hdf5"}, tmp_path).missing == ["s9.hdf5"]


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no tar archive"):
        extract(Stream(b"<html>404</html>" * 100), WANTED, tmp_path)
