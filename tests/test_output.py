"""Results are whole or not there: folders that take their place when done, files that others can read."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from emgasr.errors import OutputError
from emgasr.output import replacing, replacing_folder


def test_a_folder_takes_its_place_when_the_block_ends_well(tmp_path: Path) -> None:
    for name in ("new", "deep/er"):
        with replacing_folder(tmp_path / name) as folder:
            (folder / "result").write_text("done")
            assert not (tmp_path / name / "result").exists()
        assert (tmp_path / name / "result").read_text() == "done"
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == [
        "deep/er/result",
        "new/result",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_is_as_it_was_when_the_block_fails(tmp_path: Path, error: type[BaseException], exists: bool) -> None:
    if exists:
        (tmp_path / "out").mkdir()

    def fail_halfway() -> None:
        with replacing_folder(tmp_path / "out") as folder:
            (folder / "half").write_text("written")
            raise error

    with pytest.raises(error):
        fail_halfway()
    assert [path.name for path in tmp_path.rglob("*")] == ["out"] * exists


def test_a_folder_that_holds_something_is_refused_before_the_block(tmp_path: Path) -> None:
    (tmp_path / "precious").touch()
    with pytest.raises(OutputError, match="already holds something"), replacing_folder(tmp_path):
        raise AssertionError


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left"), replacing_folder(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_files_are_readable_by_others_however_they_were_made(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
