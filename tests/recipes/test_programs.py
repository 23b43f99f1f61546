"""What recipes' tests start in place of `emgasr` and `python` ends, prints and reads as these do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
TELLS = "import os, sys\nprint(os.getcwd(), os.environ['SAID'], sys.argv[1:], sys.stdin.read(), flush=True)\n"


@pytest.mark.parametrize(
    ("end", "code", "stderr"),
    [
        ("", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no')", 1, "no\n"),
        ("raise ValueError", 1, "ValueError\n"),
        ("os.kill(os.getpid(), 9)", 137, ""),
    ],
)
def test_a_script_ends_as_a_shell_would_see_it(
    programs: dict[str, str], tmp_path: Path, end: str, code: int, stderr: str
) -> None:
    (tmp_path / "script.py").write_text(TELLS + end)
    command = [*programs["PYTHON"].split(), str(tmp_path / "script.py"), "a b", "é"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"SAID": "hello"}, input="typed", capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout == f"{tmp_path} hello ['a b', 'é'] typed\n"
    assert done.returncode == code
    assert done.stderr.endswith(stderr)


def test_a_verb_answers_in_one_line(programs: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        [*programs["EMGASR"].split(), "info", "nothing"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
