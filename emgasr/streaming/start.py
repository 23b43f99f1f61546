"""The first seconds of a stream in; the statistics and the turns that they ask for, and these seconds again, out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from emgasr.frontend.electrodes import Profiler
from emgasr.frontend.measured import mended
from emgasr.frontend.normalize_hidden import Statistics
from emgasr.frontend.session import SessionConfig
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import SessionReader, end_warmup, good_pieces, learn, learn_hidden, mute_dead, turn_back
from emgasr.recording import Recording

Part = tuple[np.ndarray, bool] | float  # samples (T, C) and whether they are declared rest, or seconds of a gap


class Begun(NamedTuple):
    """What a stream begins with.

    Args:
        statistics: those of level and spread.
        frames: how many entered them.
        order: the electrodes (C,) as the model takes them, where rings are turned; None: as they come.
        notices: what is to be said of the electrodes, kinds and lines.
    """

    statistics: Statistics
    frames: int
    order: np.ndarray | None
    notices: tuple[tuple[str, str], ...]


def held_start(recognizer: Recognizer, seconds: float, align_turns: int) -> HeldStart | None:
    """Return what holds a stream's first seconds back; None where nothing is set by them.

    Raises:
        ConfigError: Rings are to be turned, and no seconds are held back.
        ModelError: They are, and the model does not know how the training people wear them.
    """
    needed = SessionReader(recognizer, SessionConfig(True, seconds, align_turns)).looks_ahead
    return HeldStart(recognizer, seconds, align_turns) if needed else None


class HeldStart:
    """Holds a stream's first seconds back: what is declared rest among them counts for nothing.

    Statistics and turns are those that `emgasr.models.session.SessionReader.begin` gives recordings which end where the
    gaps are.
    """

    def __init__(self, recognizer: Recognizer, seconds: float, align_turns: int = 0) -> None:
        self.recognizer, self.align_turns = recognizer, align_turns
        self.missing = round(seconds * recognizer.signal.rate_hz)  # samples
        self.parts: list[Part] = []

    def add(self, samples: np.ndarray, rest: bool) -> np.ndarray:
        """Hold the next samples (T, C) back; return those beyond the start."""
        taken = len(samples) if rest else min(self.missing, len(samples))
        if taken:
            self.parts.append((samples[:taken].copy(), rest))
        self.missing -= 0 if rest else taken
        return samples[taken:]

    @property
    def seconds(self) -> float:
        """How long everything is that is held back, gaps too."""
        rate_hz = self.recognizer.signal.rate_hz
        return sum(part if isinstance(part, float) else len(part[0]) / rate_hz for part in self.parts)

    def begun(self) -> Begun:
        """Return what the stream begins with, by all that is held back."""
        recognizer, state, entered = self.recognizer, self.recognizer.start().statistics, 0
        alignment, turned, pieces = None, "", list(self._pieces())
        if self.align_turns and pieces:
            profiler = Profiler()
            for one in pieces:
                profiler.add(mended(one))
            alignment, turned = turn_back(self.recognizer, profiler.profile(), pieces[0], self.align_turns)
        profiler = Profiler()
        worn = pieces if alignment is None else [alignment.of(one) for one in pieces]
        for one in worn:
            state, frames = learn(recognizer, good_pieces(recognizer, one), recognizer.next_recording(state))
            profiler.add(mended(one))
            entered += frames
        state, dead = mute_dead(recognizer, end_warmup(recognizer, state), profiler.profile())
        for one in worn:
            state = learn_hidden(recognizer, good_pieces(recognizer, one), recognizer.next_recording(state))
        said = tuple((kind, line) for kind, line in (("turned", turned), ("dead", dead)) if line)
        return Begun(state, entered, None if alignment is None else alignment.order, said)

    def _pieces(self) -> Iterator[Recording]:
        """Yield the samples between gaps and rests."""
        signal = self.recognizer.signal
        for counts, parts in groupby(self.parts, lambda part: not isinstance(part, float) and not part[1]):
            if counts:
                samples = np.concatenate([part[0] for part in parts if not isinstance(part, float)])
                yield Recording(samples, signal.rate_hz, signal.unit, signal.bands, "stream", "stream")
