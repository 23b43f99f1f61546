"""Verbs and configuration dataclasses in; the reference pages of command line and configuration out (a hook of mkdocs).

python docs/generate.py OUT      # the same pages, as Markdown files
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

WIDTH = "100"  # columns of a help text


def command_line() -> str:
    """The page of the command line: every verb with its help."""
    from emgasr.cli import VERBS

    parts = [
        "# Command line",
        "`emgasr VERB --help` prints what stands here. This page is made from the same help texts.",
        "Options may be written with hyphens or underscores. A mistake is one line on stderr and exit code 2; "
        "Ctrl-C ends with 130.",
    ]
    for verb, (_, line) in VERBS.items():
        text = help_of(verb)
        parts += [f"## {verb}", f"{line[0].upper()}{line[1:]}.", fenced(text)]
        for inner in _inner_verbs(text):
            parts += [f"### {verb} {inner}", fenced(help_of(verb, inner))]
    return "\n\n".join(parts) + "\n"


def help_of(*words: str) -> str:
    """The help text of a verb, as wide as a page."""
    from emgasr.cli import main

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH
    try:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = main([*words, "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    assert code == 0, f"emgasr {' '.join(words)} --help ended with {code}"
    return printed.getvalue()


def _inner_verbs(text: str) -> list[str]:
    """The verbs of a verb, from a usage such as "emgasr lm [-h] build | mix | score ..."."""
    usage = " ".join(text.split("\n\n")[0].split())
    found = re.search(r"\] ((?:[a-z-]+ \| )+[a-z-]+) \.\.\.", usage)
    return found[1].split(" | ") if found else []


def fenced(text: str) -> str:
    """A block of plain text, with the backspaces and colors that some parsers print taken out."""
    return "```text\n" + re.sub(r"[\x00-\x08\x0b-\x1f]", "", text).rstrip() + "\n```"


def configuration() -> str:
    """The page of configuration files: every option with its type, default, bounds and meaning."""
    parts = [
        "# Configuration",
        "Every YAML file that emgasr reads is described by a dataclass. This page is made from these dataclasses. "
        "An unknown key, a value of the wrong type and a value outside its bounds are refused in one line.",
    ]
    for title, text, config, kinds in _files():
        parts += [f"## {title}", text, *_described(config, kinds, "")]
    return "\n\n".join(parts) + "\n"


def _files() -> Iterable[tuple[str, str, type, Mapping[str, Mapping[str, type]]]]:
    from emgasr.decoding.hypothesis import SearchConfig
    from emgasr.frontend.conditioning import ConditioningConfig
    from emgasr.protocol.folds import RuleConfig
    from emgasr.protocol.plan import ProtocolConfig
    from emgasr.streaming.rules import LiveRules
    from emgasr.training.personalize import PersonalizeConfig
    from emgasr.training.run import KINDS, TrainingConfig

    yield (
        "Training",
        "Read by `emgasr train --config FILE`; each option is also one of `emgasr train`.",
        TrainingConfig,
        KINDS,
    )
    yield "Personalization", "Read by `emgasr personalize --config FILE`.", PersonalizeConfig, KINDS
    yield (
        "Search",
        "`search.yaml` in a model folder, and the file of `--search`; `emgasr tune` writes it.",
        SearchConfig,
        {},
    )
    yield "Live rules", "`live.yaml` in a model folder; `emgasr tune-live` writes it.", LiveRules, {}
    yield "Filters", "Options of `emgasr condition`, and of every source of a live signal.", ConditioningConfig, {}
    yield "Split rule", "Options of `emgasr protocol split`.", RuleConfig, {}
    yield "Protocol", "Options of `emgasr protocol run`.", ProtocolConfig, {}


def _described(config: type, kinds: Mapping[str, Mapping[str, type]], prefix: str) -> list[str]:
    """The table of a dataclass, and the parts of its sections behind it."""
    hints = typing.get_type_hints(config, include_extras=True)
    meanings = arguments(config)
    rows, sections = [], []
    for field in dataclasses.fields(config):
        if field.name in kinds and not prefix:
            sections += [
                (f"{field.name}: {kind}", inner, f"{field.name}.") for kind, inner in kinds[field.name].items()
            ]
        elif inner := [part for part in _parts(hints[field.name]) if dataclasses.is_dataclass(part)]:
            sections += [(field.name, part, f"{field.name}.") for part in inner]
        elif field.name != "kind":
            rows.append((field, hints[field.name], meanings.get(field.name, "")))
    told = [opening(config)] if prefix else []
    if rows:
        told.append(
            "| option | type | default | bounds | meaning |\n|---|---|---|---|---|\n"
            + "\n".join(
                f"| `{prefix}{field.name}` | {_type_name(hint)} | {_default(field)} | {_bounds(hint)} | {meaning} |"
                for field, hint, meaning in rows
            )
        )
    for title, inner, name in sections:
        told += [f"### {title}", *_described(inner, {}, prefix + name)]
    return [part for part in told if part]


def opening(config: type) -> str:
    """The first paragraph of a dataclass's docstring, on one line."""
    text = (config.__doc__ or "").split("\n\n")[0]
    return " ".join(text.split()).removesuffix("Args:").strip()


