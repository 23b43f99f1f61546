"""A model and how it is streamed in; the delay of its keys out: what no computer can shorten, and what it took.

A key at time t shows best in the frame whose window has t in its middle. That frame is known when its window ends, is
encoded when its chunk is complete, and is seen when the samples that complete it have been fed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emgasr.models.recognizer import Recognizer

FEED_MS = 64.0  # samples fed at once, if nothing else is said
STEP_S = 0.064  # about how often the rules that finalize keys are applied


@dataclass(frozen=True)
class Delay:
    """What delays a key, in milliseconds; `finalize_ms` is the bound of the live rules (infinite: no bound)."""

    window_ms: float
    hop_ms: float
    frame_ms: float
    chunk_ms: float
    feed_ms: float
    finalize_ms: float
    step_ms: float  # how often the rules are applied
    warmup_ms: float  # of the normalization, once: nothing is shown before

    @property
    def partial_ms(self) -> tuple[float, float]:
        """Mean and worst time from a key to its first showing, if the model writes it in the frame that fits best."""
        waiting = self.chunk_ms - self.hop_ms + self.feed_ms
        return self.window_ms / 2 + waiting / 2, self.window_ms / 2 + waiting

    @property
    def final_ms(self) -> float:
        """The longest time until a key of the best hypothesis is final; sure keys are with their first showing."""
        return self.partial_ms[1] - self.chunk_ms + self.finalize_ms + self.step_ms

    def as_dict(self) -> dict[str, float | None]:
        """Return milliseconds by name, for JSON; null where there is no bound."""
        mean, worst = self.partial_ms
        shown = {"partial_mean_ms": mean, "partial_worst_ms": worst, "final_worst_ms": self.final_ms}
        figures = asdict(self) | shown
        return {name: round(value, 3) if math.isfinite(value) else None for name, value in figures.items()}

    def __str__(self) -> str:
        mean, worst = self.partial_ms
        parts = f"window {self.window_ms:g}, hop {self.hop_ms:g}, chunk {self.chunk_ms:g}, fed {self.feed_ms:g} ms"
        final = f"within {self.final_ms:.0f} ms" if math.isfinite(self.final_ms) else "without a bound"
        return f"first shown after {mean:.0f} ms (at most {worst:.0f}), final {final} ({parts})"


def finalizing_frames(frame_rate_hz: float, seconds: float) -> int:
    """Return the emissions that a bound of `seconds` stands for."""
    return max(1, round(seconds * frame_rate_hz))


def step_frames(recognizer: Recognizer) -> int:
    """Return the emissions between two looks at what can become final: whole chunks of the encoder, about STEP_S."""
    chunk = recognizer.encoder.chunk_frames
    return chunk * max(1, round(STEP_S * recognizer.frame_rate_hz / chunk))


def delay_of(recognizer: Recognizer, finalize_within_s: float | None, feed_ms: float = FEED_MS) -> Delay:
    """Return the algorithmic delay of a recognizer that is fed `feed_ms` at once, given the bound of its live rules."""
    features, encoder = recognizer.features, recognizer.encoder
    hop_ms = 1000 / features.frame_rate_hz
    frame_ms = hop_ms * encoder.stride
    within = None if finalize_within_s is None else finalizing_frames(recognizer.frame_rate_hz, finalize_within_s)
    return Delay(
        window_ms=1000 * features.window / features.rate_hz,
        hop_ms=hop_ms,
        frame_ms=frame_ms,
        chunk_ms=hop_ms * (encoder.lookahead_frames + 1),
        feed_ms=feed_ms,
        finalize_ms=math.inf if within is None else frame_ms * within,
        step_ms=frame_ms * step_frames(recognizer),
        warmup_ms=hop_ms * recognizer.config.normalize.held_frames,
    )


class Stopwatch:
    """Quantiles of any number of durations, to 2 %, in a fixed number of bins."""

    _least_s, _step = 1e-6, 1.02

    def __init__(self) -> None:
        self._counts = np.zeros(1000, np.int64)  # up to 400 s
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        place = int(math.log(max(seconds, self._least_s) / self._least_s) / math.log(self._step))
        self._counts[min(place, len(self._counts) - 1)] += 1
        self.total_s += seconds

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return int(self._counts.sum())

    def quantile_ms(self, share: float) -> float:
        """The duration that a `share` of all stays within, NaN of none."""
        if self.count == 0:
            return math.nan
        place = int(np.searchsorted(self._counts.cumsum(), share * self.count))
        return 1000 * self._least_s * self._step ** (place + 0.5)
