"""YAML files and command lines to checked, frozen dataclasses; an unknown key or a mistyped value is one clear line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jsonargparse
import yaml

from emgasr.errors import ConfigError

Config = TypeVar("Config")
# A field whose dataclass depends on its `kind`: {"encoder": {"conformer": ConformerConfig, "tds": TDSConfig}}.
Kinds = Mapping[str, Mapping[str, type]]


def from_command_line(config: type[Config], kinds: Kinds, argv: Sequence[str], program: str) -> Config:
    """The `config` that `--config FILE` and dotted options (which override the file) describe.

    Raises a ConfigError that names the key for anything unknown, mistyped or missing.
    """
    chosen = _command_line_kinds(kinds, argv)
    parser = _parser(config, kinds, chosen, program)
    try:
        return _build(config, parser, parser.parse_args(list(argv)), program)
    except jsonargparse.ArgumentError as error:
        raise ConfigError(program, _first_cause(error), f"`{program} --help` lists the options") from error


def from_mapping(config: type[Config], kinds: Kinds, mapping: Any, where: str | Path) -> Config:
    """The `config` that a parsed YAML `mapping` describes; errors name `where` it came from."""
    if not isinstance(mapping, dict):
        raise ConfigError(where, "is not a mapping of options", "see the configs of the recipes")
    chosen = {name: _kind_in(mapping.get(name), name, kinds, where) for name in kinds}
    parser = _parser(config, kinds, chosen, str(where))
    try:
        return _build(config, parser, parser.parse_object(mapping), where)
    except jsonargparse.ArgumentError as error:
        raise ConfigError(where, _first_cause(error), "mend the option named") from error


def to_mapping(config: Any) -> dict[str, Any]:
    """A dataclass as plain lists, numbers and strings, for YAML and JSON."""
    return _plain(dataclasses.asdict(config))


def read_yaml(path: str | Path) -> Any:
    """The content of a YAML file; a ConfigError if it cannot be read."""
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(path, f"cannot be read ({error.strerror})", "check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(path, f"is not YAML ({str(error).splitlines()[0]})", "mend the file") from error


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
    return parser


def _build(
    config: type[Config], parser: jsonargparse.ArgumentParser, parsed: jsonargparse.Namespace, where: str | Path
) -> Config:
    fields = {field.name: field for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    for name, field in fields.items():
        if dataclasses.is_dataclass(field.default_factory) and not isinstance(parsed[name], jsonargparse.Namespace):
            raise ConfigError(where, f"{name} is {parsed[name]!r}, not a mapping of options", "see --print_config")
    values = parser.instantiate(parsed).as_dict()
    return config(**{name: value for name, value in values.items() if name in fields})


def _command_line_kinds(kinds: Kinds, argv: Sequence[str]) -> dict[str, str | None]:
    chosen: dict[str, str | None] = dict.fromkeys(kinds)
    pairs = [word.split("=", 1) if "=" in word else [word, *argv[i + 1 : i + 2]] for i, word in enumerate(argv)]
    for pair in pairs:
        if len(pair) < 2:
            continue
        key, value = pair
        if key == "--config":
            content = read_yaml(value)
            if not isinstance(content, dict):
                raise ConfigError(value, "is not a mapping of options", "see the configs of the recipes")
            for name in kinds:
                chosen[name] = _kind_in(content.get(name), name, kinds, value) or chosen[name]
        for name in kinds:
            if key == f"--{name}.kind":
                chosen[name] = _kind_in({"kind": value}, name, kinds, key)
    return chosen


def _kind_in(section: Any, name: str, kinds: Kinds, where: str | Path) -> str | None:
    if section is not None and not isinstance(section, dict):
        raise ConfigError(where, f"{name} is {section!r}, not a mapping of options", f"write `{name}: {{kind: …}}`")
    kind = section.get("kind") if section else None
    if kind is not None and kind not in kinds[name]:
        raise ConfigError(where, f"{name}.kind {kind!r} is unknown", f"choose {' or '.join(kinds[name])}")
    return kind


def _first_cause(error: Exception) -> str:
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:300]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
