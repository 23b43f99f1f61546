"""The house: rooms call those below them, no module is part of a circle of imports, no folder holds too many files."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.helpers.scripts import ROOT

PACKAGE = ROOT / "emgasr"

# Lowest first. A room may import those before it; rooms of one line may not import each other.
FLOORS = (
    ("display", "version", "typed_signs"),
    ("errors",),
    ("runtime",),
    ("files",),
    ("config",),
    ("recording", "tokens", "score", "state"),
    ("transcript",),
    ("sessions", "frontend"),
    ("lm", "manifests"),
    ("decoding", "corpora"),
    ("models", "simulate"),
    ("rescoring", "confidence"),
    ("data", "sources", "streaming", "transcribe", "language"),
    ("pipeline",),
    ("fusion",),
    ("evaluation",),
    ("training", "classifiers"),
    ("pretraining",),
    ("crossmodal",),
    ("capture", "protocol", "quickstart"),
    ("cli",),
    ("__init__", "__main__"),
)
MOST_FILES = 15


def module_files(package: Path) -> dict[str, Path]:
    """The modules below a package's folder, by their names; a package goes by its own."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """What each module imports of `modules`, at its top, in its functions and for its types alike."""
    graph = {}
    for name, path in modules.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name} imports relatively"
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= {full if full in modules else str(node.module) for full in inner}
        graph[name] = {other for other in named if other in modules and other != name}
    return graph


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The sets of nodes that reach each other (Tarjan's strongly connected components of more than one)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            ring = stack[stack.index(node) :]
            del stack[-len(ring) :]
            if len(ring) > 1:
                found.append(sorted(ring))

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found


def upward(graph: Mapping[str, Iterable[str]], floors: Iterable[Iterable[str]] = FLOORS) -> list[str]:
    """Arrows from a room to one that does not stand below it."""
    height = {room: number for number, floor in enumerate(floors) for room in floor}
    found = []
    for module, others in sorted(graph.items()):
        here = room_of(module)
        if here == "__init__":  # the package itself, which may import whatever it shows
            continue
        assert here in height, f"{module}: the room {here!r} has no floor; write it into FLOORS"
        for other in sorted(others):
            there = room_of(other)
            if there not in (here, "__init__") and height[here] <= height[there]:
                found.append(f"{module} -> {other}")
    return found


def room_of(module: str) -> str:
    """The room below the package: "emgasr.lm.formats.arpa" is in "lm"; the package itself is "__init__"."""
    return [*module.split("."), "__init__"][1]


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return imports(module_files(PACKAGE))


def test_no_module_is_part_of_a_circle_of_imports(graph: dict[str, set[str]]) -> None:
    assert circles(graph) == []


def test_rooms_import_those_below_them_alone(graph: dict[str, set[str]]) -> None:
    assert upward(graph) == []


def test_no_room_imports_the_facade(graph: dict[str, set[str]]) -> None:
    below = {name for name, others in graph.items() if "emgasr" in others and room_of(name) not in ("cli", "__main__")}
    assert below == set()


def test_no_folder_holds_too_many_files_and_no_file_too_many_lines() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert {
        str(folder): len(list(folder.glob("*.py"))) for folder in folders if len([*folder.glob("*.py")]) > MOST_FILES
    } == {}
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path: count for path, count in lines.items() if count >= 400} == {}


def test_circles_and_upward_arrows_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    floors = (("errors",), ("files", "lm"), ("cli",))
    found = upward(
        {"p.errors": {"p.cli"}, "p.cli.x": {"p.files"}, "p.files.y": {"p.lm", "p.files.z"}, "p": {"p.cli"}}, floors
    )
    assert found == ["p.errors -> p.cli", "p.files.y -> p.lm"]
