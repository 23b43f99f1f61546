"""Text of strangers in; Rich's console, which shows it as it is and keeps it from the terminal's controls, out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO, Any

from rich import console
from rich.segment import Segment
from rich.text import Text

from emgasr.display.visible import Shown, visible


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
