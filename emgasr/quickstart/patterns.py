"""A pattern as "{label}_{session}_{take}" and names of files in; the fields of each name, or that it has none, out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from emgasr.corpora.samples.arrays import SUFFIXES
from emgasr.errors import ConfigError

LABEL, SUBJECT, SESSION, TAKE = "label", "subject", "session", "take"
OF_TABLE = ("file", "text", "rate_hz", "unit", "scale_uv", "columns")  # columns that a name cannot fill
RULES = "as in {label}_{session}_{take}"
_FIELD = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"([a-z][a-z0-9_]*)(\+?)")


@dataclass(frozen=True)
class Pattern:
    """Fields of a file's name, from the last folders that the pattern names to the name without its ending.

    A field holds none of the signs that part it from its neighbors, except one with a plus ({session+}) or, where no
    field of the same part of the path has one, the label. Before or behind another field, {take} is a number.
    """

    text: str
    fields: tuple[str, ...]
    depth: int  # parts of the path
    expression: re.Pattern[str]

    @staticmethod
    def parse(text: str) -> Pattern:
        """Read a pattern; a ConfigError says what it lacks."""
        bare = text.strip()
        for suffix in (*SUFFIXES, ".*"):
            bare = bare.removesuffix(suffix)
        parts = bare.replace("\\", "/").strip("/").split("/")
        fields: list[str] = []
        expressions = [_expression(part, text, fields) for part in parts]
        if LABEL not in fields:
            raise _refused(text, "does not say where the label stands", f"name it {{label}}, {RULES}")
        return Pattern("/".join(parts), tuple(fields), len(parts), re.compile("/".join(expressions)))

    def match(self, name: str) -> dict[str, str] | None:
        """Return the fields of a file by its path from the folder, or None if the pattern does not match."""
        path = name
        for suffix in SUFFIXES:
            if name.lower().endswith(suffix):
                path = name[: -len(suffix)]
        found = self.expression.fullmatch("/".join(path.split("/")[-self.depth :]))
        return found.groupdict() if found else None

    def match_all(self, names: Sequence[str]) -> tuple[dict[str, dict[str, str]], list[str]]:
        """Return the fields of the files that it matches, and the others."""
        found = {name: self.match(name) for name in names}
        return {name: fields for name, fields in found.items() if fields}, [n for n in names if not found[n]]


def _expression(part: str, text: str, fields: list[str]) -> str:
    """One part of the path as a regular expression; the fields' names are added to `fields`."""
    pieces = _FIELD.split(part)
    literals, names = pieces[::2], pieces[1::2]
    if any(sign in literal for literal in literals for sign in "{}"):
        raise _refused(text, "has a brace that is not closed", f"write fields {RULES}")
    own: list[tuple[str, bool]] = []
    for name in names:
        found = _NAME.fullmatch(name)
        if found is None or found[1] in OF_TABLE:
            advice = f"small letters, as label, session, subject, take or a word of yours; {RULES}"
            raise _refused(text, f"has a field {name!r}", "the label is {label}" if name == "text" else advice)
        if found[1] in fields or found[1] in (known for known, _ in own):
            raise _refused(text, f"has the field {found[1]!r} twice", "name the other one differently")
        own.append((found[1], bool(found[2])))
    for before, literal, after in zip(own[:-1], literals[1:-1], own[1:], strict=True):
        if not literal and TAKE not in (before[0], after[0]):
            raise _refused(text, f"parts {before[0]!r} from {after[0]!r} by nothing", "write the sign between them")
    signs = "".join(sorted({sign for literal in literals for sign in _ends(literal)}))
    several = any(plus for _, plus in own)
    made = re.escape(literals[0])
    for at, (name, plus) in enumerate(own):
        beside = at > 0 and not literals[at], at + 1 < len(own) and not literals[at + 1]
        wide = plus or (name == LABEL and not several)
        inside = rf"(?P<{name}>[^/{'' if wide else re.escape(signs)}]+)"
        if name == TAKE and any(beside):
            inside = rf"(?<!\d)(?P<{name}>\d+)(?!\d)"
        made += inside + re.escape(literals[at + 1])
    fields += [name for name, _ in own]
    return made


def _ends(literal: str) -> list[str]:
    """The signs of a literal that stand beside fields and are no letters."""
    return [sign for sign in (literal[:1], literal[-1:]) if sign and not sign.isalnum()]


def _refused(text: str, wrong: str, advice: str) -> ConfigError:
    return ConfigError(f"--pattern {text}", wrong, advice)
