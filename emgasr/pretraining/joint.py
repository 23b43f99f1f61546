"""Labelled corpora of several layouts in; batches of one at a time, and the losses of all through one encoder, out.

Supervised training over the labels of many corpora at once: each has a head of its own, none knows the others' labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from emgasr.data.batches import Batch
from emgasr.models.recognizer import Recognizer
from emgasr.pretraining.readers import Readers
from emgasr.training.contracts import BatchSampler, Judgement, Objective, Validator
from emgasr.training.objective import CTCObjective


class JointSampler:
    """Batches of one corpus each, drawn at random with the given shares."""

    def __init__(self, samplers: Sequence[BatchSampler], shares: Sequence[float], seed: int) -> None:
        self.samplers, self.seed = samplers, seed
        total = float(sum(shares))
        self.shares = [share / total for share in shares]

    def batch(self, step: int) -> Batch:
        """Return batch number `step`, which says whose it is."""
        place = int(np.random.default_rng((self.seed, 2, step)).choice(len(self.samplers), p=self.shares))
        return replace(self.samplers[place].batch(step), reader=torch.tensor(place))


class JointObjective(Objective[Readers]):
    """The losses of the corpus that a batch is of, through the encoder that all share."""

    def __init__(self, readers: Readers, objectives: Sequence[CTCObjective]) -> None:
        super().__init__()
        self.readers = readers
        self.objectives = nn.ModuleList(objectives)

    @property
    def model(self) -> Readers:
        return self.readers

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Measure for each corpus how the takes of a label differ, if the augmentation draws from it."""
        drawn: list[list[Batch]] = [[] for _ in self.objectives]
        for batch in batches:
            drawn[int(batch.reader)].append(batch)
        for objective, own in zip(self.objectives, drawn, strict=True):
            if own:
                cast(CTCObjective, objective).prepare(own)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted losses of a batch of one corpus."""
        return cast(CTCObjective, self.objectives[int(batch.reader)])(batch, step)


class JointValidator:
    """Judges each corpus by its own validator; `error`, which chooses, is the mean over corpora."""

    chooses = "error"

    def __init__(self, validators: Sequence[tuple[str, Validator[Recognizer]]]) -> None:
        self.validators = validators

    def __call__(self, model: Readers) -> Judgement:
        figures = {}
        for (name, validate), recognizer in zip(self.validators, model, strict=True):
            figures[name] = validate(recognizer).figures[validate.chooses]
        return Judgement({**figures, self.chooses: sum(figures.values()) / len(figures)})
