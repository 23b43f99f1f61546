"""A JSON object of a file in; its fields out, each of the kind that its reader asks for, or one line on why not.

`emgasr.files.plain_data` reads the text and bounds it; here its values meet the types that they should have.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emgasr.config.typed_data import described, fits, shown
from emgasr.errors import EmgasrError


def fields_of(
    content: Any,
    kinds: Mapping[str, Any],
    where: str | Path,
    error: type[EmgasrError],
    advice: str = "",
    what: str = "",
) -> dict[str, Any]:
    """Return those fields of a JSON object that `kinds` names by their type hints; a field that may be null may lack.

    Args:
        where: The file that the message names.
        what: The object in it, such as "keystroke 3".

    Raises:
        error: The content is no object, or a field lacks or is of another kind.
    """
    place = f"{what}: " if what else ""
    if not isinstance(content, dict):
        raise error(where, f"{place}is not a JSON object", advice)
    for name, hint in kinds.items():
        if not fits(hint, content.get(name)):
            if name not in content:
                raise error(where, f"{place}lacks the field {name!r}", advice)
            raise error(where, f"{place}{name!r} is {shown(content[name])}, not {described(hint)}", advice)
    return {name: content.get(name) for name in kinds}
