"""The pages of README and docs: what they show runs, and what cannot run here says why."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from emgasr.cli import VERBS, main
from tests.helpers.pages import COMMANDS, Block, blocks, commands, name_of, needs, pages, run_block
from tests.helpers.scripts import ROOT
from tests.helpers.workplace import SMALLER, Workplace
from tests.test_house import FLOORS

TEXTS = {name_of(page): page.read_text(encoding="utf-8") for page in pages()}
BLOCKS = {name: blocks(text, name) for name, text in TEXTS.items()}
RUN = {name: [block for block in found if block.mark in ("tested", "file")] for name, found in BLOCKS.items()}
# By tests/test_readme.py, in processes of their own, and by tests/docs/test_live_words.py, as it is typed
TESTED_ELSEWHERE = ("README.md", "docs/tutorials/live-words.md")


def shell_lines() -> Iterator[tuple[Block, str]]:
    """Every command of a shell block, run or not."""
    for found in BLOCKS.values():
        for block in found:
            if block.language == "sh":
                yield from ((block, command) for command in commands(block.code))


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("pages"))


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
    "page",
    [
        name
        for name, found in RUN.items()
        if name not in TESTED_ELSEWHERE and any(block.mark == "tested" for block in found)
    ],
)
def test_the_blocks_of_a_page_run_in_order(page: str, workplace: Workplace) -> None:
    folder = workplace.folder(page, needs(TEXTS[page]))
    names: dict[str, Any] = {"__name__": "__page__"}
    for block in RUN[page]:
        run_block(block, folder, names, SMALLER)


def test_a_block_that_a_reader_would_run_is_tested_or_says_why_not() -> None:
    loose = [
        block.place
        for found in BLOCKS.values()
        for block in found
        if block.language in COMMANDS
        and not (block.mark in ("tested", "file") or (block.mark in ("not run", "shown") and block.note))
    ]
    assert loose == []


def test_commands_stand_in_fenced_blocks_with_a_language() -> None:
    loose = [block.place for found in BLOCKS.values() for block in found if not block.language]
    for name, text in TEXTS.items():
        outside = re.sub(r"^([ ]*)```.*?^\1```[ ]*$", "", text, flags=re.DOTALL | re.MULTILINE)
        loose += [
            f"{name}: {line.strip()}"
            for line in re.findall(r"^(?: {4,}|\t)(?:emgasr|pip|make|python) .*$", outside, re.M)
        ]
    assert loose == []


@pytest.mark.slow
@pytest.mark.process
def test_commands_name_verbs_and_options_that_exist() -> None:
    unknown = []
    for block, command in shell_lines():
        for verb, rest in re.findall(r"\bemgasr ([a-z-]+)((?: [^|>;&]*)?)", command):
            if verb not in VERBS:
                unknown.append(f"{block.place}: there is no verb {verb}")
                continue
            words = rest.split()
            text = help_text(verb) + (help_text(verb, words[0]) if words and verb in ("lm", "protocol") else "")
            for option in re.findall(r"(?<![\w-])--([a-z][\w-]*)(?![\w.-])", rest):
                if f"--{option}" not in text:
                    unknown.append(f"{block.place}: `emgasr {verb}` has no --{option}")
    assert unknown == []


@cache
def help_text(*words: str) -> str:
    with redirect_stdout(StringIO()) as printed:
        main([*words, "--help"])
    return printed.getvalue()


def test_blocks_are_found_with_their_marks() -> None:
    text = (
        "<!-- tested -->\n```sh\nemgasr info \\\n    run/model\n```\n\n```text\nno command\n```\n\n"
        "1. A step:\n\n    <!-- not run: needs a board -->\n    ```python\n    if True:\n        pass\n    ```\n"
        "<!-- tested -->\n```sh\n# why\nmake demo\n```\n<!-- file: a/b.yaml -->\n```yaml\nsteps: 3\n```\n"
    )
    found = blocks(text, "page.md")
    assert [(b.language, b.mark, b.note, b.line) for b in found] == [
        ("sh", "tested", "", 3),
        ("text", "", "", 8),
        ("python", "not run", "needs a board", 15),
        ("sh", "tested", "", 20),
        ("yaml", "file", "a/b.yaml", 25),
    ]
    assert found[2].code == "if True:\n    pass\n"
    assert commands(found[0].code) == ["emgasr info run/model"]
    assert commands(found[3].code) == ["make demo"]


@pytest.mark.process
def test_a_block_that_fails_is_a_failure_of_its_page(tmp_path: Path) -> None:
    wrong = Block("page.md", 1, "sh", "tested", "", "emgasr info nothing-here\n")
    with pytest.raises(AssertionError, match=r"page.md:1: `emgasr info nothing-here` ended with 2"):
        run_block(wrong, tmp_path, {}, ())
    with pytest.raises(AssertionError, match=r"page.md:1"):
        run_block(Block("page.md", 1, "sh", "tested", "", "false | false\n"), tmp_path, {}, ())


def test_the_architecture_page_names_every_room_on_its_floor() -> None:
    page = TEXTS["docs/explanation/architecture.md"]
    table = page.partition("<!-- floors -->")[2].partition("<!-- /floors -->")[0]
    floors = [set(re.findall(r"`(\w+)`", line.split("|")[2])) for line in table.splitlines() if line.startswith("| ")][
        1:
    ]
    assert floors == [set(floor) for floor in reversed(FLOORS)]


def test_the_walks_name_files_and_functions_that_exist_and_count_them_rightly() -> None:
    page = TEXTS["docs/explanation/architecture.md"]
    tables = re.findall(r"<!-- walk -->(.*?)<!-- /walk -->", page, re.DOTALL)
    walks = [re.findall(r"^\| `(\S+\.py)` \| (.*?) \|", table, re.M) for table in tables]
    greedily, search, opening, training = [[file for file, _ in walk] for walk in walks]
    assert f"greedily: {len(set(greedily))} files." in page
    assert f"these {len(search)} take the place of `decoding/greedy.py`: {len({*greedily, *search}) - 1} files" in page
    assert f"step of the optimizer: {len({*opening, *training})} files" in page
    for file, names in (row for walk in walks for row in walk):
        defined = _defined_in(ROOT / "emgasr" / file)
        assert set(re.findall(r"`([\w.]+)`", names)) <= defined, file


def _defined_in(path: Path) -> set[str]:
    """Names of a module's functions and classes, and of its methods as `Class.method`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found
