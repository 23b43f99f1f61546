"""Text of JSON or YAML files in, plain data out: numbers, text, lists and mappings of bounded size and depth.

Files come from strangers. Nothing in them names code, opens another file, grows by aliases or nests without end; a
number is finite, a key stands once. Whatever is wrong is one line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from emgasr.errors import ConfigError, EmgasrError
from emgasr.files.plain_text import LARGEST_TEXT, read_lines, read_text, text_of
from emgasr.files.regular_file import check_regular

LARGEST_JSON = LARGEST_TEXT  # bytes; Python's objects for the densest such text take less than 1 GB
LARGEST_YAML = 2**21
LARGEST_TABLE = 2**27  # of rows that emgasr itself wrote into a folder of results
DEEPEST = 32  # lists and mappings within each other; our own files have at most 6
LARGEST_INTEGER = 2**63
_ADVICE = "mend the file, or fetch it again"
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")
_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")  # 1e-3 and 2.5e3: numbers in YAML 1.2, and to all


def read_json(
    path: str | Path, error: type[EmgasrError] = ConfigError, advice: str = _ADVICE, largest: int = LARGEST_JSON
) -> Any:
    """Return the content of a JSON file; `error` (an EmgasrError class) names the file and what is wrong in it."""
    return json_of(read_text(path, error, advice, largest), path, error, advice, largest)


def json_of(
    text: str | bytes,
    where: str | Path,
    error: type[EmgasrError] = ConfigError,
    advice: str = _ADVICE,
    largest: int = LARGEST_JSON,
) -> Any:
    """Return what JSON text holds, its depth at most DEEPEST; else `error`, which names `where` the text stands.

    Refused are NaN and infinities (also 1e999), integers beyond 64 bits, a key that stands twice, and halves of
    surrogate pairs, which no file or terminal can take.
    """
    if len(text) > largest:
        raise error(where, f"is larger than {largest:,} bytes", advice)
    if isinstance(text, bytes):
        text = text_of(text, where, error, advice)
    try:
        content = json.loads(text, object_pairs_hook=_mapping, parse_constant=_no_number, parse_int=_integer)
        _check_plain(content, bool(_ESCAPED_HALF.search(text)))
    except RecursionError as cause:
        raise error(where, f"nests more than {DEEPEST} deep", advice) from cause
    except json.JSONDecodeError as cause:
        raise error(where, f"is not JSON ({cause})", advice) from cause
    except ValueError as cause:
        raise error(where, str(cause), advice) from cause
    return content


def json_lines(
    path: str | Path,
    error: type[EmgasrError],
    advice: str = _ADVICE,
    largest: int = LARGEST_TABLE,
    longest: int = LARGEST_JSON,
) -> Iterator[tuple[str, Any]]:
    """Yield the JSON of each line that is not empty, with its place for messages ("FILE line 3").

    Raises:
        error: The file is no regular one or has more than `largest` bytes, a line has more than `longest`, or a line is
            no JSON (see `json_of`).
    """
    if check_regular(path, error).st_size > largest:
        raise error(path, f"is larger than {largest:,} bytes", advice)
    for number, line in enumerate(read_lines(path, error, "check the path"), start=1):
        if line.strip():
            where = f"{path} line {number}"
            yield where, json_of(line, where, error, advice, longest)


def read_yaml(
    path: str | Path, error: type[EmgasrError] = ConfigError, advice: str = _ADVICE, words_only: bool = False
) -> Any:
    """Return the content of a YAML file (see `yaml_of`); `error` names the file and what is wrong in it."""
    return yaml_of(read_text(path, error, advice, LARGEST_YAML), path, error, advice, words_only)


def yaml_of(
    text: str,
    where: str | Path,
    error: type[EmgasrError] = ConfigError,
    advice: str = _ADVICE,
    words_only: bool = False,
) -> Any:
    """Return what YAML text holds: null, booleans, numbers, text, lists, and mappings whose keys are text.

    Read event by event, so that aliases, anchors, tags, a second document, a key that stands twice, and depth beyond
    DEEPEST are refused where they stand. `words_only` takes every scalar as the text that it is.
    """
    import yaml

    try:
        return _Builder(words_only).content(yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as cause:
        mark = getattr(cause, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(cause, "problem", None) or str(cause).splitlines()[0]
        raise error(where, f"is not YAML ({place}{problem})", advice) from cause
    except ValueError as cause:
        raise error(where, str(cause), advice) from cause


class _Open(NamedTuple):
    """A list or a mapping that is being read; `keys` holds the key whose value is awaited, if one is."""

    value: Any
    keys: list[str]


class _Builder:
    def __init__(self, words_only: bool) -> None:
        import yaml

        self._words_only = words_only
        self._resolver = yaml.resolver.Resolver()
        self._construct = yaml.constructor.SafeConstructor()

    def content(self, events: Iterator[Any]) -> Any:
        import yaml

        result: list[Any] = []
        opened: list[_Open] = []
        for event in events:
            line = f"line {event.start_mark.line + 1}" + (f", {opened[-1].keys[0][:60]}" if _awaits(opened) else "")
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise ValueError(f"{line}: has an anchor or alias (& or *), where only plain data may stand")
            if getattr(event, "tag", None) is not None:
                raise ValueError(f"{line}: has a tag ({event.tag}), where only plain data may stand")
            if isinstance(event, yaml.DocumentStartEvent) and result:
                raise ValueError(f"{line}: begins a second document")
            if isinstance(event, yaml.ScalarEvent):
                is_key = opened and isinstance(opened[-1].value, dict) and not _awaits(opened)
                _place(event.value if is_key else self._scalar(event, line), opened, result, line)
            elif isinstance(event, yaml.CollectionStartEvent):
                made: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                _place(made, opened, result, line)
                if len(opened) == DEEPEST:
                    raise ValueError(f"{line}: nests more than {DEEPEST} deep")
                opened.append(_Open(made, []))
            elif isinstance(event, yaml.CollectionEndEvent):
                opened.pop()
        return result[0] if result else None

    def _scalar(self, event: Any, line: str) -> Any:
        import yaml

        text: str = event.value
        if _HALF_PAIR.search(text):
            raise ValueError(f"{line}: half a surrogate pair (\\ud800 to \\udfff)")
        if self._words_only or not event.implicit[0] or ":" in text:  # 12:30 is no number of base 60
            return text
        tag = self._resolver.resolve(yaml.ScalarNode, text, event.implicit).rpartition(":")[2]
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() in ("yes", "true", "on")
        if tag == "int":
            if len(text) > 64:
                raise ValueError(f"{line}: an integer of {len(text)} digits")
            try:
                return _bounded(int(self._construct.construct_yaml_int(yaml.ScalarNode(tag, text))))
            except ValueError as cause:
                raise ValueError(f"{line}: {text} is no integer of 64 bits") from cause
        if tag == "float" or _EXPONENT.fullmatch(text):
            value = self._construct.construct_yaml_float(yaml.ScalarNode(tag, text))
            if not math.isfinite(value):
                raise ValueError(f"{line}: {text} is not a finite number")
            return value
        return text  # dates too


def _awaits(opened: list[_Open]) -> bool:
    """Whether the innermost open mapping has a key without its value."""
    return bool(opened and opened[-1].keys)


def _place(value: Any, opened: list[_Open], result: list[Any], line: str) -> None:
    """Put a value where the innermost open list or mapping awaits it."""
    if not opened:
        result.append(value)
    elif isinstance(opened[-1].value, list):
        opened[-1].value.append(value)
    elif opened[-1].keys:
        opened[-1].value[opened[-1].keys.pop()] = value
    elif not isinstance(value, str) or not value:
        raise ValueError(f"{line}: a key that is no name")
    elif value in opened[-1].value:
        raise ValueError(f"{line}: the key {value[:60]!r} stands twice")
    else:
        opened[-1].keys.append(value)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:60]!r} stands twice")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"holds {name}, which is no number of JSON")


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"holds an integer of {len(text)} digits")
    return _bounded(int(text))


def _bounded(value: int) -> int:
    if not -LARGEST_INTEGER <= value < LARGEST_INTEGER:
        raise ValueError(f"holds {value}, which is beyond 64 bits")
    return value


def _check_plain(content: Any, surrogates: bool) -> None:
    """Check depth, floats and, where halves of pairs may have come in, text; level by level, so nothing recurses."""
    level = [content]
    for _ in range(DEEPEST + 1):
        below: list[Any] = []
        for value in level:
            if type(value) is dict:
                below += value.values()
                if surrogates:
                    below += value
            elif type(value) is list:
                below += value
            elif type(value) is float:
                if not math.isfinite(value):
                    raise ValueError("holds a number beyond those of double precision")
            elif surrogates and type(value) is str and _HALF_PAIR.search(value):
                raise ValueError("holds half a surrogate pair (\\ud800 to \\udfff)")
        if not below:
            return
        level = below
    raise ValueError(f"nests more than {DEEPEST} deep")
