"""Names of people and sittings in; one spelling, by which two forms of a name are compared, out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NUMBER = re.compile(r"0*(\d+)(?:\.0+)?", re.ASCII)


def same_name(name: str) -> str:
    """Return a name without what only its spelling adds: case, width, form of accents, blanks and invisible signs.

    Leak checks compare people and sessions by it, so that "S1", "s1 " and "Ｓ１" never stand on two sides; nor do "07",
    "7" and "7.0", which spreadsheets and pandas make of one another.
    """
    plain = unicodedata.normalize("NFKC", name)
    visible = "".join(sign for sign in plain if unicodedata.category(sign) not in ("Cf", "Cc") or sign.isspace())
    # Folding may leave a form that is not normal, and normalizing one that is not folded.
    folded = unicodedata.normalize("NFKC", " ".join(visible.split()).casefold()).casefold()
    return found[1] if (found := _NUMBER.fullmatch(folded)) else folded


def spellings(names: Iterable[str]) -> list[list[str]]:
    """The names that are spelled in several ways, the spellings of each in their order."""
    by_name: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        by_name.setdefault(same_name(name), []).append(name)
    return [several for several in by_name.values() if len(several) > 1]
