"""Tokens of a reader that become final or may still change in; events of keys, and the text so far, out.

What every stream has, whatever its samples go through: `emgasr.streaming.stream` of one model, `emgasr.fusion.stream`
of several.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from emgasr.confidence.model import Confidence
from emgasr.errors import DataError
from emgasr.runtime.interrupts import holding_ctrl_c
from emgasr.streaming.activity import Notice
from emgasr.streaming.decoder import Reader, Token, calibrated
from emgasr.streaming.delay import Stopwatch
from emgasr.streaming.events import FINAL, PARTIAL, RETRACTED, Event, KeyEvent
from emgasr.transcript import Key

Stream = TypeVar("Stream", bound="KeyStream")


class KeyStream(ABC):
    """What is shown of a stream: keys as they come, change and become final.

    Args:
        recognizer: whose tokens are read.
        reader: of its emissions.
        min_confidence: keys with less are not shown.
        confidence: calibrates that of the keys; None: as the reader gives it.
    """

    def __init__(
        self, recognizer: Any, reader: Reader, min_confidence: float, confidence: Confidence | None = None
    ) -> None:
        self.recognizer = recognizer
        self.confidence = confidence
        self.watch = Stopwatch()  # of each feed's computation
        self.revisions = 0
        self.closed = False
        self._reader = reader
        self._least = min_confidence
        self._ids = array("i")
        self._partial: list[tuple[Token, int]] = []  # as shown, with revisions
        self._kept: list[Event] = []  # of a call that Ctrl-C ended
        self._broken = False

    @property
    @abstractmethod
    def time_s(self) -> float:
        """Stream time of the end of what was fed, in seconds."""

    @property
    @abstractmethod
    def unlabelled_s(self) -> float:
        """Seconds of the person's signal that have entered the running statistics."""

    @property
    @abstractmethod
    def mended_values(self) -> int:
        """Values that were filled in."""

    @abstractmethod
    def close(self) -> list[Event]:
        """Read what is left and finalize every key; a second call does nothing."""

    @abstractmethod
    def _token_time_s(self, frame: int) -> float:
        """Return the stream time of an emission, counted from the stream's start."""

    def __enter__(self: Stream) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kept = self.close()

    @property
    def text(self) -> str:
        """The text of the final keys."""
        return str(self.recognizer.tokens.render(self._ids))

    @property
    def partial_text(self) -> str:
        """The text of all keys, those included that may still change."""
        return str(self.recognizer.tokens.render([*self._ids, *(token.id for token, _ in self._partial)]))

    def latest_text(self, keys: int) -> tuple[str, str]:
        """Return the text of the latest `keys` final keys, and that with the partial ones behind them."""
        ids = self._ids[-keys:]
        render = self.recognizer.tokens.render
        return render(ids), render([*ids, *(token.id for token, _ in self._partial)])

    def summary(self) -> dict[str, float]:
        """Return what was measured: seconds, keys, changes of keys that had been shown, computation of each feed."""
        seconds = self.time_s
        return {
            "seconds": round(seconds, 3),
            "keys": len(self._ids),
            "keys_per_minute": round(60 * len(self._ids) / seconds, 1) if seconds else 0.0,
            "revisions": self.revisions,
            "mended_values": self.mended_values,
            "unlabelled_seconds": round(self.unlabelled_s, 3),
            "feeds": self.watch.count,
            **{f"p{share}_ms": round(self.watch.quantile_ms(share / 100), 3) for share in (50, 95, 99)},
            "real_time_factor": round(self.watch.total_s / seconds, 5) if seconds else 0.0,
        }

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Run the block as a whole; if something fails in the middle of it, the stream refuses to go on."""
        with holding_ctrl_c():
            self._broken = True
            yield
            self._broken = False

    def _returned(self) -> list[Event]:
        events, self._kept = self._kept, []
        return events

    def _check_open(self) -> None:
        if self.closed:
            raise DataError("stream", "is closed", "open another one")
        if self._broken:
            raise DataError("stream", "failed in the middle of a call", "open another one")

    def _shown(self) -> list[Event]:
        """Return the difference between what was shown and what has been read."""
        events: list[Event] = []
        for token in calibrated(self._reader.taken(), self.confidence):
            if token.confidence >= self._least:
                before = self._partial.pop(0) if self._partial else None
                events.append(self._key(token, FINAL, self._revised(token, before)))
                self._ids.append(token.id)
        tokens = [
            token for token in calibrated(self._reader.partial(), self.confidence) if token.confidence >= self._least
        ]
        shown: list[tuple[Token, int]] = []
        for place, token in enumerate(tokens):
            before = self._partial[place] if place < len(self._partial) else None
            revision = self._revised(token, before)
            if before is None or before[0].id != token.id:
                events.append(self._key(token, PARTIAL, revision, place))
            shown.append((token, revision))
        for place in range(len(tokens), len(self._partial)):
            token, revision = self._partial[place]
            self.revisions += 1
            events.append(self._key(token, RETRACTED, revision + 1, place))
        self._partial = shown
        if self._reader.paused:
            self._reader.paused = False
            events.append(Notice("pause", self.time_s, "a pause makes every key final"))
        events += [Notice("second_pass", self.time_s, line) for line in self._reader.notes]
        self._reader.notes = []
        return events

    def _revised(self, token: Token, before: tuple[Token, int] | None) -> int:
        if before is None:
            return 0
        changed = before[0].id != token.id
        self.revisions += changed
        return before[1] + changed

    def _key(self, token: Token, state: str, revision: int, place: int = 0) -> KeyEvent:
        key = Key(self.recognizer.tokens.symbols[token.id], self._token_time_s(token.frame), token.confidence)
        return KeyEvent(len(self._ids) + place, key, state, revision, self.time_s)
