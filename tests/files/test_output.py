"""Results are whole or not there: folders of one writer that take their place when done or are begun anew."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emgasr.errors import OutputError
from emgasr.files.output import claimed_folder, locked_folder, replacing, replacing_folder


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


def stopped(folder: Path, name: str, error: type[BaseException] = KeyboardInterrupt, **options: Any) -> None:
    with pytest.raises(error):
        write_half(folder, name, error, **options)


def write_half(folder: Path, name: str, error: Any, **options: Any) -> None:
    with claimed_folder(folder, **options) as place:
        (place / name).write_text("half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, OutputError])
def test_what_a_run_that_was_stopped_left_is_begun_anew(tmp_path: Path, error: type[BaseException]) -> None:
    kind: Any = (lambda: OutputError("x", "is full")) if error is OutputError else error
    with pytest.raises(error):
        write_half(tmp_path / "out", "first", kind())
    with claimed_folder(tmp_path / "out") as place:
        (place / "first").write_text("whole")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first"]
    with pytest.raises(OutputError, match="already holds something; choose another folder or pass --overwrite"):
        stopped(tmp_path / "out", "first")
    assert (tmp_path / "out" / "first").read_text() == "whole"
    stopped(tmp_path / "out", "first", overwrite=True)


def test_behind_a_certain_file_nothing_is_begun_anew(tmp_path: Path) -> None:
    stopped(tmp_path, "checkpoint")
    with pytest.raises(OutputError, match=r"already holds something; resume$"):
        stopped(tmp_path, "checkpoint", overwrite=None, done="checkpoint", advice="resume")
    stopped(tmp_path, "checkpoint", done="other")


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_in_which_nothing_was_written_is_as_it_was(tmp_path: Path, exists: bool) -> None:
    if exists:
        (tmp_path / "out").mkdir()
    with pytest.raises(ZeroDivisionError), claimed_folder(tmp_path / "out"):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.rglob("*")] == ["out"] * exists


@pytest.mark.process
def test_what_was_being_written_when_a_process_was_killed_is_no_result_and_goes(tmp_path: Path) -> None:
    kill = f"""
import os, signal
from emgasr.files.output import replacing
with replacing({str(tmp_path / "results.json")!r}) as path:
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", kill], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / ".hidden").mkdir()
    with pytest.raises(OutputError, match="already holds"), claimed_folder(tmp_path):
        raise AssertionError
    (tmp_path / ".hidden").rmdir()
    with claimed_folder(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys
from emgasr.files.output import {name}
with {name}(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.process
@pytest.mark.parametrize("name", ["claimed_folder", "locked_folder", "replacing_folder"])
def test_of_two_writers_into_one_folder_one_is_refused_until_the_other_is_gone(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    command = [sys.executable, "-c", HOLD.format(name=name), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for writer in (claimed_folder(folder, overwrite=True), locked_folder(folder), replacing_folder(folder)):
            with pytest.raises(OutputError, match="is being written to by another process"), writer:
                raise AssertionError
        other.kill()
        other.wait()
    with claimed_folder(folder):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        with pytest.raises(OutputError), claimed_folder(tmp_path / place):
            raise AssertionError


@pytest.mark.parametrize("name", [".zoom.settings", ".results.json.a1b2c3d4", ".part-abcdefgh", ".notes"])
def test_a_hidden_file_of_somebody_is_not_taken_for_what_was_left(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("kept")
    with pytest.raises(OutputError, match="already holds"), claimed_folder(tmp_path):
        raise AssertionError
    with claimed_folder(tmp_path, overwrite=True):
        pass
    assert (tmp_path / name).read_text() == "kept"
