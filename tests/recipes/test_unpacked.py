"""A set of the pool becomes a folder once; a failure leaves none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "recipes" / "unpacked.sh"
UNPACK = """
import pathlib, sys
place, name = pathlib.Path(sys.argv[1]), sys.argv[2]
(place / name).mkdir(parents=True)
if name == "damaged":
    raise SystemExit("cannot be unpacked")
(place / name / "labels.csv").touch()
"""


def unpacked(tmp_path: Path, name: str) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPT), str(tmp_path / "data"), str(tmp_path / "out"), name]
    environment = os.environ | {"PYTHON": sys.executable}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.process
def test_a_set_is_unpacked_once_and_one_that_lies_there_never(tmp_path: Path) -> None:
    pool = tmp_path / "data" / "pool"
    pool.mkdir(parents=True)
    (pool / "unpack.py").write_text(UNPACK)
    (tmp_path / "data" / "there").mkdir()
    (tmp_path / "data" / "there" / "labels.csv").touch()
    assert unpacked(tmp_path, "there").stdout == f"{tmp_path}/data/there\n"
    failed = unpacked(tmp_path, "damaged")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "cannot be unpacked" in failed.stderr
    assert not (tmp_path / "out" / "damaged").exists()
    assert unpacked(tmp_path, "packed").stdout == f"{tmp_path}/out/packed\n"
    assert (tmp_path / "out" / "packed" / "labels.csv").is_file()
    (pool / "unpack.py").unlink()
    assert unpacked(tmp_path, "packed").stdout == f"{tmp_path}/out/packed\n"
