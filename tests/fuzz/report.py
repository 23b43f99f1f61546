"""Results in; a row a format, then each fault with the command that repeats it, out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from .judge import ACCEPTED, REFUSED
from .runs import ORIGINAL, Result

COLUMNS = ("format", "runs", "accepted", "refused", "faults", "slowest s", "largest MB")


def rows(results: Iterable[Result]) -> list[dict[str, Any]]:
    """A row a format, in the order of their names, then one of all."""
    by_format: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_format[result.format].append(result)
    found = [_row(name, some) for name, some in sorted(by_format.items())]
    return [*found, _row("all", [result for some in by_format.values() for result in some])]


def _row(name: str, results: Sequence[Result]) -> dict[str, Any]:
    damaged = [result for result in results if result.number != ORIGINAL]
    values = (
        name,
        len(damaged),
        sum(result.kind == ACCEPTED for result in damaged),
        sum(result.kind == REFUSED for result in damaged),
        sum(result.fault for result in results),
        round(max((result.cpu_s for result in results), default=0.0), 2),
        round(max((result.memory_bytes for result in results), default=0) / 2**20),
    )
    return dict(zip(COLUMNS, values, strict=True))


def table(found: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [" | ".join(COLUMNS), " | ".join(["---"] + ["---:"] * (len(COLUMNS) - 1))]
    lines += [" | ".join(str(row[name]) for name in COLUMNS) for row in found]
    return "\n".join(f"| {line} |" for line in lines)


def faults(results: Iterable[Result]) -> list[list[Result]]:
    """Faults that look alike (format, kind, place) together, the most frequent first."""
    alike: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in results:
        if result.fault:
            alike[result.format, result.kind, result.text.partition(": ")[0]].append(result)
    return sorted(alike.values(), key=lambda some: (some[0].format, -len(some)))


def told(some: Sequence[Result]) -> str:
    """One line for faults that look alike."""
    first = some[0]
    repeat = f"python -m tests.fuzz {first.format}" + ("" if first.number == ORIGINAL else f" --only {first.number}")
    return f"{first.format}: {len(some)} x {first.kind}: {first.text[:240]}  [{repeat}; {first.story}]"


def as_dict(results: Sequence[Result]) -> dict[str, Any]:
    """For --json."""
    return {
        "formats": rows(results),
        "faults": [vars(result) for result in results if result.fault],
    }
