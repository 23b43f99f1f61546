"""Counts and names in; the words for them in messages and notes out."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 3  # names that a line lists


def counted(count: int, name: str) -> str:
    """A number of things, as in "1 row" or "3 rows"."""
    plural = name + ("es" if name.endswith("ch") else "s")
    return f"{count:,} {name if count == 1 else plural}"


def listed(names: Iterable[object], most: int = SHOWN) -> str:
    """The first names, and how many more there are."""
    shown = [str(name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def lines(numbers: list[int]) -> str:
    """Lines of a file, as in "line 3" or "lines 3, 9, 12 and 4 more"."""
    return f"line{'' if len(numbers) == 1 else 's'} {listed(numbers)}"
