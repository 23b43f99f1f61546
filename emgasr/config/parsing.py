"""YAML files and command lines to checked, frozen dataclasses; an unknown key or a mistyped value is one clear line."""

from __future__ import annotations

import argparse
import dataclasses
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonargparse
import yaml

from emgasr.config.bounds import Within, bounds_of
from emgasr.config.renamed import renamed_keys, renamed_options
from emgasr.config.typed_data import Config, Kinds, built, checked, kind_in
from emgasr.errors import ConfigError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml


def from_command_line(config: type[Config], kinds: Kinds, argv: Sequence[str], program: str) -> Config:
    """The `config` that `--config FILE` (or several, the later over the earlier) and dotted options over it describe.

    Another kind than an earlier file's drops that file's section: its options belong to the other kind. Raises a
    ConfigError that names the key for anything unknown, mistyped or missing.
    """
    paths, options = _split(argv)
    options = renamed_options(config, options)
    merged: dict[str, Any] = {}
    for path in paths:
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise ConfigError(path, "is not a mapping of options", "see the configs of the recipes")
        content = renamed_keys(config, content, path)
        for name in kinds:
            _choose(merged, name, kind_in(content.get(name), name, kinds, path))
        _merge(merged, checked(config, kinds, content, path))
    _check_single(config, kinds, options, program)
    for name, kind in _kinds_in_options(kinds, options).items():
        _choose(merged, name, kind)
    chosen = {name: kind_in(merged.get(name), name, kinds, program) for name in kinds}
    parser = _parser(config, kinds, chosen, program)
    where: str | Path = paths[-1] if paths else program
    try:
        base = parser.parse_object(merged)
        where = program
        parsed = parser.parse_args(options, namespace=base).as_dict()
    except jsonargparse.ArgumentError as error:
        advice = f"`{program} --help` lists the options" if where == program else "mend the option named"
        raise ConfigError(where, _first_cause(error), advice) from error
    names = {field.name for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    given = {name: value for name, value in parsed.items() if name in names}
    try:
        return from_mapping(config, kinds, given, program)
    except ConfigError as error:
        if _refused_alike(config, kinds, merged, error):
            raise ConfigError(paths[-1], error.wrong, error.advice) from error
        raise


def _refused_alike(config: type, kinds: Kinds, merged: Mapping[str, Any], error: ConfigError) -> bool:
    """Whether the files alone, without the options, are refused for the same reason."""
    try:
        from_mapping(config, kinds, merged, error.where)
    except ConfigError as of_files:
        return bool(merged) and str(of_files) == str(error)
    return False


def from_mapping(config: type[Config], kinds: Kinds, mapping: Any, where: str | Path) -> Config:
    """The `config` that a parsed YAML `mapping` describes; errors name `where` it came from."""
    if isinstance(mapping, dict):
        mapping = renamed_keys(config, mapping, where)
    return built(config, kinds, checked(config, kinds, mapping, where), where)


def to_mapping(config: Any) -> dict[str, Any]:
    """A dataclass as plain lists, numbers and strings, for YAML and JSON."""
    return _plain(dataclasses.asdict(config))


def write_yaml(content: Any, path: str | Path, comment: str = "") -> None:
    """Write `content` as YAML, a line of `comment` above; the old file stays if this fails."""
    told = f"# {comment}\n" if comment else ""
    with replacing(path) as temporary:
        temporary.write_text(told + yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _parser(
    config: type[Config], kinds: Kinds, chosen: Mapping[str, str | None], program: str
) -> jsonargparse.ArgumentParser:
    parser = jsonargparse.ArgumentParser(prog=program, exit_on_error=False, description=config.__doc__)
    parser.add_argument("--config", action="config", help="YAML file of these options; options given after it win")
    fields = {field.name: field for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    parser.add_class_arguments(config, skip={name for name in kinds if name in fields})
    for name, classes in kinds.items():
        kind = chosen[name] or next(iter(classes))
        parser.add_class_arguments(classes[kind], name)
    ranges = _ranges(config) | {
        name: within
        for section, classes in kinds.items()
        for name, within in _ranges(classes[chosen[section] or next(iter(classes))], f"{section}.").items()
    }
    for action in parser._actions:
        if action.dest in _sections(config, kinds):  # the parser's offer of a file in place of a section
            action.help = argparse.SUPPRESS
        elif within := ranges.get(action.dest):
            action.help = f"{action.help or ''} [{within.low:.10g} to {within.high:.10g}]".strip()
    return parser


def _ranges(config: type, prefix: str = "") -> dict[str, Within]:
    """The bounds of the numbers of a configuration and its sections, by their dotted names."""
    found: dict[str, Within] = {}
    for name, hint in typing.get_type_hints(config, include_extras=True).items():
        if dataclasses.is_dataclass(hint):
            found |= _ranges(typing.cast(type, hint), f"{prefix}{name}.")
        elif stated := [within for _, within in bounds_of(hint) if within]:
            found[prefix + name] = stated[0]
    return found


def _sections(config: type, kinds: Kinds) -> set[str]:
    nested = {field.name for field in dataclasses.fields(config) if dataclasses.is_dataclass(field.default_factory)}
    return nested | kinds.keys()


def _check_single(config: type, kinds: Kinds, options: Sequence[str], program: str) -> None:
    """Refuse a whole section at once, which the parser would take for a file to open or a class to import."""
    sections = _sections(config, kinds)
    for word in options:
        name, _, key = word.partition("=")[0].removeprefix("--").partition(".")
        if word.startswith("--") and name in sections and key in ("", "class_path", "init_args"):
            raise ConfigError(program, f"--{name} is a section, not one option", f"give single ones: --{name}.…")


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files that --config names, and all other words."""
    files: list[str] = []
    others: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--config" and (path := next(words, None)) is not None:
            files.append(path)
        elif word.startswith("--config="):
            files.append(word.partition("=")[2])
        else:
            others.append(word)
    return files, others


def _kinds_in_options(kinds: Kinds, options: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for i, word in enumerate(options):
        key, equals, value = word.partition("=")
        for name in kinds:
            if key == f"--{name}.kind" and (equals or i + 1 < len(options)):
                found[name] = kind_in({"kind": value if equals else options[i + 1]}, name, kinds, key)
    return found


def _choose(merged: dict[str, Any], name: str, kind: str | None) -> None:
    """Make `kind` the kind of section `name`; what an earlier file says of another kind is dropped."""
    if kind is not None and merged.get(name, {}).get("kind", kind) != kind:
        del merged[name]
    if kind is not None:
        merged.setdefault(name, {})["kind"] = kind


def _merge(into: dict[str, Any], content: Mapping[str, Any]) -> None:
    for key, value in content.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _first_cause(error: Exception) -> str:
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:300]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
