"""A tuned search in, a YAML file out, and back: what `emgasr tune` writes and `--search` reads."""

from __future__ import annotations

from pathlib import Path

import yaml

from emgasr.config import from_mapping, read_yaml, to_mapping
from emgasr.decoding.hypothesis import SearchConfig
from emgasr.output import replacing


def read_search_config(path: str | Path) -> SearchConfig:
    """Read a SearchConfig; fields left out keep their defaults. A ConfigError names an unknown or mistyped one."""
    return from_mapping(SearchConfig, {}, read_yaml(path), path)


def write_search_config(config: SearchConfig, path: str | Path, comment: str = "") -> None:
    """Write every field of `config` as YAML, a line of `comment` above; the old file stays if this fails."""
    told = f"# {comment}\n" if comment else ""
    with replacing(path) as temporary:
        temporary.write_text(told + yaml.safe_dump(to_mapping(config), sort_keys=False), encoding="utf-8")