def arguments(config: type) -> dict[str, str]:
    """What the docstrings of a dataclass and of those it extends say of each option, under "Args:"."""
    found: dict[str, str] = {}
    for part in reversed(config.__mro__):
        block = re.search(r"\n *Args:\n(.*?)(?:\n *(?:Raises|Returns|Shapes):\n|\Z)", part.__doc__ or "", re.DOTALL)
        if not block or not dataclasses.is_dataclass(part):
            continue
        lines = block[1].rstrip().split("\n")
        indent = len(lines[0]) - len(lines[0].lstrip())
        names: list[str] = []
        for line in lines:
            if entry := re.match(rf" {{{indent}}}([a-z_0-9, ]+): (.*)", line):
                names = entry[1].split(", ")
                found |= dict.fromkeys(names, entry[2])
            elif names:
                found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return {name: text.replace("|", "\\|") for name, text in found.items()}


def _parts(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself; what is annotated counts as what it annotates."""
    if typing.get_origin(hint) is Annotated:
        return _parts(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return tuple(inner for part in typing.get_args(hint) for inner in _parts(part))
    return (hint,)


def _type_name(hint: Any) -> str:
    """A type in words of YAML."""
    names = {float: "number", int: "whole number", bool: "true or false", str: "text", type(None): "null"}
    told = []
    for part in _parts(hint):
        origin, inner = typing.get_origin(part), typing.get_args(part)
        if origin is Literal:
            told.append(", ".join(f"`{value}`" for value in inner))
        elif origin in (tuple, list):
            told.append(f"list of {_type_name(inner[0])}")
        elif origin is dict:
            told.append(f"mapping to {_type_name(inner[1])}")
        else:
            told.append(names.get(part, str(part)))
    return " or ".join(told)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return _value(field.default_factory())
    return "required" if field.default is dataclasses.MISSING else _value(field.default)


def _value(value: Any) -> str:
    if value in ("", (), []):
        return "empty"
    text = {None: "null", True: "true", False: "false"}.get(value) if isinstance(value, bool | None) else None
    return f"`{text or (list(value) if isinstance(value, tuple) else value)}`"


def _bounds(hint: Any) -> str:
    from emgasr.config.bounds import bounds_of

    stated = [within for _, within in bounds_of(hint) if within]
    return f"{stated[0].low:.10g} to {stated[0].high:.10g}" if stated else ""


PAGES: dict[str, Callable[[], str]] = {
    "reference/command-line.md": command_line,
    "reference/configuration.md": configuration,
}


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those that mkdocs found."""
    from mkdocs.structure.files import File

    for name, write in PAGES.items():
        files.append(File.generated(config, name, content=write()))
    return files


if __name__ == "__main__":
    for name, write in PAGES.items():
        place = Path(sys.argv[1]) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(write(), encoding="utf-8")
