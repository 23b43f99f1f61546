"""Verbs and configuration dataclasses in; the reference pages of command line and configuration out (a hook of mkdocs).

`python docs/generate.py OUT` writes the same pages as Markdown files.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

WIDTH = "100"  # columns of a help text


def command_line() -> str:
    """The page of the command line: every verb with its help."""
    from emgasr.cli import GROUPS

    parts = [
        "# Command line",
        "`emgasr VERB --help` prints what stands here; this page is made from the same texts. Options may be written "
        "with hyphens or underscores. A mistake is one line on stderr and exit code 2; Ctrl-C ends with 130.",
    ]
    for group, verbs in GROUPS.items():
        parts.append(f"## {_sentence(group)}")
        for verb, (_, line) in verbs.items():
            text = help_of(verb)
            parts += [f"### {verb}", f"{_sentence(line)}.", fenced(text)]
            for inner in inner_verbs(text):
                parts += [f"#### {verb} {inner}", fenced(help_of(verb, inner))]
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


def inner_verbs(text: str) -> list[str]:
    """The verbs of a verb, as its help lists them under COMMAND."""
    listed = re.search(r"^  COMMAND .*\n((?:    .*\n)+)", text, re.MULTILINE)
    return re.findall(r"^    ([a-z-]+) ", listed[1], re.MULTILINE) if listed else []


def fenced(text: str) -> str:
    """A block of plain text."""
    return f"```text\n{text.rstrip()}\n```"


def configuration() -> str:
    """The page of configuration files: every option with its type, default, bounds and meaning."""
    from emgasr.config.described import sections_of

    parts = [
        "# Configuration",
        "Every YAML file that emgasr reads is described by a dataclass; this page is made from these dataclasses. A "
        "section is a mapping: `encoder: {width: 64}` is the option `encoder.width`. An unknown key, a value of the "
        "wrong type and a value outside its bounds are refused in one line.",
    ]
    for title, text, config, kinds in _files():
        parts += [f"## {title}", text]
        for section in sections_of(config, kinds):
            parts += [f"### {section.name}", section.text] if section.name else []
            parts += [_table(section.options)] if section.options else []
    return "\n\n".join(filter(None, parts)) + "\n"


def _files() -> Iterable[tuple[str, str, type, Any]]:
    from emgasr.classifiers.config import KINDS as CLASSIFIER_KINDS
    from emgasr.classifiers.config import ClassifyConfig
    from emgasr.crossmodal.config import AlignConfig
    from emgasr.decoding.hypothesis import SearchConfig
    from emgasr.frontend.conditioning import ConditioningConfig
    from emgasr.pretraining.config import PretrainConfig
    from emgasr.protocol.config import ProtocolConfig
    from emgasr.protocol.folds import RuleConfig
    from emgasr.rescoring.second_pass import SecondPassConfig
    from emgasr.streaming.rules import LiveRules
    from emgasr.training.config import KINDS, PersonalizeConfig, TrainingConfig
    from emgasr.training.language.config import LanguageTrainingConfig

    training = "Read by `emgasr train --config FILE`; each option is also one of `emgasr train`."
    yield "Training", training, TrainingConfig, KINDS
    yield "Pretraining", "Read by `emgasr pretrain --config FILE`; each option is also one of it.", PretrainConfig, {}
    yield "Alignment", "Read by `emgasr align --config FILE`; each option is also one of it.", AlignConfig, {}
    yield "Personalization", "Read by `emgasr personalize --config FILE`.", PersonalizeConfig, {}
    search = "`search.yaml` in a model folder, and the file of `--search`; `emgasr tune` writes it."
    yield "Search", search, SearchConfig, {}
    second = "`second_pass.yaml` in a model folder, beside its scorers; `emgasr tune --second-pass` writes it."
    yield "Second pass", second, SecondPassConfig, {}
    neural = "Read by `emgasr lm train-neural --config FILE`; each option is also one of it."
    yield "Neural language models", neural, LanguageTrainingConfig, {}
    yield "Live rules", "`live.yaml` in a model folder; `emgasr tune-live` writes it.", LiveRules, {}
    filters = "Options of `emgasr condition`, and of every source of a live signal."
    yield "Filters", filters, ConditioningConfig, {}
    yield "Split rule", "Options of `emgasr protocol split`.", RuleConfig, {}
    classifiers = "Options of a system of `emgasr protocol run` that is a classifier of windows."
    yield "Classifiers", classifiers, ClassifyConfig, CLASSIFIER_KINDS
    yield "Protocol", "Options of `emgasr protocol run`.", ProtocolConfig, {}


def _table(options: Iterable[Any]) -> str:
    rows = ["| option | type | default | bounds | meaning |", "|---|---|---|---|---|"]
    for option in options:
        bounds = f"{option.bounds.low:.10g} to {option.bounds.high:.10g}" if option.bounds else ""
        kind = ", ".join(f"`{word}`" for word in option.choices) or _type_name(option.hint)
        text = option.text.replace("|", "\\|")
        rows.append(f"| `{option.name}` | {kind} | {_value(option.default)} | {bounds} | {text} |")
    return "\n".join(rows)


def _type_name(hint: Any) -> str:
    """A type in words of YAML."""
    names = {float: "number", int: "whole number", bool: "true or false", str: "text", type(None): "null"}
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _type_name(inner[0])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_type_name, inner))
    if origin in (tuple, list):
        return f"list of {_type_name(inner[0])}"
    return names.get(hint, str(hint))


def _value(value: Any) -> str:
    if value in ("", (), []):
        return "empty"
    names = {None: "null", True: "true", False: "false"}
    return f"`{names[value] if value is None or isinstance(value, bool) else _plain(value)}`"


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


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
