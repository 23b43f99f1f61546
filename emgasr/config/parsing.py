"""Plain data in, checked and frozen dataclasses out, and back: what a YAML file holds of a configuration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from emgasr.config.typed_data import Config, Kinds, built, checked
from emgasr.files.output import replacing


def from_mapping(config: type[Config], kinds: Kinds, mapping: Any, where: str | Path) -> Config:
    """Return the `config` that a parsed YAML `mapping` describes; errors name `where` it came from."""
    return built(config, kinds, checked(config, kinds, mapping, where), where)


def to_mapping(config: Any) -> dict[str, Any]:
    """Return a dataclass as plain lists, numbers and strings, for YAML and JSON."""
    return to_plain(dataclasses.asdict(config))


def to_plain(value: Any) -> Any:
    """Return a value with its tuples as lists, at any depth."""
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    return value


def write_yaml(content: Any, path: str | Path, comment: str = "") -> None:
    """Write `content` as YAML, a line of `comment` above; the old file stays if this fails."""
    heading = f"# {comment}\n" if comment else ""
    with replacing(path) as temporary:
        temporary.write_text(heading + yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
