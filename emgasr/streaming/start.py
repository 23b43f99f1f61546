"""The first seconds of a stream in; the statistics that they set, and then the same seconds to be read, out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from emgasr.frontend.measured import Measured
from emgasr.frontend.normalize import NormalizeState
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import learn

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

    def statistics(self) -> tuple[NormalizeState, int]:
        """Return the state that the stream begins with, and how many frames entered it."""
        normalize, state, entered = self.recognizer.normalize, self.recognizer.start().normalize, 0
        for counts, parts in groupby(self.parts, lambda part: not isinstance(part, float) and not part[1]):
            if counts:
                state, frames = learn(self.recognizer, self._good(list(parts)), normalize.next_recording(state))
                entered += frames
        return normalize.end_warmup(state), entered

    def _good(self, parts: list[Part]) -> Iterator[np.ndarray]:
        signal, piece = self.recognizer.signal, self.recognizer.piece_frames * self.recognizer.features.hop
        samples = np.concatenate([part[0] for part in parts if not isinstance(part, float)])
        measured = Measured(samples.shape[1], signal.unit)
        for first in range(0, len(samples), piece):
            yield measured.feed(samples[first : first + piece]).samples
