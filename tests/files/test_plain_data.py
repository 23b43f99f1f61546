"""JSON and YAML of strangers: plain data, or one line that says what is wrong and where."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import yaml

from emgasr.errors import ConfigError, EmgasrError, ModelError
from emgasr.files.plain_data import DEEPEST, LARGEST_YAML, json_of, read_json, read_yaml, yaml_of
from emgasr.files.plain_text import read_text

ALIASES = "a0: &a0 [x, x]\n" + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (ALIASES, "line 1, a0: has an anchor or alias"),
        ("a: &name 5\n", "anchor or alias"),
        ("a: 1\nb: *a\n", "line 2, b: .*anchor or alias"),
        ("[" * 200_000, "nesting depth|nests more than"),
        ("- " * 50_000, "nests more than 32 deep"),
        ("".join(" " * n + "a:\n" for n in range(200)), "nests more than 32 deep"),
        ("{a: " * 500, "nests more than 32 deep"),
        ("a: !!python/object/apply:os.getcwd []", "tag"),
        ("a: !!str 5", "tag"),
        ("!local {a: 1}", "tag"),
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' stands twice"),
        ("x: {a: 1, a: 1}", "stands twice"),
        ("--- {a: 1}\n--- {b: 2}", "line 2: begins a second document"),
        ("a: .nan", "not a finite number"),
        ("a: -.inf", "not a finite number"),
        ("a: 1e999", "not a finite number"),
        ("a: " + "9" * 5000, "integer of 5000 digits"),
        ("a: 0x" + "f" * 20, "no integer of 64 bits"),
        ("a: 0b_", "no integer of 64 bits"),
        ("? [a]\n: 1", "a key that is no name"),
        ("a: [", "is not YAML"),
        ("a: \x1b]0;title\x07", "is not YAML"),
    ],
)
def test_yaml_that_is_not_plain_data_is_refused_at_once(text: str, wrong: str) -> None:
    begun = time.process_time()
    with pytest.raises(ConfigError, match=f"^here: .*({wrong})") as error:
        yaml_of(text, "here")
    assert "\n" not in str(error.value)
    assert time.process_time() - begun < 1


def test_yaml_is_refused_alike_without_its_compiled_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    for text in (ALIASES, "[" * 5000, "- " * 5000, "a: 1\na: 2", 'a: "\\ud800"', "a: !!str 5", "a: {b: [1}"):
        with pytest.raises(ConfigError):
            yaml_of(text, "here")


def test_yaml_gives_what_safe_loading_gives() -> None:
    content = {
        "kind": "conformer",
        "rate_hz": 2000.0,
        "epsilon": 1e-06,
        "steps": -3,
        "symbols": ["a", "'", "null", "1", "é", "🙂", "", " ", "yes", "1.5"],
        "bands": [{"name": "left", "ring": True, "electrodes": []}],
        "nothing": None,
        "empty": {},
    }
    assert yaml_of(yaml.safe_dump(content, allow_unicode=True), "here") == content
    assert yaml_of("a: 1e-3\nb: 12:30:00\nc: 2024-01-01", "here") == {"a": 0.001, "b": "12:30:00", "c": "2024-01-01"}
    assert yaml_of("on: yes\n", "here") == {"on": True}  # a key is the text that it is
    assert yaml_of("", "here") is None
    assert yaml_of("user: [1626372, 0x10, null]", "here", words_only=True) == {"user": ["1626372", "0x10", "null"]}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[" * 200_000, "nests more than 32 deep"),
        ('{"a":' * 200_000, "nests more than 32 deep"),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), "nests more than 32 deep"),
        ("[NaN]", "holds NaN"),
        ('{"part_s": [0, Infinity]}', "holds Infinity"),
        ("[1e999]", "beyond those of double precision"),
        ("1" * 5000, "integer of 5000 digits"),
        (str(2**63), "beyond 64 bits"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the key 'c' stands twice"),
        (r'["\ud800"]', "half a surrogate pair"),
        (r'{"\uDFFF": 1}', "half a surrogate pair"),
        ("{", "is not JSON"),
        ("", "is not JSON"),
        (b"\xff\xfe{\x00", "not UTF-8"),
    ],
)
def test_json_that_is_not_plain_data_is_refused_in_one_line(text: str | bytes, wrong: str) -> None:
    with pytest.raises(ModelError, match=f"^here: .*{wrong}.*; fetch it") as error:
        json_of(text, "here", ModelError, "fetch it")
    assert "\n" not in str(error.value)


def test_json_gives_what_it_holds() -> None:
    content = {"a": [1, -2.5, None, True, "é🙂\u2028"], "b": {"c": [[[]]]}, "d": 2**63 - 1}
    assert json_of(json.dumps(content), "here") == content
    assert json_of(json.dumps(content).encode(), "here") == content
    assert json_of(b"\xef\xbb\xbf[1]", "here") == [1]


def test_files_are_read_whole_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": 1}', encoding="utf-8-sig")
    assert read_json(path) == read_yaml(path) == {"a": 1}
    path.write_bytes(b" " * (LARGEST_YAML + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read_yaml(path)
    os.mkfifo(tmp_path / "pipe")
    for wrong in (tmp_path, tmp_path / "pipe", "/dev/zero", tmp_path / "missing", "a\0b", "a" * 5000):
        with pytest.raises(EmgasrError):
            read_text(wrong)
