"""YAML files and command lines to checked, frozen dataclasses; an unknown key or a mistyped value is one clear line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import jsonargparse
import yaml

from emgasr.errors import ConfigError
from emgasr.output import replacing

Config = TypeVar("Config")
# A field whose dataclass depends on its `kind`: {"encoder": {"conformer": ConformerConfig, "tds": TDSConfig}}.
Kinds = Mapping[str, Mapping[str, type]]


def from_command_line(config: type[Config], kinds: Kinds, argv: Sequence[str], program: str) -> Config:
    """The `config` that `--config FILE` (or several, the later over the earlier) and dotted options over it describe.

    Another kind than an earlier file's drops that file's section: its options belong to the other kind. Raises a
    ConfigError that names the key for anything unknown, mistyped or missing.
    """
    paths, options = _split(argv)
    merged: dict[str, Any] = {}
    for path in paths:
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise ConfigError(path, "is not a mapping of options", "see the configs of the recipes")
        for name in kinds:
            _choose(merged, name, _kind_in(content.get(name), name, kinds, path))
        _merge(merged, content)
    for name, kind in _kinds_in_options(kinds, options).items():
        _choose(merged, name, kind)
    chosen = {name: _kind_in(merged.get(name), name, kinds, program) for name in kinds}
    parser = _parser(config, kinds, chosen, program)
    where: str | Path = paths[-1] if paths else program
    try:
        base = parser.parse_object(merged)
        where = program
        return _build(config, parser, parser.parse_args(options, namespace=base), where)
    except jsonargparse.ArgumentError as error:
        advice = f"`{program} --help` lists the options" if where == program else "mend the option named"
        raise ConfigError(where, _first_cause(error), advice) from error


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
                found[name] = _kind_in({"kind": value if equals else options[i + 1]}, name, kinds, key)
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
