"""What was typed and what was read in; lines for the terminal out, the errors marked."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from emgasr.score import Pairs, align

if TYPE_CHECKING:
    from rich.text import Text

TYPED, READ, MARKS = "typed  ", "read   ", "       "
WRONG, RIGHT = "bold underline red", "green"
_GAP = "·"


def marked(pairs: Pairs, width: int, colored: bool) -> list[Text]:
    """Return three lines a typed line: typed, read, and a blank one that, without color, has marks under the errors.

    `pairs` align what was typed with what was read (`emgasr.score.align`); columns are aligned, with a dot where one
    of the two has nothing, and lines break within `width` columns.
    """
    from rich.text import Text

    lines = []
    for line in _lines(pairs, max(20, width - len(TYPED))):
        typed = "".join(_shown(true) for true, _ in line)
        read = Text.assemble((READ, "dim"))
        for wrong, run in groupby(line, key=lambda pair: pair[0] != pair[1]):
            read.append("".join(_shown(found, wrong) for _, found in run), WRONG if wrong else RIGHT)
        marks = "".join("^" if true != found and not colored else " " for true, found in line)
        lines += [Text.assemble((TYPED, "dim"), typed), read, Text((MARKS + marks).rstrip())]
    return lines


def so_far(typed: str, read: str, width: int, height: int) -> Text:
    """Return the newest lines that `height` has room for while reading goes on: what is not read yet is no error."""
    from rich.text import Text

    pairs = align(typed, read)
    while pairs and pairs[-1][1] is None:
        pairs.pop()
    return Text("\n").join(marked(pairs, width, colored=True)[-max(3, height) :])


def _lines(pairs: Pairs, width: int) -> Iterator[Pairs]:
    line: Pairs = []
    for pair in pairs:
        line.append(pair)
        if pair[0] == "\n" or len(line) == width:
            yield line
            line = []
    if line:
        yield line


def _shown(symbol: Hashable, wrong: bool = False) -> str:
    if symbol is None:
        return _GAP
    if symbol == " " and wrong:
        return "␣"
    return "⏎" if symbol == "\n" else str(symbol)
