"""The project's own promises: one version, one command for integration, nothing of one machine in the tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import emgasr
from emgasr import cli

ROOT = Path(__file__).resolve().parent.parent


def test_the_version_is_the_same_everywhere() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    assert version[1] == emgasr.__version__
    assert f"## [{emgasr.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.process
def test_integration_runs_make_test_in_the_project_and_nothing_else(tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "$PWD: make $*"\nexit 7\n')
    make.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([ROOT / ".ci" / "run"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == (f"{ROOT}: make test\n", "", 7)


@pytest.mark.process
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["demo", "test", "test-fast", "lint"])
def test_every_promised_target_exists(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_verb_of_the_table_has_a_file_and_every_file_with_a_run_is_in_the_table() -> None:
    folder = ROOT / "emgasr" / "cli"
    files = [path for path in folder.rglob("*.py") if "\ndef run(argv: list[str]) -> int:" in path.read_text("utf-8")]
    verbs = {"emgasr.cli." + ".".join(path.relative_to(folder).with_suffix("").parts) for path in files}
    assert {module for module, _ in cli.VERBS.values()} == verbs
