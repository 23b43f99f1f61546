"""Pages of documentation in; their fenced blocks, and how each is to be run, out; commands and Python run in a folder.

A comment stands above each block that a reader would run:

    <!-- tested -->              the block runs in a test
    <!-- not run: REASON -->     it needs what a test has not: a board, a cluster, a corpus
    <!-- shown: WHAT -->         the block is a file of the repository, or part of one
    <!-- file: NAME -->          a reader saves the block under this name; so does the test
    <!-- needs: people model --> the page starts from these things, which `tests/helpers/workplace.py` makes

The blocks of a page run in order, in one folder and one Python namespace.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.helpers.scripts import ROOT

COMMANDS = ("sh", "bash", "console", "python")  # languages that a reader would run
_BLOCK = re.compile(
    r"^(?:[ ]*<!--[ ]*(?P<mark>tested|not run|file|shown)(?::[ ]*(?P<note>.*?))?[ ]*-->\n)?"
    r"^(?P<indent>[ ]*)```[ ]*(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)```[ ]*$",
    re.DOTALL | re.MULTILINE,
)
_SHELL_SIGNS = re.compile(r"[|<>;&$`(]")
_PROGRAM = "emgasr "


@dataclass(frozen=True)
class Block:
    """A fenced block: the page and line where it stands, its language, its mark with a note, and its code."""

    page: str
    line: int
    language: str
    mark: str
    note: str
    code: str

    @property
    def place(self) -> str:
        """Where the block stands, for messages."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page whose commands are promised to work."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def name_of(page: Path) -> str:
    """A page's path from the repository's root."""
    return page.relative_to(ROOT).as_posix()


def blocks(text: str, page: str) -> list[Block]:
    """The fenced blocks of a page in order."""
    return [
        Block(
            page,
            text.count("\n", 0, found.start("code")) + 1,
            found["language"],
            found["mark"] or "",
            found["note"] or "",
            _unindented(found["code"], len(found["indent"])),
        )
        for found in _BLOCK.finditer(text)
    ]


def needs(text: str) -> tuple[str, ...]:
    """What a page starts from."""
    found = re.search(r"<!-- needs: (.*?) -->", text)
    return tuple(found[1].split()) if found else ()


def commands(code: str) -> list[str]:
    """The lines of a shell block, with continued ones joined and comments left out."""
    joined = re.sub(r"\s*\\\n\s*", " ", code)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def smaller(command: str, rules: Sequence[tuple[str, str]]) -> str:
    """The same command on less data and for fewer steps."""
    for pattern, replacement in rules:
        command = re.sub(pattern, replacement, command)
    return command


def run_block(block: Block, folder: Path, names: dict[str, Any], rules: Sequence[tuple[str, str]]) -> str:
    """Run a block in `folder` within this process and return what it printed; an AssertionError if it fails."""
    if block.mark == "file":
        (folder / block.note).parent.mkdir(parents=True, exist_ok=True)
        (folder / block.note).write_text(block.code, encoding="utf-8")
        return ""
    if block.language == "python":
        with _inside(folder) as printed:
            exec(compile(block.code, block.place, "exec"), names)
        return printed.getvalue()
    return "".join(_run(smaller(command, rules), block, folder) for command in commands(block.code))


def run_in_processes(block: Block, folder: Path, rules: Sequence[tuple[str, str]]) -> str:
    """Run a block as a reader does, in a shell or a Python of its own."""
    if block.language == "python":
        return _process([sys.executable, "-c", block.code], block, folder)
    code = "\n".join(smaller(command, rules) for command in commands(block.code))
    return _process(["bash", "-euc", code], block, folder)


def _run(command: str, block: Block, folder: Path) -> str:
    if not command.startswith(_PROGRAM) or _SHELL_SIGNS.search(command):
        return _process(["bash", "-euc", command], block, folder)
    from emgasr.cli import main

    with _inside(folder) as printed:
        code = main([word for part in shlex.split(command)[1:] for word in _expanded(part)])
    assert code == 0, f"{block.place}: `{command}` ended with {code}\n{printed.getvalue()}"
    return printed.getvalue()


def _process(words: list[str], block: Block, folder: Path) -> str:
    done = subprocess.run(
        words, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"{block.place}: {words[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def environment(folder: Path) -> dict[str, str]:
    """The environment in which `emgasr` and `python` are this checkout's."""
    programs = folder / ".bin"
    if not programs.exists():
        programs.mkdir()
        for name, words in (("emgasr", "-m emgasr"), ("python", "")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
            program.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}


def _expanded(word: str) -> list[str]:
    return sorted(glob.glob(word)) or [word] if any(sign in word for sign in "*?") else [word]


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[io.StringIO]:
    """Standard streams gathered and `folder` as the place to work in."""
    printed = io.StringIO()
    before, searched = Path.cwd(), list(sys.path)
    os.chdir(folder)
    importlib.invalidate_caches()  # "." among the places searched is another folder than it was for the last page
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield printed
    finally:
        os.chdir(before)
        sys.path[:] = searched


def _unindented(code: str, spaces: int) -> str:
    return "\n".join(line[spaces:] if line[:spaces].isspace() else line for line in code.split("\n"))
