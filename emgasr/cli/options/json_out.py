"""Plain data in, a line of JSON on stdout: UTF-8, or escaped where stdout writes anything else."""

from __future__ import annotations

import codecs
import sys
from typing import Any

from emgasr.errors import OutputError
from emgasr.files.as_json import as_json


def print_json(content: Any, flush: bool = False) -> None:
    """Print the content as one line of JSON, which any program can read whatever the terminal's encoding is."""
    try:
        line = as_json(content, ascii_only=not _takes_utf8())
    except OutputError:  # a path that is no UTF-8: JSON can name it, escaped
        line = as_json(content, ascii_only=True)
    print(line, flush=flush)


def _takes_utf8() -> bool:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False
