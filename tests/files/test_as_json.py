"""JSON that every program can read: no NaN, no half characters, one place that writes it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

import emgasr
from emgasr.errors import OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing

PACKAGE = Path(emgasr.__file__).parent


def test_numbers_that_json_has_not_are_null() -> None:
    text = as_json({"rate": math.nan, "rows": [math.inf, (-math.inf, 1.5)], "⌫": None})
    assert json.loads(text) == {"rate": None, "rows": [None, [None, 1.5]], "⌫": None}
    assert "⌫" in text


def test_a_name_that_is_no_utf8_is_told_and_can_be_escaped() -> None:
    content = {"path": "data/x\udce9/a.hdf5"}
    with pytest.raises(OutputError, match=r"data/x\\udce9/a.hdf5: is not UTF-8 and cannot be written; rename"):
        as_json(content)
    assert as_json(content, ascii_only=True) == r'{"path": "data/x\udce9/a.hdf5"}'


def test_text_that_is_no_utf8_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    with pytest.raises(OutputError, match=r"x\\udce9"), replacing(tmp_path / "out") as temporary:
        temporary.write_text("x\udce9", encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "old"


def test_json_is_written_in_one_place() -> None:
    hashed = {"jobs.py", "folds.py", "manifest.py"}  # what only a checksum is taken of
    found = {path.name for path in PACKAGE.rglob("*.py") if "json.dump" in path.read_text(encoding="utf-8")}
    assert found - hashed == {"as_json.py"}


def test_no_file_is_cut_into_lines_where_unicode_would() -> None:
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    cut = [line for source in sources for line in source.split("\n") if "splitlines()" in line and "read" in line]
    assert cut == []
