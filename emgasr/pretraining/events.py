"""The signal of a stream in; its contractions, found as they end against the level of rest heard so far, out.

An event (as of AEMG, arXiv 2605.03462) is a stretch in which some band is louder than rest. No label is used, and
nothing later than the event's end: what counts as rest is the low end of the levels heard until then, or a level that
was taken of declared rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from emgasr.config.bounds import Within, check_within
from emgasr.recording import Band
from emgasr.streaming.activity import RestLevel, SignalWatch

STEPS_AN_OCTAVE = 8  # of the histogram of levels
OCTAVES = 64  # around 1 of the signal's unit


@dataclass(frozen=True)
class EventsConfig:
    """What is an event.

    Args:
        block_ms: time from one look at the level to the next.
        rest_quantile: share of the time that is taken for rest: its loudest level so far is the level of rest.
        listen_s: seconds of a stream before its first event, from which its rest is known.
        on_db: above the level of rest, where an event begins.
        off_db: above the level of rest, below which it ends.
        hold_ms: time for which the level must stay below, before it ends.
        shortest_ms: of an event; shorter ones are no contractions.
        longest_ms: of an event; a longer contraction is cut into several: stretches of training must hold whole ones.
    """

    block_ms: Annotated[float, Within(1, 1e4)] = 40.0
    rest_quantile: Annotated[float, Within(0.001, 0.9)] = 0.2
    listen_s: Annotated[float, Within(0, 1e5)] = 2.0
    on_db: Annotated[float, Within(0.1, 100)] = 6.0
    off_db: Annotated[float, Within(0, 100)] = 3.0
    hold_ms: Annotated[float, Within(0, 1e5)] = 120.0
    shortest_ms: Annotated[float, Within(0, 1e5)] = 120.0
    longest_ms: Annotated[float, Within(1, 1e6)] = 1500.0

    def __post_init__(self) -> None:
        check_within(self, "events")


@dataclass(frozen=True)
class Event:
    """A contraction: from when to when (seconds), and its loudest level over that of rest, in dB."""

    start_s: float
    end_s: float
    energy_db: float


class EventFinder:
    """Finds the contractions of one stream; chunks of any size give the same events.

    `rest` is the level of declared rest; without it the level is that of the quietest `rest_quantile` of the time.

    Attributes:
        quietest_db: how far the level of rest lies below the median level, in dB; 0 until `listen_s` have passed. A
            person who never rests has one near 0, and their contractions are not found.
        short: events that were shorter than `shortest_ms`, and passed over.
    """

    def __init__(
        self, config: EventsConfig, bands: Sequence[Band], rate_hz: float, unit: str, rest: RestLevel | None = None
    ) -> None:
        self.config, self.rest = config, rest
        self.block = max(1, round(config.block_ms * rate_hz / 1000))
        self.block_s = self.block / rate_hz
        self.watch = SignalWatch(bands, rate_hz, self.block, unit)
        self.heard = np.zeros((len(bands), STEPS_AN_OCTAVE * OCTAVES), np.int64)  # blocks at each level
        self.blocks = 0
        self.quietest_db = 0.0
        self.short = 0
        self._start: int | None = None  # the block in which the event began
        self._loudest = 0.0  # of its levels, dB over rest
        self._below = 0  # blocks for which the level has been below

    def feed(self, samples: np.ndarray) -> list[Event]:
        """Return the events that end in the next samples (T, C)."""
        found = []
        for level in self.watch.feed(samples)[1].levels:
            if (event := self._next(level)) is not None:
                found.append(event)
        return found

    def finish(self) -> list[Event]:
        """Return the event that the stream's end ends, if there is one."""
        return [] if self._start is None else self._ended(self.blocks - self._below)

    def _next(self, level: np.ndarray) -> Event | None:
        places = _place(level)
        self.heard[np.arange(len(level)), places] += 1
        self.blocks += 1
        if self.rest is None and self.blocks * self.block_s < self.config.listen_s:
            return None
        over_db = float((20 * np.log10(np.maximum(level, 1e-12) / self._rest())).max())
        if self._start is None:
            if over_db >= self.config.on_db:
                self._start, self._loudest, self._below = self.blocks - 1, over_db, 0
            return None
        self._loudest = max(self._loudest, over_db)
        self._below = self._below + 1 if over_db < self.config.off_db else 0
        ended = self._below * self.block_s * 1000 >= self.config.hold_ms and self._below > 0
        if ended or (self.blocks - self._start) * self.block_s * 1000 >= self.config.longest_ms:
            return next(iter(self._ended(self.blocks - self._below)), None)
        return None

    def _ended(self, last: int) -> list[Event]:
        assert self._start is not None
        first, self._start = self._start, None
        if (last - first) * self.block_s * 1000 < self.config.shortest_ms:
            self.short += 1
            return []
        return [Event(first * self.block_s, last * self.block_s, self._loudest)]

    def _rest(self) -> np.ndarray:
        """Return the level of rest of each band, (bands,)."""
        shares = self.heard.cumsum(1) / self.blocks
        low, middle = ((shares >= share).argmax(1) for share in (self.config.rest_quantile, 0.5))
        self.quietest_db = float((middle - low).max()) * 20 * np.log10(2) / STEPS_AN_OCTAVE
        if self.rest is not None:
            return np.maximum(np.array(self.rest.levels), 1e-12)
        return np.asarray(2.0 ** ((low + 1) / STEPS_AN_OCTAVE - OCTAVES / 2))


def _place(level: np.ndarray) -> np.ndarray:
    """Return the step of the histogram that each level lies in."""
    steps = STEPS_AN_OCTAVE * (np.log2(np.maximum(level, 1e-12)) + OCTAVES / 2)
    return np.clip(np.floor(steps), 0, STEPS_AN_OCTAVE * OCTAVES - 1).astype(np.int64)
