"""Recordings with rest in; hours of rest of each person as one stream, and what a pipeline writes in them, out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emgasr.evaluation.executions import at_rest as marks_rest
from emgasr.evaluation.items import at_rest
from emgasr.evaluation.operating.poisson import lower, upper
from emgasr.streaming.events import FINAL, Event, KeyEvent
from emgasr.transcript import word_places

if TYPE_CHECKING:
    from emgasr.pipeline import Pipeline
    from emgasr.recording import Recording

CHUNK_S = 10.0


@dataclass(frozen=True)
class LongRest:
    """What was written in hours of rest that were streamed: `false` words or activations of `people`."""

    hours: float
    false: int
    people: int

    def as_dict(self) -> dict[str, object]:
        """Return a row for JSON."""
        bounds = [lower(self.false, self.hours), upper(self.false, self.hours)] if self.hours else None
        rate = self.false / self.hours if self.hours else None
        row = {"hours": self.hours, "false": self.false, "people": self.people, "false_an_hour": rate}
        return row | {"false_an_hour_bounds": bounds}


def stream_rest(pipeline: Pipeline, recordings: Iterable[Recording], hours: float) -> LongRest:
    """Stream the rest of recordings end to end, a stream for each person, until there are so many hours.

    One chunk of one recording is in memory. Nothing is read twice: a person's rest that was repeated would prove no
    more. Running statistics go on through all of a person's rest, as they do in a long day.

    Args:
        pipeline: what reads, at its operating point if it has one.
        recordings: those of a person one after the other.
        hours: at most.
    """
    rate_hz = pipeline.recognizer.signal.rate_hz
    seconds, false, people = 0.0, 0, 0
    person, ids = "", list[int]()
    stream = None
    for name, samples in _chunks(recordings):
        if seconds >= 3600 * hours:
            break
        if stream is None or name != person:
            if stream is not None:
                false += _words(pipeline, ids + _final(pipeline, stream.close()))
            stream, person, ids = pipeline.stream(), name, []
            people += 1
        left = max(1, round((3600 * hours - seconds) * rate_hz))
        ids += _final(pipeline, stream.feed(samples[:left]))
        seconds += len(samples[:left]) / rate_hz
    if stream is not None:
        false += _words(pipeline, ids + _final(pipeline, stream.close()))
    return LongRest(seconds / 3600, false, people)


def _chunks(recordings: Iterable[Recording]) -> Iterator[tuple[str, np.ndarray]]:
    for recording in recordings:
        step = round(CHUNK_S * recording.rate_hz)
        for start_s, end_s in _rests(recording):
            first, last = round(start_s * recording.rate_hz), round(end_s * recording.rate_hz)
            for begin in range(first, min(last, recording.n_samples), step):
                end = min(begin + step, last, recording.n_samples)
                yield recording.subject, np.asarray(recording.samples[begin:end], np.float32)


def _rests(recording: Recording) -> list[tuple[float, float]]:
    if at_rest(recording):
        return [(0.0, recording.duration_s)]
    rest = recording.spans.of_kind("rest")
    spans = list(zip(rest.start_s.tolist(), rest.end_s.tolist(), strict=True))
    held = recording.spans.of_kind("gesture")
    named = zip(held.start_s.tolist(), held.end_s.tolist(), held.texts, strict=True)
    return sorted([*spans, *((start, end) for start, end, label in named if marks_rest(label))])


def _final(pipeline: Pipeline, events: Iterable[Event]) -> list[int]:
    symbols = [event.key.symbol for event in events if isinstance(event, KeyEvent) and event.state == FINAL]
    return list(pipeline.recognizer.tokens.ids(symbols))


def _words(pipeline: Pipeline, ids: list[int]) -> int:
    return len(word_places(ids, pipeline.recognizer.tokens))
