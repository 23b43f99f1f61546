"""Takes of training sessions in; the running statistics that training sequences begin with, as when worn, out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from emgasr.data.compose import Take
from emgasr.data.electrode_quality import WINDOW_S, examine_electrodes
from emgasr.data.take_frames import frames_of_takes
from emgasr.frontend.electrodes import dead, profile
from emgasr.frontend.mains import find_mains
from emgasr.frontend.normalize import NormalizeState
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.state import select_streams

EXAMINED_S = 60.0  # of a session, by which its electrodes are judged
GOOD_CONTACT, WITHOUT_SAY = "good", ("dead", "saturated")  # of an electrode's states
Totals = tuple[Tensor, Tensor, Tensor]  # number of each take's frames (n,), their sum, and that of squares (n, N, E, K)
AFRESH = 0.2  # share of the sequences that begin as a device just put on: with the training set's statistics alone


class SessionStart:
    """Statistics of level and spread that a session's other takes leave behind, drawn anew for each sequence.

    A stream reads a take after everything that the person did since the device was put on, and its normalization has
    seen that. A training sequence begins likewise: with the statistics of takes of its session, drawn at random, whose
    time is log-uniform between a second and `longest_s`. So what normalization does in training is what it does in use.

    Args:
        totals: of each session's takes, where their frames are known already.
    """

    def __init__(
        self,
        model: Recognizer,
        sessions: Mapping[tuple[str, str], Sequence[Take]],
        longest_s: float,
        log: Callable[[str], None] = lambda line: None,
        totals: Sequence[Totals] | None = None,
    ) -> None:
        self.longest_s = longest_s
        self.frame_rate_hz = model.features.frame_rate_hz
        self.sessions = [_totals(model, takes) for takes in sessions.values()] if totals is None else list(totals)
        self.muted = [_muted(model, session, takes, log) for session, takes in sessions.items()]

    def state(self, model: Recognizer, worn: Tensor) -> NormalizeState:
        """Return the state that the sequences of a batch begin with; `worn` (B,) is each one's session, or -1.

        Draws from torch's global generator of the CPU.
        """
        weight = model.head.weight
        state = model.normalize.start(len(worn), torch.float32, torch.device("cpu"))
        rows = [self._drawn(place) for place in worn.tolist()]
        shape = state.mean.shape[1:]
        count = torch.tensor([row[0] for row in rows], dtype=torch.float64)
        nothing = torch.zeros(shape)
        total = torch.stack([row[1] if row[0] else nothing for row in rows])
        squares = torch.stack([row[2] if row[0] else nothing for row in rows])
        state = model.normalize.heard(state, count, total.double(), squares.double())
        for row, place in enumerate(worn.tolist()):
            if place >= 0 and (values := self.muted[place]) is not None:
                state.scatter[row] = model.normalize.mute(select_streams(state, [row]), values).scatter[0]
        return NormalizeState(*(field.to(weight.device) for field in state))

    def _drawn(self, place: int) -> tuple[float, Tensor, Tensor]:
        none = (0.0, torch.empty(0), torch.empty(0))
        afresh, length = torch.rand(2).tolist()
        if place < 0 or afresh < AFRESH:
            return none
        counts, totals, squares = self.sessions[place]
        frames = self.frame_rate_hz * math.exp(length * math.log(max(1.0, self.longest_s)))
        order = torch.randperm(len(counts))
        chosen = order[: int((counts[order].cumsum(0) < frames).sum()) + 1]
        return float(counts[chosen].sum()), totals[chosen].sum(0), squares[chosen].sum(0)


def _muted(
    model: Recognizer, session: tuple[str, str], takes: Sequence[Take], log: Callable[[str], None]
) -> Tensor | None:
    """Return which values (N, E, K) bool electrodes without a contact have a part in; None where all have one.

    `log` receives a line for each session with electrodes that are dead, saturated, humming or noisy.
    """
    rate_hz, bands = model.signal.rate_hz, model.signal.bands
    samples = np.concatenate([take.samples - take.samples.mean(0) for take in takes])[: round(EXAMINED_S * rate_hz)]
    if len(samples) < 5 * WINDOW_S * rate_hz:
        return None
    found = examine_electrodes(samples, rate_hz, bands, find_mains(samples, rate_hz))
    silent = dead(profile([Recording(samples, rate_hz, model.signal.unit, bands, *session)]))  # as a session in use
    states = ["dead" if quiet else electrode.state for electrode, quiet in zip(found, silent, strict=True)]
    wrong = [f"{one.name} {state}" for one, state in zip(found, states, strict=True) if state != GOOD_CONTACT]
    gone = [place for place, state in enumerate(states) if state in WITHOUT_SAY]
    if wrong:
        said = "; dead and saturated ones have no say there" if gone and len(gone) < len(found) else ""
        log(f"session {'/'.join(filter(None, session))}: {', '.join(wrong)}{said}")
    if not gone or len(gone) == len(found):
        return None
    return model.features.of_channels(gone)


def totals_of(takes: Iterable[Tensor]) -> Totals:
    """Return the totals of takes of frames (F, N, E, K)."""
    rows = [(torch.tensor(float(len(frames))), frames.sum(0), frames.square().sum(0)) for frames in takes]
    counts, totals, squares = (torch.stack(column) for column in zip(*rows, strict=True))
    return counts, totals, squares


def _totals(model: Recognizer, takes: Sequence[Take]) -> Totals:
    found = {place: frames.cpu() for place, frames in frames_of_takes(model, takes)}
    return totals_of(found[place] for place in range(len(takes)))
