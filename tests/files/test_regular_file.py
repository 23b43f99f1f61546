"""Paths that strangers' tables name: a regular file, or one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.corpora import CORPORA, ninapro, open_entry, scan, uci_gestures
from emgasr.corpora.samples.arrays import open_samples
from emgasr.corpora.tables.delimited import read_table
from emgasr.errors import EmgasrError, RecordingError
from emgasr.files.hdf5 import OPEN_FILES
from emgasr.files.regular_file import check_regular, is_regular
from emgasr.manifests.manifest import Entry, Findings, checksum_file, read_manifest

NO_FILES = ("absent", "a" * 300, "a/" * 3000 + "b", "a\0b", "loop", "folder", "pipe", "file/below")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


@pytest.mark.parametrize("name", NO_FILES)
def test_where_no_file_can_be_read_one_line_says_so(place: Path, name: str) -> None:
    assert not is_regular(place / name)
    with pytest.raises(RecordingError) as caught:
        check_regular(place / name, RecordingError)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(place))


def test_a_file_is_taken_with_its_size(place: Path) -> None:
    assert is_regular(place / "file")
    assert check_regular(place / "file", RecordingError).st_size == 3


def opened_hdf5(path: Path) -> None:
    with OPEN_FILES.reading(path):
        pass


READERS: dict[str, Callable[[Path], object]] = {
    "samples": lambda path: open_samples(path, 100.0),
    "npy": lambda path: open_samples(path.with_name(path.name + ".npy"), 100.0),
    "hdf5": opened_hdf5,
    "mat": ninapro.open_recording,
    "text": uci_gestures.open_recording,
    "table": read_table,
    "manifest": read_manifest,
    "checksum": checksum_file,
}


@pytest.mark.parametrize("name", NO_FILES)
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_so_in_one_line(place: Path, reader: str, name: str) -> None:
    with pytest.raises(EmgasrError):
        READERS[reader](place / name)


@pytest.mark.parametrize("corpus", ["takes", "spans"])
@pytest.mark.parametrize("name", ["absent.npy", "a" * 300 + ".npy", "loop", "/absent"])
def test_a_row_that_names_no_file_is_told_with_its_line(place: Path, corpus: str, name: str) -> None:
    row = f"file,text,subject,session,rate_hz,unit\n{name},hi,s,d,100,uV\n"
    (place / {"takes": "metadata.csv", "spans": "recordings.csv"}[corpus]).write_text(row)
    (place / "labels.csv").write_text("file,start_s,end_s,label\n")
    with pytest.raises(RecordingError, match="line 2: names"):
        scan(place, corpus, Findings())


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize("name", ["absent", "a" * 250, "a" * 300, "1" * 300 + "_emg.npy", "folder", "pipe"])
def test_an_entry_that_names_no_file_is_told(place: Path, corpus: str, name: str) -> None:
    options = {"rate_hz": 100.0, "unit": "uV"} if corpus in ("takes", "spans") else {}
    entry = Entry(name, corpus, "s", "d", "train", 1.0, 100.0, 2, "0" * 64, options=options)
    with pytest.raises(EmgasrError):
        open_entry(entry, place)
