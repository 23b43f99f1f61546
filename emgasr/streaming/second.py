"""A search, of one pass or two, in; the reader of a stream's emissions out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emgasr.decoding import BeamSearch
from emgasr.decoding.held import Held
from emgasr.rescoring.segments import SecondSearch
from emgasr.streaming.decoder import BeamReader, GreedyReader, HeldReader, Reader, Token
from emgasr.streaming.delay import step_frames
from emgasr.streaming.rules import LiveRules

if TYPE_CHECKING:
    from emgasr.models.recognizer import Recognizer


class SecondReader(Reader):
    """Two passes: tokens of a segment are partial until it ends, and then final as the second look chose them.

    A second look that fails keeps the first pass; `notes` say so.
    """

    def __init__(self, search: SecondSearch) -> None:
        super().__init__()
        self._segments = search.reader()
        config = search.second.config
        self.bound_s = config.longest_s + config.settle_s
        self._failures, self._pauses = len(search.report.failures), 0

    def read(self, rows: np.ndarray) -> None:
        """Read on."""
        self._segments.read(rows)
        self.frames = self._segments.frames
        self._take()
        self.paused = self.paused or self._segments.pauses > self._pauses
        self._pauses = self._segments.pauses

    def partial(self) -> list[Token]:
        """Return the tokens of the segment that goes on."""
        return [Token(*each) for each in self._segments.partial()]

    def end(self) -> None:
        """Finalize the segment that goes on."""
        self._segments.end()
        self._take()

    def _take(self) -> None:
        self._final += [Token(*each) for each in self._segments.taken()]
        failures = self._segments.report.failures
        kept = "the first pass stands where the second fails"
        self.notes += [f"{kept}: {failure}" for failure in failures[self._failures :]]
        self._failures = len(failures)


def reader_of(search: BeamSearch | SecondSearch | Held | None, rules: LiveRules, recognizer: Recognizer) -> Reader:
    """Return what reads a stream: greedily, at an operating point, by a search and rules, or by two passes."""
    if search is None:
        return GreedyReader()
    if isinstance(search, Held):
        return HeldReader(search)
    if isinstance(search, SecondSearch):
        return SecondReader(search)
    return rules.reader(search, recognizer.frame_rate_hz, step_frames(recognizer))


def finalizing_bound_s(reader: Reader, rules: LiveRules) -> float | None:
    """Return the age at which every key is final; None: there is no such bound."""
    if isinstance(reader, SecondReader):
        return reader.bound_s
    return rules.finalize_within_s if isinstance(reader, BeamReader) else None
