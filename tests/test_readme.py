"""The README is short, and works as a reader runs it: in a shell, and in a Python of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pages import blocks, needs, run_in_processes
from tests.helpers.scripts import ROOT
from tests.helpers.workplace import SMALLER, Workplace

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_fits_on_two_screens() -> None:
    assert len(README.splitlines()) <= 110


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.process
def test_the_blocks_of_the_readme_run(tmp_path: Path) -> None:
    folder = Workplace(tmp_path).folder("README.md", needs(README))
    tested = [block for block in blocks(README, "README.md") if block.mark == "tested"]
    assert {block.language for block in tested} == {"sh", "python"}
    for block in tested:
        run_in_processes(block, folder, SMALLER)
