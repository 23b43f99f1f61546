"""Two passes in; the reader of a stream's emissions by them out."""

from __future__ import annotations

import numpy as np

from emgasr.rescoring.segments import SecondSearch
from emgasr.streaming.decoder import BeamReader, Reader, Token
from emgasr.streaming.rules import LiveRules


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


def finalizing_bound_s(reader: Reader, rules: LiveRules) -> float | None:
    """Return the age at which every key is final; None: there is no such bound."""
    if isinstance(reader, SecondReader):
        return reader.bound_s
    return rules.finalize_within_s if isinstance(reader, BeamReader) else None
