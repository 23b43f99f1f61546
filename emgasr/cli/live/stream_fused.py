"""Live sources of several sensors in; what several models read of them together, on the screen or as events, out."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, cast

from emgasr.cli.live.stream_output import Shown, notices_of, output_of, report
from emgasr.cli.options.search import tell_if_cold
from emgasr.errors import ConfigError, EmgasrError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emgasr.fusion.stream import FusedStream
    from emgasr.pipeline import Pipeline
    from emgasr.sources import Source
    from emgasr.streaming.events import Event
    from emgasr.streaming.stream import StreamConfig


def stream_fused(options: argparse.Namespace, pipeline: Pipeline, config: StreamConfig) -> int:
    """Stream until all sources have ended or Ctrl-C, and report what was measured; return the exit code."""
    from emgasr.fusion.pipeline import FusedPipeline
    from emgasr.recording import Signal
    from emgasr.sources import open_source

    if options.rest_seconds:
        raise ConfigError("--rest-seconds", "is a level of one model", "leave it out for models that answer together")
    fused = cast(FusedPipeline, pipeline)
    if pipeline.language is not None:
        tell_if_cold()
    sources = []
    try:
        for spec in options.source:
            sources.append(open_source(spec, None, lambda line: print(f"emgasr: {line}", file=sys.stderr)))
        signals = [Signal(source.rate_hz, source.unit, source.bands) for source in sources]
        stream = cast("FusedStream", fused.stream(config=config, sources=signals))
        with output_of(options, stream) as show:
            interrupted, failure = _follow(sources, stream, show, options)
            show(stream.close())
    finally:
        for source in sources:
            source.close()
    report(stream, options, options.chunk_ms, interrupted)
    if failure is not None:
        raise failure
    return 0


def _follow(
    sources: Sequence[Source], stream: FusedStream, show: Shown, options: argparse.Namespace
) -> tuple[bool, EmgasrError | None]:
    """Feed the stream what the sources give; return whether Ctrl-C ended it, and what the last source failed by."""
    from emgasr.sources.merged import merged

    left, failure = set(range(len(sources))), None
    try:
        for number, chunk in merged(sources):
            events: list[Event] = []
            if chunk is None or isinstance(chunk, EmgasrError):
                left.discard(number)
                failure = chunk if not left else None
                if isinstance(chunk, EmgasrError):
                    print(f"emgasr: {chunk}", file=sys.stderr)
                show(stream.lost(number) if left else [])
                continue
            if chunk.notes and chunk.notes[0].kind == "gap":
                gap_s = chunk.notes[0].samples / sources[number].rate_hz
                events += stream.gap(gap_s) if len(sources) == 1 else stream.filled(gap_s, number)
            events += notices_of(chunk)
            feed = max(1, round(options.chunk_ms / 1000 * sources[number].rate_hz))
            for first in range(0, len(chunk.samples), feed):
                events += stream.feed(chunk.samples[first : first + feed], number)
            show(events)
            if options.limit_seconds and stream.time_s >= options.limit_seconds:
                break
    except KeyboardInterrupt:
        return True, None
    return False, failure
