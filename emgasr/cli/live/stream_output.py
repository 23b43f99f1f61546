"""Events of a stream, and what was measured, in; text on the screen, lines or JSON out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.display.wording import counted
from emgasr.frontend.session import Unlabelled, unlabelled_line

if TYPE_CHECKING:
    import argparse

    from emgasr.fusion.stream import FusedStream
    from emgasr.sources import Chunk
    from emgasr.streaming.events import Event
    from emgasr.streaming.stream import Stream

Shown = Callable[["list[Event]"], None]


def notices_of(chunk: Chunk) -> list[Event]:
    """Return the notes of a chunk that the stream itself does not report."""
    from emgasr.streaming.activity import Notice

    of_the_stream = ("gap", "replaced")
    return [Notice(note.kind, note.time_s, note.text) for note in chunk.notes if note.kind not in of_the_stream]


def output_of(options: argparse.Namespace, stream: Stream | FusedStream) -> AbstractContextManager[Shown]:
    """Return what shows events: as JSON, as lines, or on the screen."""
    if options.json:
        return nullcontext(_print_events)
    from emgasr.streaming.stream import Stream

    # The screen draws the bands of one model: several that answer together are shown as lines.
    if options.text or not sys.stdout.isatty() or not isinstance(stream, Stream):
        return nullcontext(_Lines(stream).show)
    from emgasr.cli.live.stream_view import View

    return View(stream, options.chunk_ms)


def _print_events(events: list[Event]) -> None:
    from emgasr.streaming.events import as_dict

    for event in events:
        print_json(as_dict(event))
    if events:
        sys.stdout.flush()


class _Lines:
    """Plain text for pipes: nothing can be taken back there, so a line is printed when it is final."""

    def __init__(self, stream: Stream | FusedStream) -> None:
        self.stream = stream
        self.ids: list[int] = []

    def show(self, events: list[Event]) -> None:
        """Print the line that events complete; notices go to stderr."""
        from emgasr.streaming.activity import Notice

        tokens = self.stream.recognizer.tokens
        for event in events:
            if not isinstance(event, Notice):
                self.ids += tokens.ids([event.key.symbol]) if event.state == "final" else []
            elif event.kind == "pause":
                self._print()
            else:
                print(f"emgasr: {event.time_s:.1f} s: {event.text}", file=sys.stderr)
        if self.stream.closed:
            self._print()

    def _print(self) -> None:
        line = self.stream.recognizer.tokens.render(self.ids)
        self.ids = []
        if line:
            print(line, flush=True)


def report(stream: Stream | FusedStream, options: argparse.Namespace, feed_ms: float, interrupted: bool) -> None:
    """Print what was measured."""
    from emgasr.evaluation.naming import naming_of

    summary = stream.summary()
    delay = stream.delay(feed_ms)
    if options.json:
        extra = {"interrupted": interrupted, "delay": delay.as_dict()}
        print_json({"event": "summary", **summary, **extra}, flush=True)
        return
    computed = (
        f"\ncomputing, each chunk: p50 {summary['p50_ms']:.2f}, p95 {summary['p95_ms']:.2f},"
        f" p99 {summary['p99_ms']:.2f} ms; {100 * summary['real_time_factor']:.1f} % of real time"
    )
    naming = naming_of(stream.recognizer.tokens)
    print(
        f"{summary['seconds']:.1f} s, {counted(int(summary['keys']), naming.noun)}"
        f" ({summary['keys_per_minute']:g} a minute), {summary['revisions']:.0f} changes of shown {naming.plural}\n"
        f"delay: {delay}{computed if summary['feeds'] else ''}\n"
        f"{unlabelled_line(Unlabelled.of([stream.unlabelled_s]), stream.recognizer.normalization)}",
        file=sys.stderr,
    )
