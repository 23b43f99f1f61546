"""The first seconds of a stream in; the statistics that they set, and then the same seconds to be read, out."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from emgasr.frontend.electrodes import Profiler
from emgasr.frontend.measured import mended
from emgasr.frontend.normalize import NormalizeState
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import good_pieces, learn, mute_dead
from emgasr.recording import Recording

Part = tuple[np.ndarray, bool] | float  # samples (T, C) and whether they are declared rest, or seconds of a gap


class HeldStart:
    """Holds a stream's first seconds back: what is declared rest among them counts for nothing.

    The statistics are those of `emgasr.models.session.SessionReader.begin` for recordings that end where the gaps are.
    """

    def __init__(self, recognizer: Recognizer, seconds: float) -> None:
        self.recognizer = recognizer
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

    def statistics(self) -> tuple[NormalizeState, int, str]:
        """Return the state that the stream begins with, how many frames entered it, and a line on dead electrodes."""
        normalize, state, entered = self.recognizer.normalize, self.recognizer.start().normalize, 0
        profiler, signal = Profiler(), self.recognizer.signal
        for counts, parts in groupby(self.parts, lambda part: not isinstance(part, float) and not part[1]):
            if counts:
                samples = np.concatenate([part[0] for part in parts if not isinstance(part, float)])
                one = Recording(samples, signal.rate_hz, signal.unit, signal.bands, "stream", "stream")
                pieces = good_pieces(self.recognizer, one)
                state, frames = learn(self.recognizer, pieces, normalize.next_recording(state))
                profiler.add(mended(one))
                entered += frames
        state, line = mute_dead(self.recognizer, normalize.end_warmup(state), profiler.profile())
        return state, entered, line
