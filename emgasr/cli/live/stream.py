"""`emgasr stream MODEL --source SPEC`: live samples in; text on the screen, or events, or plain text out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from emgasr.cli.live.stream_output import Shown, notices_of, output_of, report
from emgasr.cli.options.labels import add_label_options
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import add_search_options, pipeline_of, tell_if_cold
from emgasr.cli.options.session import add_live_session_option, live_session
from emgasr.cli.options.source import add_source_option
from emgasr.cli.options.standard import add_json, add_model
from emgasr.errors import ConfigError, EmgasrError

if TYPE_CHECKING:
    import argparse

    import numpy as np

    from emgasr.pipeline import Pipeline
    from emgasr.sources import Chunk, Source
    from emgasr.streaming.events import Event
    from emgasr.streaming.stream import Stream, StreamConfig


def run(argv: list[str]) -> int:
    """Stream until the source ends or Ctrl-C, and report what was measured."""
    options = parser().parse_args(argv)
    _check(options)
    from emgasr.recording import Signal
    from emgasr.sources import open_source

    pipeline = pipeline_of(options, options.model)
    recognizer, config = pipeline.recognizer, _config(options, pipeline.live)
    if not hasattr(recognizer, "signal"):
        from emgasr.cli.live.stream_fused import stream_fused

        return stream_fused(options, pipeline, config)
    if len(options.source) > 1:
        raise ConfigError("--source", "is given several times", f"{options.model} is one model, of one source")
    stream = pipeline.stream(config=config)
    if pipeline.language is not None:
        tell_if_cold()
    _warm_up(pipeline, config)
    source = open_source(options.source[0], recognizer.signal, lambda line: print(f"emgasr: {line}", file=sys.stderr))
    try:
        signal = Signal(source.rate_hz, source.unit, source.bands)
        recognizer.signal.check_same(signal, f"source {options.source[0]}")
        feed = max(1, round(options.chunk_ms / 1000 * source.rate_hz))
        with output_of(options, stream) as show:
            interrupted, failure = _follow(source, stream, show, feed, options.rest_seconds, options.limit_seconds)
            show(stream.close())
    finally:
        source.close()
    report(stream, options, 1000 * feed / source.rate_hz, interrupted)
    if failure is not None:
        raise failure
    return 0


def _follow(
    source: Source, stream: Stream, show: Shown, feed: int, rest_s: float, limit_s: float
) -> tuple[bool, EmgasrError | None]:
    """Feed the stream the source's samples, `feed` at once; return whether Ctrl-C ended it, and what failed."""
    try:
        for chunk in _rechunked(source.chunks(), feed):
            events: list[Event] = []
            if chunk.notes and chunk.notes[0].kind == "gap":
                events += stream.gap(chunk.notes[0].samples / source.rate_hz)
            events += notices_of(chunk)
            still = min(max(round((rest_s - stream.time_s) * source.rate_hz), 0), len(chunk.samples))
            for samples, rest in ((chunk.samples[:still], True), (chunk.samples[still:], False)):
                events += stream.feed(samples, rest) if len(samples) else []
            show(events)
            if limit_s and stream.time_s >= limit_s:
                break
    except KeyboardInterrupt:
        return True, None
    except EmgasrError as error:  # the source is gone for good: partial keys are still to be shown
        return False, error
    return False, None


def _rechunked(chunks: Iterator[Chunk], feed: int) -> Iterator[Chunk]:
    """Yield the same samples in chunks of `feed`; a chunk with a note is passed on at once, whatever its size."""
    import numpy as np

    from emgasr.sources import Chunk

    held: list[np.ndarray] = []
    count, time_s = 0, 0.0
    for chunk in chunks:
        if chunk.notes:
            if count:
                yield Chunk(np.concatenate(held), time_s)
            held, count = [], 0
            yield chunk
            continue
        time_s = time_s if count else chunk.time_s
        held.append(chunk.samples)
        count += len(chunk.samples)
        while count >= feed:
            joined = np.concatenate(held)
            yield Chunk(joined[:feed], time_s, (), chunk.arrived_s)
            held, count, time_s = [joined[feed:]], count - feed, chunk.time_s
    if count:
        yield Chunk(np.concatenate(held), time_s)


def _warm_up(pipeline: Pipeline, config: StreamConfig) -> None:
    """Run what is slow the first time, before the clock starts."""
    import numpy as np

    signal = pipeline.recognizer.signal
    channels = sum(len(band.electrodes) for band in signal.bands)
    with pipeline.stream(config=config) as stream:
        stream.feed(np.zeros((round(2 * signal.rate_hz), channels), np.float32))


def _check(options: argparse.Namespace) -> None:
    if not 1 <= options.chunk_ms <= 10_000:
        raise ConfigError("--chunk-ms", f"is {options.chunk_ms:g}", "give 1 to 10000; 64 is usual")
    for name in ("rest_seconds", "limit_seconds", "finalize_within_seconds", "pause_seconds"):
        value = getattr(options, name)
        if value is not None and not 0 <= value < float("inf"):
            raise ConfigError(f"--{name.replace('_', '-')}", f"is {value:g}", "give seconds")


def _config(options: argparse.Namespace, config: StreamConfig) -> StreamConfig:
    """The model's own rules, or the usual ones; single options go over either."""
    given = {"agreement": options.agreement} if options.agreement is not None else {}
    bounds = (("finalize_within_s", options.finalize_within_seconds), ("pause_s", options.pause_seconds))
    for name, value in bounds:
        given |= {name: value or None} if value is not None else {}
    seconds, turns = live_session(options)
    confidence = options.min_confidence
    return replace(config, **given, min_confidence=confidence, unlabelled_s=seconds, align_turns=turns)


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr stream",
        description="Read a live signal: text as it is typed.",
        examples=(
            "emgasr stream demo --source simulate:seed=9001",
            "emgasr stream me --source brainflow:board=0 --json",
            "emgasr stream me --source file:take.wav,unit=mV,speed=fast",
            "emgasr stream aligned --source brainflow:board=0 --labels fist,point,snap",
        ),
    )
    add_model(made)
    add_source_option(made, several=True)
    form = made.add_mutually_exclusive_group()
    add_json(form, "print one event a line as JSON: keys as they appear, change and become final")
    form.add_argument("--text", action="store_true", help="print the text, a line at each pause (default in a pipe)")
    live = made.add_argument_group(
        "what is shown, and when", "Rules that are not given are those of the model's live.yaml (`emgasr tune-live`)."
    )
    live.add_argument("--chunk-ms", type=float, default=64.0, metavar="MS", help="samples fed at once")
    agreement = "share of the search's probability that makes a key final (else 0.8; 1: all)"
    live.add_argument("--agreement", type=float, metavar="P", help=agreement)
    within = "age that makes a key final (else 1; 0: none)"
    live.add_argument("--finalize-within-seconds", type=float, metavar="S", help=within)
    pause = "time without a key that makes all keys final (else 2; 0: none)"
    live.add_argument("--pause-seconds", type=float, metavar="S", help=pause)
    live.add_argument("--min-confidence", type=float, default=0.0, metavar="P", help="do not show keys with less")
    rest = "the first S seconds are rest: keys below its level are not shown unless they are very sure"
    live.add_argument("--rest-seconds", type=float, default=0.0, metavar="S", help=rest)
    limit = "stop after this long (default: never)"
    live.add_argument("--limit-seconds", type=float, default=0.0, metavar="S", help=limit)
    add_live_session_option(live)
    add_label_options(made)
    add_search_options(made)
    return made
