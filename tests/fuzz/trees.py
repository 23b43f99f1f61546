"""JSON and YAML in, the same with a value, a key or the shape changed out."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import yaml

from .texts import NUMBERS, PLAIN, WORDS, TextMutator

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, 1e308, -1e308, 10**18, 2**63, 2**64, 10**400, 1e-320, float("nan")),
    *(float("inf"), float("-inf"), [], {}, [[]], [None], {"": None}, [1, "a"], *WORDS, *NUMBERS[:12]),
    {"class_path": "fuzz_canary.Bite", "init_args": {}},
)
KEYS = ("", "class_path", "init_args", "kind", "__class__", "config", "<<", "x" * 3000, "\x1b[31m", "a.b", "é", "0")
DEPTHS = (3, 40, 900, 5000, 100_000)
CODE = (
    "!!python/object/apply:fuzz_canary.bite []",
    "!!python/name:fuzz_canary.bite",
    "!!python/module:fuzz_canary",
    "{class_path: fuzz_canary.Bite, init_args: {}}",
    "/dev/zero",
    "!!binary aGk=",
    "!!timestamp 2020-01-01",
    "2020-01-01",
    "*nobody",
    "&a [*a]",
    "0o17",
    "1:30",
    "yes",
    "? x",
    "|",
    ">-",
    "@",
    "`",
    "%",
)


def change_node(rng: Random, tree: Any) -> Any:
    """Replace, delete, wrap, copy or rename something in the tree."""
    places = list(_places(tree))
    if not places:
        return rng.choice(VALUES)
    holder, key = rng.choice(places)
    _, other = rng.choice(places)
    what = rng.randrange(8)
    if what <= 2:
        holder[key] = rng.choice(VALUES)
    elif what == 3:
        del holder[key]
    elif what == 4:
        holder[key] = rng.choice(([holder[key]], {"x": holder[key]}, [holder[key]] * 3, str(holder[key])))
    elif what == 5 and isinstance(holder, dict):
        holder[rng.choice((*KEYS, str(other)))] = holder.pop(key)
    elif what == 5:
        holder[key:key] = [holder[key]] * rng.choice((1, 2, 1000))
    elif what == 6:
        return rng.choice(([tree], {"x": tree}, tree, rng.choice(VALUES)))
    elif isinstance(holder, dict):
        holder[rng.choice(KEYS)] = rng.choice(VALUES)
    else:
        rng.shuffle(holder)
    return tree


def in_json(rng: Random, text: str) -> str:
    """A changed tree, or a changed text of it, or brackets without end."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return rng.choice(PLAIN)(rng, text)
    if rng.random() < 0.1:
        depth = rng.choice(DEPTHS)
        return json.dumps(tree).replace(": ", f": {'[' * depth}{']' * depth}", 1)
    indent = 1 if "\n" in text.strip() else None
    return json.dumps(change_node(rng, tree), indent=indent, ensure_ascii=rng.random() < 0.7)


def in_json_line(rng: Random, text: str) -> str:
    """The same for one of the lines."""
    lines = text.split("\n")
    at = rng.randrange(max(1, len(lines) - 1))
    lines[at] = in_json(rng, lines[at])
    return "\n".join(lines)


def twice(rng: Random, text: str) -> str:
    """A key that stands there twice, with another value."""
    at = text.find("{") + 1
    return text[:at] + f'"kind": {json.dumps(rng.choice(VALUES))}, ' + text[at:]


def in_yaml(rng: Random, text: str) -> str:
    if "&" in text or "[[" in text:  # an earlier mutation's: reading it would take for ever
        return rng.choice(PLAIN)(rng, text)
    try:
        tree = yaml.safe_load(text)
        return yaml.safe_dump(change_node(rng, tree), sort_keys=False, allow_unicode=rng.random() < 0.7)
    except (yaml.YAMLError, ValueError, UnicodeError):
        return rng.choice(PLAIN)(rng, text)


def yaml_syntax(rng: Random, text: str) -> str:
    """What YAML knows and a settings file does not need: code, aliases, tags, a second document, depth, keys twice."""
    lines = text.rstrip("\n").split("\n")
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(":")
    what = rng.randrange(6)
    if what <= 2 and colon:
        lines[at] = f"{key}: {rng.choice(CODE)}"
    elif what == 3 and colon:
        depth = rng.choice(DEPTHS)
        lines[at] = f"{key}: {'[' * depth}{']' * rng.choice((depth, 0))}"
    elif what == 4:
        bomb = [f"b{i}: &b{i} [{', '.join([f'*b{i - 1}' if i else 'x'] * 9)}]" for i in range(rng.choice((3, 8, 12)))]
        lines[at:at] = bomb if not lines[at].startswith((" ", "-")) else []
    else:
        lines.insert(at, rng.choice(("---", "...", lines[at], "<<: {}", "%YAML 9.9", "x: &x {y: *x}", "- 1")))
    return "\n".join(lines) + "\n"


JSON: tuple[TextMutator, ...] = (*PLAIN, *[in_json] * 8, twice)
JSON_LINES: tuple[TextMutator, ...] = (*PLAIN, *[in_json_line] * 8, twice)
YAML: tuple[TextMutator, ...] = (*PLAIN, *[in_yaml] * 5, *[yaml_syntax] * 5)


def as_bytes(mutate: TextMutator) -> Callable[[Random, bytes, bytes], bytes]:
    """A mutator of text as one of bytes; what is not UTF-8 passes through it, as do lone surrogates."""

    def mutated(rng: Random, data: bytes, other: bytes) -> bytes:
        text = mutate(rng, data.decode("utf-8", "surrogateescape"))
        try:
            return text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return text.encode("utf-8", "surrogatepass")

    mutated.__name__ = mutate.__name__
    return mutated


def _places(tree: Any) -> Any:
    if isinstance(tree, dict):
        keys: Any = list(tree)
    elif isinstance(tree, list):
        keys = range(len(tree))
    else:
        return
    for key in keys:
        yield tree, key
        yield from _places(tree[key])
