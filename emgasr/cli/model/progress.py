"""Entries of a run's log in; a bar on a terminal, else a line a validation, on standard error out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that shows an entry of the log; with `quiet` without the bar."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from emgasr.display.console import Console

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=quiet) as bar:
        task = bar.add_task("training", total=1.0)
        shown = {"loss": "", "cer": ""}

        def report(entry: dict[str, Any]) -> None:
            if "loss" in entry:
                shown["loss"] = f"loss {entry['loss']:.3f}"
            if "validation_cer" in entry:
                shown["cer"] = f"CER {100 * entry['validation_cer']:.1f} %"
                line = f"step {entry['step']}  {entry['minutes']:.1f} min  {shown['loss']}  validation {shown['cer']}"
                console.print(line, highlight=False)
            if "warning" in entry:
                console.print(f"warning: {entry['warning']}", highlight=False)
            status = f"step {entry['step']}  {shown['loss']}  {shown['cer']}"
            bar.update(task, completed=entry["fraction"], description=status)

        yield report
