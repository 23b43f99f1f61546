"""Pointers of Git LFS and git-annex in the place of files, told for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from emgasr.errors import RecordingError
from emgasr.files.pointers import check_fetched, pointer_at

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (LFS, "git lfs pull"),
        (b"/annex/objects/MD5E-s1234--d41d8cd98f00b204e9800998ecf8427e.edf\n", "datalad get"),
        (b"../../.git/annex/objects/zk/71/MD5E-s4--aa.edf/MD5E-s4--aa.edf", "datalad get"),
    ],
)
def test_a_pointer_file_is_told_with_what_fetches_the_content(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "sub-01_emg.edf").write_bytes(content)
    with pytest.raises(RecordingError, match=told):
        check_fetched(tmp_path / "sub-01_emg.edf", RecordingError)


def test_a_link_of_git_annex_to_nowhere_is_told(tmp_path: Path) -> None:
    link = tmp_path / "a.edf"
    link.symlink_to(".git/annex/objects/zk/71/MD5E-s4--aa.edf/MD5E-s4--aa.edf")
    with pytest.raises(RecordingError, match="was not fetched"):
        check_fetched(link, RecordingError)
    target = tmp_path / ".git/annex/objects/zk/71/MD5E-s4--aa.edf/MD5E-s4--aa.edf"
    target.parent.mkdir(parents=True)
    target.write_bytes(b"0       ")
    check_fetched(link, RecordingError)


@pytest.mark.parametrize("content", [b"", b"a text about /annex/objects/ and git", b"version https://example.org\n"])
def test_other_files_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").symlink_to("nowhere")
    for name in ("a", "b", "absent", "."):
        assert pointer_at(tmp_path / name) is None
