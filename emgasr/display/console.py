"""Text of strangers in; Rich's console, which shows it as it is and keeps it from the terminal's controls, out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from rich import console
from rich.measure import Measurement
from rich.segment import Segment, Segments
from rich.table import Table
from rich.text import Text

from emgasr.display.visible import Shown, visible

WIDEST = 10_000  # signs of a table's line


class Console(console.Console):
    """A console without markup and codes of emoji unless a call asks for markup; control characters are visible."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, **options})

    @property
    def file(self) -> IO[str]:
        """The stream itself, without its wrappers (`Shown`, and Rich's own while it draws)."""
        file = super().file
        while isinstance(file, Shown):
            file = file.rich_proxied_file
        return file

    @file.setter
    def file(self, stream: IO[str]) -> None:
        self._file = stream

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as Rich's text, visible before its width is measured."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: console.RenderableType, options: console.ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of `renderable`; what Rich itself tells the terminal is no text, and stays."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def print_table(table: Table) -> None:
    """Print a table on standard output as wide as its content is: its lines are for programs too, and never broken."""
    usual = Console(highlight=False)
    needed = Measurement.get(usual, usual.options.update(max_width=WIDEST), table).maximum
    wide = Console(highlight=False, width=max(usual.width, needed))
    for line in wide.render_lines(table, pad=False):
        while line and not line[-1].text.strip():
            line.pop()
        # Blanks behind a line's last word would make empty lines of a narrower terminal.
        last = [Segment(segment.text.rstrip(), segment.style) for segment in line[-1:]]
        wide.print(Segments([*line[:-1], *last, Segment.line()]), end="")


def columns_of(*heads: str, left: int = 1) -> Table:
    """Return an empty table without lines between its cells; the first `left` columns stand left, the others right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < left else "right", no_wrap=True)
    return table
