"""Long work in, bars on a terminal out: standard error only, nothing in a pipe, nothing with --quiet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Thing = TypeVar("Thing")
JUDGED = "validation_"  # before the name of a validator's figure, in the log


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


def figures_line(figures: Mapping[str, float]) -> str:
    """Return what a validator found, in words: error rates in percent by their names, or a perplexity."""
    from emgasr.evaluation.naming import SHORT

    found = [f"{SHORT[name]} {100 * value:.2f} %" for name, value in figures.items() if name in SHORT]
    if not found and "error" in figures:  # of an encoder that is pretrained
        found = [f"probe {100 * figures['error']:.2f} % wrong"]
    if "perplexity" in figures:  # of a language model
        found = [f"perplexity {figures['perplexity']:.4f}"]
    return ", ".join(found)


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
            judged = {n.removeprefix(JUDGED): v for n, v in entry.items() if n.startswith(JUDGED)}
            if judged:
                shown["cer"] = figures_line(judged)
                line = f"step {entry['step']}  {entry['minutes']:.1f} min  {shown['loss']}  validation {shown['cer']}"
                if not quiet:
                    console.print(line, highlight=False)
            if "warning" in entry:
                console.print(f"warning: {entry['warning']}", highlight=False)
            status = f"step {entry['step']}  {shown['loss']}  {shown['cer']}"
            bar.update(task, completed=entry["fraction"], description=status)

        yield report
