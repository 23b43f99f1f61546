"""Takes of training sessions in; the running statistics that training sequences begin with, as when worn, out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from emgasr.data.compose import Take
from emgasr.frontend.normalize import NormalizeState
from emgasr.models.recognizer import Recognizer

AFRESH = 0.2  # share of the sequences that begin as a device just put on: with the training set's statistics alone


class SessionStart:
    """Statistics of level and spread that a session's other takes leave behind, drawn anew for each sequence.

    A stream reads a take after everything that the person did since the device was put on, and its normalization has
    seen that. A training sequence begins likewise: with the statistics of takes of its session, drawn at random, whose
    time is log-uniform between a second and `longest_s`. So what normalization does in training is what it does in use.
    """

    def __init__(self, model: Recognizer, sessions: Sequence[Sequence[Take]], longest_s: float) -> None:
        self.longest_s = longest_s
        self.frame_rate_hz = model.features.frame_rate_hz
        self.sessions = [_totals(model, takes) for takes in sessions]

    def state(self, model: Recognizer, worn: Tensor) -> NormalizeState:
        """Return the state that the sequences of a batch begin with; `worn` (B,) is each one's session, or -1.

        Draws from torch's global generator of the CPU.
        """
        weight = model.head.weight
        state = model.normalize.start(len(worn), torch.float32, torch.device("cpu"))
        rows = [self._drawn(place) for place in worn.tolist()]
        shape = state.mean.shape[1:]
        count = torch.tensor([row[0] for row in rows], dtype=torch.float64)
        total, squares = (torch.stack([torch.zeros(shape) if row[0] == 0 else row[i] for row in rows]) for i in (1, 2))
        state = model.normalize.heard(state, count, total.double(), squares.double())
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


@torch.no_grad()
def _totals(model: Recognizer, takes: Sequence[Take]) -> tuple[Tensor, Tensor, Tensor]:
    """Return of each take the number of its frames (n,), their sum and their sum of squares (n, N, E, K)."""
    device = model.head.weight.device
    found = []
    for take in takes:
        samples = torch.from_numpy(take.samples - take.samples.mean(0)).float()[None].to(device)
        frames, _ = model.features(samples, torch.tensor([samples.shape[1]], device=device))
        rows = frames[0].cpu()
        found.append((torch.tensor(float(len(rows))), rows.sum(0), rows.square().sum(0)))
    counts, totals, squares = (torch.stack(column) for column in zip(*found, strict=True))
    return counts, totals, squares
