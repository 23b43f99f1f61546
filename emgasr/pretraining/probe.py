"""An encoder and the takes of validation people in; how well its frames tell their labels apart, linearly, out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from emgasr.data.compose import Take
from emgasr.data.take_frames import frames_of_takes
from emgasr.evaluation.discriminant import ShrinkageLDA
from emgasr.models.recognizer import Recognizer
from emgasr.pretraining.readers import Readers
from emgasr.training.contracts import Judgement

MOST_TAKES = 60  # of a label, that teach or judge a probe
LONGEST_S = 4.0  # of a take
TOGETHER = 256  # takes of a person, at most


@dataclass(frozen=True)
class Probed:
    """A corpus to probe: its place among the readers, and takes of training people and of people held out."""

    name: str
    place: int
    teaching: Sequence[Take]
    judging: Sequence[Take]


class LinearProbe:
    """Judges an encoder by linear discriminants on the mean of its frames over a take, people apart.

    Each corpus has one: it is taught by training people and judged by validation people, all labels counting alike.
    Levels are those of a person's takes together, unlabelled. `error`, which chooses, is the mean share of wrong
    labels; `more` adds what the objective measures of itself. Where no person who judges has labels, the error is 1 and
    the latest weights are kept.
    """

    chooses = "error"

    def __init__(self, corpora: Sequence[Probed], more: Callable[[], Mapping[str, float]] = dict) -> None:
        self.corpora = [
            Probed(one.name, one.place, _few(one.teaching), _few(one.judging)) for one in corpora if one.judging
        ]
        self.more = more

    def __call__(self, model: Readers) -> Judgement:
        figures = {f"{one.name}_wrong": self._wrong(model[one.place].eval(), one) for one in self.corpora}
        error = float(np.mean(list(figures.values()))) if figures else 1.0
        return Judgement({**figures, **self.more(), self.chooses: error}, latest=not figures)

    def _wrong(self, recognizer: Recognizer, one: Probed) -> float:
        taught = embedded(recognizer, one.teaching)
        probe = ShrinkageLDA(taught, [take.label for take in one.teaching])
        guesses = probe.guess(embedded(recognizer, one.judging))
        labels = [take.label for take in one.judging]
        right = [guess == label for guess, label in zip(guesses, labels, strict=True)]
        alike = [
            np.mean([r for r, other in zip(right, labels, strict=True) if other == label]) for label in set(labels)
        ]
        return 1 - float(np.mean(alike))


@torch.no_grad()
def embedded(recognizer: Recognizer, takes: Sequence[Take]) -> np.ndarray:
    """Return the mean of the encoder's frames over each take, (n, D), with the statistics of all of its person's."""
    found = np.zeros((len(takes), recognizer.encoder.width), np.float32)
    for rows, frames, lengths in normalized_by_person(recognizer, takes, LONGEST_S):
        encoded = recognizer.encoded(frames, lengths)
        mean = encoded.hidden.sum(1) / encoded.lengths[:, None].clamp(min=1)  # zero beyond their lengths
        found[rows] = mean.cpu().numpy()
    return found


def normalized_by_person(
    recognizer: Recognizer, takes: Sequence[Take], longest_s: float
) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Yield places of takes, their normalized frames (B, F, N, E, K) and lengths (B,), a person's takes together.

    Statistics that adapt are those of all takes of the person, unlabelled.

    Args:
        longest_s: most of a take that is read.
    """
    frames = dict(frames_of_takes(recognizer, takes, longest_s))
    for subject in sorted({take.subject for take in takes}):
        own = [row for row, take in enumerate(takes) if take.subject == subject]
        every = torch.cat([frames[row] for row in own])
        totals = (every.double().sum(0), every.double().square().sum(0))
        for first in range(0, len(own), TOGETHER):
            rows = own[first : first + TOGETHER]
            lengths = torch.tensor([len(frames[row]) for row in rows])
            together = pad_sequence([frames[row] for row in rows], batch_first=True)
            state = recognizer.normalize.start(len(rows), torch.float32, together.device)
            if recognizer.config.normalize.kind == "adaptive":
                count = torch.full((len(rows),), float(len(every)), dtype=torch.float64, device=every.device)
                state = recognizer.normalize.heard(state, count, *(one.expand(len(rows), *one.shape) for one in totals))
            yield rows, *recognizer.normalize(together, lengths.to(together.device), state)


def _few(takes: Sequence[Take]) -> list[Take]:
    """Return at most MOST_TAKES of a label, drawn alike for every run."""
    by_label: dict[str, list[Take]] = {}
    for take in takes:
        by_label.setdefault(take.label, []).append(take)
    rng = np.random.default_rng(0)
    chosen = []
    for label in sorted(by_label):
        own = by_label[label]
        chosen += [own[i] for i in sorted(rng.permutation(len(own))[:MOST_TAKES])]
    return chosen
