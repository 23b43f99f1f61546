"""A stream in, its picture on a terminal out: text (final keys solid, partial ones dim), bars, pace and delay."""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import ExitStack
from types import TracebackType

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from emgasr.capture.keyboard import terminal_keys
from emgasr.display.console import Console
from emgasr.streaming.activity import Notice
from emgasr.streaming.events import FINAL, Event, KeyEvent
from emgasr.streaming.stream import Stream, shown_unit

REFRESH_S = 0.08
LATEST_KEYS = 2000  # of which the page is rendered
PACE_S = 60.0
_BARS = 24
_DECIBELS = 40.0  # from an empty bar to a full one; full is the loudest so far


class View:
    """A context manager that is called with events and shows what they change."""

    def __init__(self, stream: Stream, chunk_ms: float, console: Console | None = None) -> None:
        self.stream = stream
        self.delay = str(stream.delay(chunk_ms))
        self.console = console or Console()
        self._live = Live(console=self.console, auto_refresh=False)
        self._open = ExitStack()
        self._pressed: deque[float] = deque()  # stream times of final keys within the last minute
        self._notices: deque[Notice] = deque(maxlen=3)
        self._loudest = [0.0] * len(stream.recognizer.signal.bands)
        self._drawn_s = -math.inf

    def __enter__(self) -> View:
        self._open.enter_context(terminal_keys())  # what is typed meanwhile would be echoed into the picture
        self._open.enter_context(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def __call__(self, events: list[Event]) -> None:
        """Take events, and draw if it is time or the stream is closed."""
        for event in events:
            if isinstance(event, KeyEvent) and event.state == FINAL:
                self._pressed.append(event.key.time_s)
            elif isinstance(event, Notice) and event.kind != "pause":
                self._notices.append(event)
        while self._pressed and self._pressed[0] < self.stream.time_s - PACE_S:
            self._pressed.popleft()
        now_s = time.monotonic()
        if self.stream.closed or now_s - self._drawn_s >= REFRESH_S:
            self._drawn_s = now_s
            self._live.update(self.picture(), refresh=True)

    def picture(self) -> Group:
        """Return the screen as it is now."""
        parts: list[RenderableType] = [
            Panel(self._page(), title="emgasr", title_align="left"),
            self._bands(),
            Text(self._figures()),
        ]
        parts += [Text(f"{notice.time_s:8.1f} s  {notice.text}", style="yellow") for notice in self._notices]
        return Group(*parts)

    def _page(self) -> Text:
        final, full = self.stream.latest_text(LATEST_KEYS)
        sure = next((i for i, pair in enumerate(zip(final, full, strict=False)) if pair[0] != pair[1]), len(final))
        sure = min(sure, len(full))  # partial backspaces
        width = max(20, self.console.width - 4)
        room = width * max(3, self.console.height - 12)
        page = Text(overflow="fold")
        page.append(full[:sure][-room:])
        page.append(full[sure:], style="dim")
        page.append("▏", style="blink")
        lines = page.wrap(self.console, width)
        return Text("\n").join(lines[-max(3, self.console.height - 12) :])

    def _bands(self) -> Table:
        table = Table.grid(padding=(0, 1))
        signal = self.stream.recognizer.signal
        unit = shown_unit(signal.unit)
        for number, (band, level) in enumerate(zip(signal.bands, self.stream.levels, strict=True)):
            self._loudest[number] = max(self._loudest[number], level)
            below = 20 * math.log10(max(level, 1e-9) / max(self._loudest[number], 1e-9))
            filled = max(0, min(_BARS, round(_BARS * (1 + below / _DECIBELS))))
            bar = Text("█" * filled, style="green") + Text("░" * (_BARS - filled), style="dim")
            table.add_row(band.name, bar, f"{level:.3g} {unit}")
        return table

    def _figures(self) -> str:
        seconds = min(PACE_S, max(self.stream.time_s, 1e-9))
        watch = self.stream.watch
        spent = f"{watch.quantile_ms(0.5):.1f} ms (p99 {watch.quantile_ms(0.99):.1f})" if watch.count else "-"
        pace = 60 * len(self._pressed) / seconds
        return (
            f"{self.stream.time_s:.1f} s · {pace:.0f} keys a minute · computing {spent} a chunk\n"
            f"{self.delay}\nCtrl-C ends"
        )
