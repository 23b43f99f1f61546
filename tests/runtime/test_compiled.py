"""Functions compiled by numba: kept where there is a place, compiled in memory where there is none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from numba.core.caching import FunctionCache

import emgasr
from emgasr.runtime.compiled import TOLD, cache_places, compiled, is_kept


def plus_one(number: int) -> int:
    return number + 1


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOLD, "")
    monkeypatch.delenv(TOLD)


@pytest.mark.usefixtures("untold")
def test_without_a_place_it_is_compiled_in_memory_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(cache: object, function: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(FunctionCache, "__init__", refuse)
    first, second = compiled(nogil=True)(plus_one), compiled(nogil=True)(plus_one)
    assert capsys.readouterr().err == ""  # nothing is compiled yet
    assert (first(1), second(2), second(2.5)) == (2, 3, 3.5)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "set NUMBA_CACHE_DIR" in told


@pytest.mark.usefixtures("untold")
def test_a_place_that_fills_up_or_holds_rubbish_costs_time_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: object, *rest: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    kept = compiled()(plus_one)
    assert is_kept(kept)
    assert kept(1) == 2
    (index,) = tmp_path.rglob("*.nbi")
    for content in (b"", b"rubbish", index.read_bytes()[:-20]):
        index.write_bytes(content)
        assert compiled()(plus_one)(1) == 2
    for code in tmp_path.rglob("*.nbc"):
        code.write_bytes(b"rubbish")
    assert compiled()(plus_one)(1) == 2
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    assert compiled()(plus_one)(1.5) == 2.5
    assert "No space left on device" in capsys.readouterr().err


def keeps_by_itself(node: ast.AST) -> bool:
    """Whether a call asks numba to keep the compiled code, which raises where no folder can be written."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("jit") and "cache" in ast.unparse(node)


def test_every_function_whose_code_is_kept_is_compiled_so() -> None:
    package = Path(emgasr.__file__).parent
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    asked = [str(path) for path, tree in trees.items() if any(map(keeps_by_itself, ast.walk(tree)))]
    assert asked == [], "use emgasr.runtime.compiled.compiled(…) in place of numba.njit(cache=True, …)"
    assert any(map(keeps_by_itself, ast.walk(ast.parse("@numba.njit(cache=True)\ndef f(): ..."))))


def test_without_a_home_no_folder_is_made_where_one_works() -> None:
    assert any("UserWide" in str(place) for place in cache_places("/home/ann"))
    assert not any("UserWide" in str(place) for place in cache_places("~"))
