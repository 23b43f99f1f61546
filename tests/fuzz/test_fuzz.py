"""Damaged files of every format are refused in one line or read well; what the fuzzer is to find, it finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .formats import all_formats
from .judge import wrong_line
from .mutations import mutant
from .planted import EXPECTED

ROOT = Path(__file__).parents[2]
RUNS = 10  # of each format here; `make fuzz` makes hundreds


def fuzz(folder: Path, *arguments: str) -> dict[str, Any]:
    """What the fuzzer finds, in a process of its own: this one has threads and open files, and must not fork."""
    command = [sys.executable, "-m", "tests.fuzz", "--json", "--keep", str(folder), *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="session")
def slice_of_all(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One process for all the formats that this session asks for."""
    items: Any = request.session.items
    asked = [item.callspec.params["name"] for item in items if "slice_of_all" in item.fixturenames]
    return fuzz(tmp_path_factory.mktemp("faults"), *asked, "--runs", str(RUNS))


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("name", list(all_formats()))
def test_damaged_files_are_refused_in_one_line_or_read_well(name: str, slice_of_all: dict[str, Any]) -> None:
    (row,) = (row for row in slice_of_all["formats"] if row["format"] == name)
    faults = [fault for fault in slice_of_all["faults"] if fault["format"] == name]
    told = "\n".join(f"python -m tests.fuzz {name} --only {f['number']}: {f['kind']}: {f['text']}" for f in faults)
    assert not faults, told
    assert row["runs"] == row["accepted"] + row["refused"] == RUNS


@pytest.mark.process
@pytest.mark.slow
def test_every_kind_of_fault_is_found(tmp_path: Path) -> None:
    found = fuzz(tmp_path, "--planted", "--runs", "2", "--seconds", "1")
    kinds = {name: {fault["kind"] for fault in found["faults"] if fault["format"] == name} for name in NAMES}
    if kinds["calculate"] == {"hung"}:  # other work took the CPU, and the clock on the wall ran out first
        kinds["calculate"] = {"slow"}
    assert kinds == {reader.__name__: {kind} for reader, kind in EXPECTED.items()}
    assert all(row["faults"] == 2 for row in found["formats"] if row["format"] in NAMES)
    assert all(Path(fault["kept"]).is_file() for fault in found["faults"])


NAMES = [reader.__name__ for reader in EXPECTED]


def test_the_same_number_makes_the_same_file() -> None:
    for name, fmt in all_formats().items():
        made = [mutant(name, fmt.family, "", 7, b"a,b\n1,2\n", b"c\n") for _ in range(2)]
        assert made[0] == made[1]


def test_different_numbers_make_different_files() -> None:
    made = {mutant("csv", "table", "", number, b"a,b\n1,2\n3,4\n" * 9, b"c\n").data for number in range(100)}
    assert len(made) > 80


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("a.csv: line 3 is not a number; mend it", ""),
        ("a.csv: é, µ, 字 are letters", ""),
        ("one\ntwo a.csv", r"'\n'"),
        ("a.csv \x1b[31m", r"'\x1b'"),
        ("a.csv \x9b31m", r"'\x9b'"),
        ("a.csv \u2028", r"'\u2028'"),
        ("a.csv \u202e", r"'\u202e'"),
        ("a.csv \ud800", r"'\ud800'"),
        ("a.csv " + "x" * 1000, "1,006 characters"),
        ("b.csv: is damaged", "names no file"),
    ],
)
def test_a_line_that_a_user_should_not_see_is_known(line: str, wrong: str) -> None:
    found = wrong_line(line, {"a.csv"})
    assert wrong in found if wrong else found == ""
