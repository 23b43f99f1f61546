"""Long work in, bars on a terminal out: standard error only, nothing in a pipe, nothing with --quiet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Thing = TypeVar("Thing")


def bar(quiet: bool, transient: bool = False) -> Progress:
    """Return a progress display, a context manager, that draws only on a terminal and never when `quiet`."""
    from rich.progress import Progress

    from emgasr.display.console import Console

    console = Console(stderr=True)
    return Progress(console=console, transient=transient, disable=quiet or not console.is_terminal)


def counted(things: Iterable[Thing], what: str, count: int, quiet: bool) -> Iterable[Thing]:
    """Yield the same things, counted by a bar."""
    with bar(quiet) as shown:
        yield from shown.track(things, total=count, description=what)
