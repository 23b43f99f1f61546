"""Options by the names of the release before in, the same by today's names out, and one line on stderr that lists them.

A dataclass states its old names in `RENAMED: ClassVar[Mapping[str, str]]`, old -> new; a dot leads into a section.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emgasr.display.visible import told_line
from emgasr.errors import ConfigError

_logged: set[str] = set()


def renamed_keys(config: type, mapping: Mapping[str, Any], where: str | Path) -> dict[str, Any]:
    """Return the `mapping` of a parsed file by today's names; a ConfigError if one option has both its names."""
    names: Mapping[str, str] = getattr(config, "RENAMED", {})
    content = {key: value for key, value in mapping.items() if key not in names}
    moved = []
    for old in (key for key in mapping if key in names):
        section, _, key = names[old].rpartition(".")
        inner = dict(content.get(section) or {}) if isinstance(content.get(section) or {}, dict) else None
        if inner is None:  # no section at all: whoever checks the types says so
            continue
        into = inner if section else content
        if key in into:
            raise ConfigError(where, f"{old} is the old name of {names[old]}, which is there too", "leave one out")
        into[key] = mapping[old]
        if section:
            content[section] = inner
        moved.append(old)
    _log(where, {old: names[old] for old in moved})
    return content


def renamed_line(where: str | Path, found: Mapping[str, str]) -> str:
    """Return the line that lists old names and the new ones."""
    pairs = ", ".join(f"{old} is now {new}" for old, new in found.items())
    return told_line(f"emgasr: {where}: {pairs}; the next release knows the new names alone")


def warn(line: str) -> None:
    """Print a line on stderr, in the first of the processes that torchrun starts alone."""
    if os.environ.get("RANK", "0") == "0":
        print(line, file=sys.stderr)


def _log(where: str | Path, found: Mapping[str, str]) -> None:
    """Write the line once a process: a file may be read several times."""
    line = renamed_line(where, found)
    if found and line not in _logged:
        _logged.add(line)
        warn(line)
