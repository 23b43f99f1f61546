"""The README works: its tested commands run in order, on less data and for fewer steps than a reader would use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"
SMALLER = (
    (r"--people \d+", "--people 1"),
    (r"(emgasr simulate .*)--minutes \d+", r"\1--minutes 0.4"),
    (
        r"(emgasr train .*)--(?:fit.)?minutes \d+",
        r"\1--fit.steps 2 --fit.validations 1 --data.batch_s 8 --data.longest_s 5",
    ),
    (
        r"(emgasr personalize .*)--(?:fit.)?minutes \d+",
        r"\1--fit.steps 1 --fit.validations 1 --held_out 0.5 --data.batch_s 8",
    ),
    (r"--order \d", "--order 3"),
    (r"(emgasr evaluate .*--lm \S+)", r"\1 --tune-trials 2 --threads 1 --beam 4"),
)


def blocks_to_test() -> list[tuple[str, str]]:
    """(language, code) of the fenced blocks that follow a "tested" mark."""
    return re.findall(r"<!-- tested -->\n```(\w+)\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def smaller(code: str) -> str:
    code = code.replace("\\\n", " ")
    for pattern, replacement in SMALLER:
        code = re.sub(pattern, replacement, code)
    return code


def test_every_command_is_marked_as_tested_or_is_plain_help() -> None:
    untested = re.findall(
        r"(?<!<!-- tested -->\n)```(?:sh|python)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    )
    assert all(line.endswith("--help") for block in untested for line in block.splitlines())


@pytest.mark.timeout(240)
def test_the_tour_of_the_readme_runs(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "emgasr"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m emgasr "$@"\n')
    program.chmod(0o755)
    (tmp_path / "emgasr").symlink_to(README.parent / "emgasr")  # the tour is taken from a checkout
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(README.parent),
    }
    blocks = blocks_to_test()
    assert {language for language, _ in blocks} == {"sh", "python"}
    for language, code in blocks:
        command = ["bash", "-euc", smaller(code)] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{smaller(code)}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "results" / "report.html").stat().st_size > 10_000
