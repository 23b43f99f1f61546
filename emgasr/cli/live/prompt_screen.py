"""Where a recording stands in; what the person sees out: a panel on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.errors import DataError
from emgasr.files.plain_text import normalized, read_lines

if TYPE_CHECKING:
    from rich.console import RenderableType

    from emgasr.capture.recorder import Progress
    from emgasr.display.console import Console

NOTES_SHOWN = 3


@contextmanager
def prompt_screen(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Yield what shows progress."""
    if not console.is_terminal:
        yield lambda progress: None
        return
    from rich.live import Live

    with Live(console=console, refresh_per_second=15, transient=True) as live:
        yield lambda progress: live.update(_panel(progress))


def read_prompts(path: Path) -> tuple[str, ...]:
    """The lines of a text file that hold something; a DataError if there are none."""
    prompts = tuple(normalized(text) for line in read_lines(path) if (text := line.strip()))
    if not prompts:
        raise DataError(path, "holds no text", "give one prompt a line")
    return prompts


def _panel(progress: Progress) -> RenderableType:
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    if progress.phase == "rest":
        body = Text("rest: lie still, touch nothing", style="bold yellow")
    elif progress.phase == "prompt":
        body = Text(progress.text + "⏎\n", style="bold")
        body.append(progress.typed + "▏", style="green")
    else:
        body = Text("recording", style="bold")
    notes = [Text(f"{n.time_s:8.1f} s  {n.kind}: {n.text}", style="dim red") for n in progress.notes[-NOTES_SHOWN:]]
    of = f" of {progress.total}" if progress.total else ""
    count = f"prompt {progress.number}{of}   " if progress.number else ""
    until = f" of {progress.until_s:g}" if progress.until_s else ""
    title = f"{count}{progress.time_s:.1f}{until} s"
    keys = "enter: next prompt   Ctrl-C: end" if progress.phase == "prompt" else "Ctrl-C: end"
    return Panel(Group(body, *notes), title=title, title_align="left", subtitle=keys, subtitle_align="left")
