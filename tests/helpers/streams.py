"""Streams as tests open and feed them, and what became final in them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.lm import NGramModel
from emgasr.models.recognizer import Recognizer
from emgasr.streaming.events import FINAL, Event, KeyEvent
from emgasr.streaming.stream import Stream, StreamConfig


def stream_of(
    recognizer: Recognizer,
    lm: NGramModel | None = None,
    search: SearchConfig | None = None,
    config: StreamConfig | None = None,
) -> Stream:
    """A stream that is searched if there is a language model or a search, else read greedily."""
    beam = None if lm is None and search is None else BeamSearch(recognizer.tokens, lm, search)
    return Stream(recognizer, beam, config)


def fed(stream: Stream, samples: np.ndarray, cuts: list[int]) -> list[Event]:
    """All events of samples in chunks, to the stream's end."""
    events = [event for chunk in np.split(samples, sorted(cuts)) for event in stream.feed(chunk)]
    return [*events, *stream.close()]


def final(events: Iterable[Event]) -> list[tuple[str, float, float]]:
    """Symbol, time and confidence of the keys that became final."""
    keys = [event.key for event in events if isinstance(event, KeyEvent) and event.state == FINAL]
    return [(key.symbol, round(key.time_s, 9), round(key.confidence, 4)) for key in keys]
