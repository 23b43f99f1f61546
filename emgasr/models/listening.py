"""A recording that a recognizer reads piece by piece in, what it made of it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from emgasr.frontend.measured import Measured, electrode_names, not_measured
from emgasr.frontend.normalize_hidden import Statistics
from emgasr.recording import Recording

NO_KEY = -30.0  # natural log-probability of each key in a frame that is read as blank


class Heard(NamedTuple):
    """What a recognizer makes of a whole recording.

    Args:
        emissions: (F, V) float32.
        statistics: running statistics at the recording's end.
        mended: a line for people about values that were filled in; empty where there were none.
        unlabelled_s: seconds of the person's signal that had entered the statistics before (`emgasr.models.session`).
        times_s: (F,) of the newest sample of each frame; None: as the recognizer says.
    """

    emissions: np.ndarray
    statistics: Statistics
    mended: str
    unlabelled_s: float = 0.0
    times_s: np.ndarray | None = None


@dataclass(eq=False)
class Listening:
    """One of the recordings that are listened to together: its samples, mended, and its emissions so far."""

    recording: Recording
    block: int
    entered: int = 0  # of its input frames, those that are in the statistics already
    parts: list[Tensor] = field(default_factory=list)  # (F, V) each
    lost: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.measured = Measured(self.recording.n_channels, self.recording.unit, self.block)

    def samples(self, first: int, count: int) -> np.ndarray:
        """Return the next samples (T, C), mended."""
        last = min(first + count, self.recording.n_samples)
        mended = self.measured.feed(np.asarray(self.recording.samples[first:last], np.float32))
        self.lost.append(not_measured(mended.lost))
        return mended.samples

    def heard(self, statistics: Statistics) -> Heard:
        """Return the emissions, blank where nothing was measured."""
        emissions = torch.cat(self.parts).float().cpu().numpy()
        if self.measured.passed_over:
            rows = np.flatnonzero(np.concatenate(self.lost)[: len(emissions)])
            emissions[rows], emissions[rows, 0] = NO_KEY, 0.0
        names = electrode_names(self.recording)
        return Heard(emissions, statistics, self.measured.line(names, self.recording.rate_hz))
