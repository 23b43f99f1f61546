"""Plain data in, JSON out. All JSON of the package is written here: without NaN and infinities, which JSON lacks."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from emgasr.errors import OutputError

_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")  # what Python makes of bytes in a path that are no UTF-8


def as_json(content: Any, indent: int | None = None, ascii_only: bool = False) -> str:
    """Return the content as JSON text; a number that is not finite becomes null, as JSON has no sign for it.

    Raises:
        OutputError: A text holds what UTF-8 cannot write, as paths can; `ascii_only` escapes it instead.
    """
    try:
        text = json.dumps(content, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(content), indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    if not text.isascii() and (found := _NOT_UTF8.search(text)):
        begin = max(text.rfind('"', 0, found.start()) + 1, found.start() - 60)
        end = text.find('"', found.end())
        name = ascii(text[begin:end])[1:-1]
        raise OutputError(name, "is not UTF-8 and cannot be written", "rename the file or folder")
    return text


def _finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    return [_finite(value) for value in content] if isinstance(content, list | tuple) else content
