"""Names of files in; a pattern that finds the label, the session and the person in them, with its reasons, out.

The parts of the names are compared over all files: numbers that differ within everything else count the takes, dates
and words such as "day" or "s01" name sittings, and the label is the part whose values stand with all others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from emgasr.corpora.samples.arrays import SUFFIXES
from emgasr.display.wording import counted, listed
from emgasr.quickstart.patterns import LABEL, SESSION, SUBJECT, TAKE, Pattern

SIGNS = "_- .+"  # that part names, the usual first
MOST = 0.95  # of the names must have a sign, or a depth of folders, for a pattern of it
_SITTING = "s|ses|sess|session|sitting|day|d|date|block|run|visit|rec|recording|study|week"
_PERSON = "sub|subj|subject|p|person|user|participant|speaker|signer"
_SHOT = "t|take|trial|rep|r|n|no|nr|x"
_KINDS = {
    TAKE: re.compile(rf"(?:{_SHOT})?[-_ ]?\d+", re.IGNORECASE),
    "date": re.compile(r"(19|20)\d\d[-.]?[01]\d[-.]?[0-3]\d([T ]?[-.:\d]+)?"),
    SUBJECT: re.compile(rf"({_PERSON})[-_ ]?\w{{1,3}}", re.IGNORECASE),
    SESSION: re.compile(
        rf"({_SITTING})[-_ ]?(\d+|[a-z])|(mon|tue|wed|thu|fri|sat|sun)([a-z]*day)?|am|pm", re.IGNORECASE
    ),
}
_WORDS = {SUBJECT: re.compile(_PERSON, re.IGNORECASE), SESSION: re.compile(_SITTING, re.IGNORECASE)}


@dataclass(frozen=True)
class Guess:
    """A pattern and why."""

    pattern: Pattern
    reason: str


@dataclass(frozen=True)
class _Part:
    """One part of every name: its values in the order of the names, what stands before it, and whether it is wide."""

    values: tuple[str, ...]
    before: str
    wide: bool = False
    name: str = ""  # of its field; "" while that is open

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, form in _KINDS.items() if all(map(form.fullmatch, self.values))}

    @property
    def count(self) -> int:
        return len(set(self.values))

    @property
    def written(self) -> str:
        if self.count == 1 and not self.name:
            return self.before + self.values[0]
        prefix = _shared_prefix(self.values) if self.name == TAKE else ""
        return f"{self.before}{prefix}{{{self.name}{'+' if self.wide and self.name != LABEL else ''}}}"


def guess_pattern(names: Sequence[str]) -> Guess | None:
    """Return the pattern that most of the names seem to follow; None if no part of them can be a label."""
    paths = [_without_suffix(name).split("/") for name in names]
    depth = Counter(map(len, paths)).most_common(1)[0][0]
    paths = [path for path in paths if len(path) == depth]
    if len(paths) < 2 or len(paths) < MOST * len(names):
        return None
    parts: list[_Part] = []
    for at in range(depth):
        values = tuple(path[at] for path in paths)
        start = "/" if parts else ""
        if at < depth - 1:
            if parts or len(set(values)) > 1:
                parts.append(_Part(values, start))
        else:
            parts += _parts_of(values, start)
    parts = _named(_joined(parts))
    if not any(part.name == LABEL for part in parts):
        return None
    pattern = Pattern.parse("".join(part.written for part in parts))
    return Guess(pattern, _reason(parts))


def _without_suffix(name: str) -> str:
    suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(suffix)]


def _parts_of(stems: tuple[str, ...], start: str) -> list[_Part]:
    """The parts of names by the sign that most of them hold; else a word and the number behind it."""
    holding = {sign: sum(sign in stem for stem in stems) for sign in SIGNS}
    sign = next((sign for sign in SIGNS if holding[sign] >= MOST * len(stems)), "")
    if not sign:
        found = [re.fullmatch(r"(.*\D)(\d+)", stem) for stem in stems]
        if not all(found):
            return [_Part(stems, start)]
        pairs = [(match[1], match[2]) for match in found if match]
        return [_Part(tuple(word for word, _ in pairs), start), _Part(tuple(number for _, number in pairs), "")]
    cells = [stem.split(sign) for stem in stems]
    least = min(len(row) for row in cells if len(row) > 1)
    best: list[_Part] = []
    for wide in range(least) if any(len(row) > least for row in cells) else [-1]:
        rows = [_merged(row, wide, least, sign) for row in cells]
        columns = list(zip(*(row for row in rows if len(row) == least), strict=True))
        found_ = [_Part(column, sign if at else start, at == wide) for at, column in enumerate(columns)]
        if not best or sum(part.count for part in found_) < sum(part.count for part in best):
            best = found_
    return best


def _merged(row: list[str], wide: int, least: int, sign: str) -> list[str]:
    more = len(row) - least
    if wide < 0 or more < 0:
        return row
    return [*row[:wide], sign.join(row[wide : wide + more + 1]), *row[wide + more + 1 :]]


def _joined(parts: list[_Part]) -> list[_Part]:
    """Words such as "session" or "day" joined with the part behind them, which they name."""
    made: list[_Part] = []
    for part in parts:
        last = made[-1] if made else None
        role = next((role for role, form in _WORDS.items() if last and all(map(form.fullmatch, last.values))), "")
        if last is None or not role or last.name:
            made.append(part)
        elif last.count == 1:
            made.append(replace(part, name=role) if part.count > 1 else part)
        else:
            values = tuple(f"{a}{part.before}{b}" for a, b in zip(last.values, part.values, strict=True))
            made[-1] = _Part(values, last.before, True, role)
    return made


def _named(parts: list[_Part]) -> list[_Part]:
    """The parts with names of fields: takes, sessions and people by their form, then the label, then the rest."""
    named = list(parts)

    def give(name: str, places: list[int]) -> None:
        if places and not any(part.name == name for part in named):
            named[places[0]] = replace(named[places[0]], name=name)

    def open_(kind: str = "") -> list[int]:
        return [at for at, part in enumerate(named) if not part.name and part.count > 1 and kind in {*part.kinds, ""}]

    numbers = [at for at in open_(TAKE) if "date" not in named[at].kinds]
    if len(open_()) > 1:
        give(TAKE, numbers[::-1])  # names usually end in it
    for name, kind in ((SESSION, "date"), (SUBJECT, SUBJECT), (SESSION, SESSION)):
        if len(open_()) > 1:
            give(name, open_(kind))
    whole = [at for at in open_() if 2 <= named[at].count <= len(named[at].values) / 2]
    plain = [at for at in whole if not named[at].kinds] or whole
    give(LABEL, sorted(plain, key=lambda at: (_completeness(named, at), named[at].count, at), reverse=True))
    give(SESSION, open_(TAKE))
    for number, at in enumerate(open_()):
        named[at] = replace(named[at], name=f"other{number + 1 if number else ''}")
    return named


def _completeness(parts: list[_Part], at: int) -> float:
    """The share of the pairs of a part's values with all else but the number of the take that occur, 0 to 1."""
    rest = [part.values for i, part in enumerate(parts) if i != at and part.name != TAKE]
    others = list(zip(*rest, strict=True)) if rest else [()] * len(parts[at].values)
    pairs = set(zip(parts[at].values, others, strict=True))
    return len(pairs) / (parts[at].count * len(set(others)))


def _reason(parts: list[_Part]) -> str:
    told = []
    for part in parts:
        values = sorted(set(part.values))
        if part.name == LABEL:
            told.append(f"{counted(part.count, 'label')} ({listed(values)})")
        elif part.name in (SESSION, SUBJECT):
            told.append(f"{counted(part.count, part.name)} ({listed(values)})")
        elif part.name == TAKE:
            told.append("numbers that count the takes")
        elif part.name:
            told.append(f"another part ({listed(values)}; name it {{subject}} or {{session}} if it is one)")
    return f"the names hold {', '.join(told)}"


def _shared_prefix(values: tuple[str, ...]) -> str:
    """What all values begin with before a number, as "take" in take03."""
    found = {re.sub(r"\d.*", "", value) for value in values}
    return found.pop() if len(found) == 1 else ""
