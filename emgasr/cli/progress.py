"""Long work in, bars on a terminal out: standard error only, nothing in a pipe, nothing with --quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

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


@contextmanager
def fit_progress(quiet: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield what shows the entries of a fit's log: a bar on a terminal, a line a validation; if `quiet`, warnings."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from emgasr.display.console import Console

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("training", total=1.0)
        shown = {"loss": "", "cer": ""}

        def report(entry: dict[str, Any]) -> None:
            if "loss" in entry:
                shown["loss"] = f"loss {entry['loss']:.3f}"
            if "validation_cer" in entry:
                shown["cer"] = f"CER {100 * entry['validation_cer']:.1f} %"
                line = f"step {entry['step']}  {entry['minutes']:.1f} min  {shown['loss']}  validation {shown['cer']}"
                if not quiet:
                    console.print(line, highlight=False)
            if "warning" in entry:
                console.print(f"warning: {entry['warning']}", highlight=False)
            status = f"step {entry['step']}  {shown['loss']}  {shown['cer']}"
            bar.update(task, completed=entry["fraction"], description=status)

        yield report
