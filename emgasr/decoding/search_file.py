"""A tuned search in, a YAML file out, and back: what `emgasr tune` writes and `--search` reads.

Beside the fields of a SearchConfig the file may hold LM_SHA256, the checksum of the language model tuned for.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.decoding.hypothesis import SearchConfig
from emgasr.errors import ConfigError
from emgasr.files.plain_data import read_yaml

LM_SHA256 = "lm_sha256"
DEFAULT = "default weights"


@dataclass(frozen=True)
class Origin:
    """Where the weights of a search come from.

    Args:
        source: for people.
        file: the file that they were read from; empty: none.
        lm_sha256: the checksum of the language model that they were tuned for; None: unknown.
    """

    source: str = DEFAULT
    file: str = ""
    lm_sha256: str | None = None

    def mistuned(self, lm_sha256: str) -> tuple[str, ...]:
        """Return a line if weights of a file that were tuned for another language model are used."""
        if not self.file or self.lm_sha256 is None or self.lm_sha256 == lm_sha256:
            return ()
        advice = "`emgasr tune` finds those for this one"
        return (f"{self.file}: its weights were tuned for another language model; {advice}",)


class TunedSearch(NamedTuple):
    """A configuration, and the checksum of the language model that it was tuned for, where the file holds it."""

    config: SearchConfig
    lm_sha256: str | None = None


def read_tuned_search(path: str | Path) -> TunedSearch:
    """Read a search; fields left out keep their defaults. A ConfigError names an unknown or mistyped one."""
    content = read_yaml(path)
    lm_sha256 = content.pop(LM_SHA256, None) if isinstance(content, dict) else None
    if lm_sha256 is not None and not (isinstance(lm_sha256, str) and re.fullmatch("[0-9a-f]{64}", lm_sha256)):
        raise ConfigError(path, f"{LM_SHA256} {lm_sha256!r} is no SHA-256", "leave the line out, or tune again")
    return TunedSearch(from_mapping(SearchConfig, {}, content, path), lm_sha256)


def search_beside(path: Path) -> tuple[SearchConfig, Origin]:
    """Return the search of a model folder's file, and where it comes from; the usual one where there is no file."""
    if not os.path.lexists(path):
        return SearchConfig(), Origin()
    tuned = read_tuned_search(path)
    return tuned.config, Origin(f"weights of {path}", str(path), tuned.lm_sha256)


def read_search_config(path: str | Path) -> SearchConfig:
    """Read the configuration alone, whatever it was tuned for."""
    return read_tuned_search(path).config


def write_search_config(
    config: SearchConfig, path: str | Path, comment: str = "", lm_sha256: str | None = None
) -> None:
    """Write every field of `config` as YAML, a line of `comment` above; the old file stays if this fails."""
    content = to_mapping(config) | ({LM_SHA256: lm_sha256} if lm_sha256 else {})
    write_yaml(content, path, comment)


def described(search: SearchConfig) -> str:
    """Return a search's configuration in a few words, for tables and reports."""
    line = (
        f"beam {search.beam}, LM weight {search.lm_weight:g}, length bonus {search.length_bonus:g},"
        f" acoustic scale {search.acoustic_scale:g}, backspace penalty {search.backspace_penalty:g}"
    )
    line += f", word bonus {search.word_bonus:g}" if search.word_bonus else ""
    line += ", bonus refunded" if search.refund_bonus else ""
    return line + (", strict top k" if search.strict_top_k else "")
