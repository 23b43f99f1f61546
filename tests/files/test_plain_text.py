"""Text files as lines, whoever wrote them, and one form for texts that read the same."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emgasr.errors import DataError, ManifestError
from emgasr.files.plain_text import lines_of, normalized, read_lines

NO_LINE_ENDS = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei"  # str.splitlines would cut at each of them


def written(folder: Path, content: bytes) -> Path:
    (folder / "text").write_bytes(content)
    return folder / "text"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["bare", "marked"])
def test_lines_end_as_any_system_ends_them_and_nowhere_else(tmp_path: Path, end: str, mark: bytes) -> None:
    lines = ["é", "", NO_LINE_ENDS, " last "]
    for last in ("", end):
        path = written(tmp_path, mark + (end.join(lines) + last).encode())
        assert list(read_lines(path)) == lines


def test_a_byte_order_mark_within_the_text_stays(tmp_path: Path) -> None:
    assert list(read_lines(written(tmp_path, "a\ufeff\n\ufeffb".encode()))) == ["a\ufeff", "\ufeffb"]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert list(read_lines(written(tmp_path, b""))) == []
    assert lines_of("") == []
    assert lines_of("\n") == [""]


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=4)))
def test_what_is_written_as_lines_is_read_as_those_lines(lines: list[str]) -> None:
    assert lines_of("".join(f"{line}\n" for line in lines)) == lines


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"good\ngood\nbad \xff\n", "line 3 is not UTF-8 text"),
        (b"good\rgood\r\ngood\rbad \xff", "line 4 is not UTF-8 text"),
        (b"\xe9", "line 1 is not UTF-8 text"),
        ("two bytes a sign".encode("utf-16"), "is UTF-16 text"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n", "is a Git LFS pointer"),
        (b"/annex/objects/SHA256E-s3--aa.txt\n", "is a git-annex pointer"),
    ],
)
def test_what_is_no_such_text_is_told_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(ManifestError, match=told):
        list(read_lines(written(tmp_path, content), ManifestError))


@pytest.mark.parametrize("name", ["absent", ".", "a\0b"])
def test_what_cannot_be_opened_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(read_lines(tmp_path / name))


@given(st.text())
def test_all_forms_of_a_text_are_one(text: str) -> None:
    assert normalized(unicodedata.normalize("NFD", text)) == normalized(unicodedata.normalize("NFC", text))
    assert normalized(normalized(text)) == normalized(text)
