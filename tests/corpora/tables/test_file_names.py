"""Names of files as tables spell them, and the one recording that each can mean."""

from __future__ import annotations

import unicodedata

import pytest

from emgasr.corpora.tables.file_names import FileNames

FILES = ("r.npy", "recordings/p1.npy", "s2/x.wav", "café.csv", "a.b.npy")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("r.npy", "r.npy"),
        ("recordings\\r.npy", "r.npy"),
        ("./r.npy", "r.npy"),
        ("s2/../r.npy", "r.npy"),
        ("R.NPY", "r.npy"),
        ("r", "r.npy"),
        (" r.npy\t", "r.npy"),
        ('"r.npy"', "r.npy"),
        ("p1", "recordings/p1.npy"),
        ("Recordings\\P1.npy", "recordings/p1.npy"),
        ("s2\\X", "s2/x.wav"),
        ("a.b", "a.b.npy"),
        ("CAFÉ", "café.csv"),
        (unicodedata.normalize("NFD", "café.csv"), "café.csv"),
        ("/home/ann/study/recordings/p1.npy", "recordings/p1.npy"),
        ("D:\\study\\s2\\x.wav", "s2/x.wav"),
        ("file:///study/caf%C3%A9.csv", "café.csv"),
        ("https://host/s2/x.wav", "s2/x.wav"),
    ],
)
def test_a_name_is_matched_where_one_recording_alone_can_be_meant(name: str, file: str) -> None:
    assert FileNames(FILES).named(name) == [file]


@pytest.mark.parametrize(
    "name", ["", " ", ".", "/", "q.npy", "x.wav", "r.wav", "s3/x.wav", "s2", "b.npy", "npy", "r.np"]
)
def test_a_name_that_fits_nothing_means_nothing(name: str) -> None:
    assert FileNames(FILES).named(name) == []


def test_a_name_that_may_mean_several_means_none_of_them() -> None:
    names = FileNames(["r.npy", "R.npy", "t.npy", "t.wav", "recordings/t.npy"])
    assert names.named("r.npy") == ["r.npy"]
    assert names.named("r.NPY") == ["r.npy", "R.npy"]
    assert names.named("t") == ["t.npy", "t.wav", "recordings/t.npy"]
    assert names.named("t.npy") == ["t.npy"]
    assert names.named(".\\t.npy") == ["t.npy"]
    assert names.named("recordings\\t.npy") == ["recordings/t.npy"]
    assert names.named("T.npy") == ["t.npy", "recordings/t.npy"]


def test_a_table_may_list_a_file_without_a_name() -> None:
    names = FileNames(["", ".", "r.npy"])
    assert [names.named(name) for name in ("", "r", "/x/r.npy")] == [[""], ["r.npy"], ["r.npy"]]


def test_absolute_paths_of_two_places_do_not_mean_one_recording() -> None:
    names = FileNames(["r.npy"])
    assert names.all_named(["/x/s1/r.npy", "r.npy"]) == {"/x/s1/r.npy": ["r.npy"], "r.npy": ["r.npy"]}
    assert names.all_named(["/x/s1/r.npy", "/x/s2/r.npy"]) == {"/x/s1/r.npy": [], "/x/s2/r.npy": []}
