"""Batches of several corpora in, labelled or not; the losses of all objectives through one encoder out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from emgasr.data.augment import Augment
from emgasr.data.batches import Batch
from emgasr.models.conformer import ConformerEncoder
from emgasr.pretraining.labelled import LabelledObjective
from emgasr.pretraining.objectives.contract import Heard, Pretext
from emgasr.pretraining.readers import Readers
from emgasr.training.contracts import BatchSampler, Objective
from emgasr.training.session_start import SessionStart


class MixedSampler:
    """Batches of one corpus each: drawn at random with the given shares, labelled ones with that of `labelled`.

    `reader` of a batch is the place of its corpus; where no label is to be read, less the number of corpora.
    """

    def __init__(
        self,
        takes: Sequence[BatchSampler | None],
        stretches: Sequence[BatchSampler | None],
        shares: Sequence[float],
        labelled: float,
        seed: int,
    ) -> None:
        self.samplers: list[tuple[int, BatchSampler]] = []
        weights = []
        for place, (with_labels, without, share) in enumerate(zip(takes, stretches, shares, strict=True)):
            for number, sampler, part in (
                (place, with_labels, labelled if without else 1.0),
                (place - len(takes), without, 1 - labelled if with_labels else 1.0),
            ):
                if sampler is not None and part:
                    self.samplers.append((number, sampler))
                    weights.append(share * part)
        self.weights = np.array(weights) / sum(weights)
        self.seed = seed

    def batch(self, step: int) -> Batch:
        """Return batch number `step`."""
        chosen = np.random.default_rng((self.seed, 2, step)).choice(len(self.samplers), p=self.weights)
        place, sampler = self.samplers[int(chosen)]
        return replace(sampler.batch(step), reader=torch.tensor(place))


class PretrainObjective(Objective[Readers]):
    """The losses of labelled batches, and those of the objectives without labels of the others.

    Args:
        readers: a recognizer for each corpus, with one encoder.
        labelled: the losses of each corpus' labels; None of one that is read without them.
        pretexts: objectives without labels, by name.
        augment: how frames without labels are varied, for each corpus.
        starts: what stretches of each corpus begin with; None: the training set's statistics.
    """

    def __init__(
        self,
        readers: Readers,
        labelled: Sequence[LabelledObjective | None],
        pretexts: Mapping[str, Pretext],
        augment: Sequence[Augment],
        starts: Sequence[SessionStart | None],
    ) -> None:
        super().__init__()
        self.readers = readers
        self.labelled = nn.ModuleDict({str(i): one for i, one in enumerate(labelled) if one is not None})
        self.pretexts = nn.ModuleDict(pretexts)
        self.augment = nn.ModuleList(augment)
        self.starts = starts

    @property
    def model(self) -> Readers:
        return self.readers

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted losses of a batch of one corpus."""
        place = int(batch.reader)
        if place >= 0:
            return cast(LabelledObjective, self.labelled[str(place)])(batch, step)
        heard = self.heard(batch, place % len(self.readers))
        losses: dict[str, Tensor] = {}
        for pretext in self.pretexts.values():
            losses |= cast(Pretext, pretext)(heard, step)
        return losses

    def heard(self, batch: Batch, place: int) -> Heard:
        """Return the frames of a batch of a corpus, varied and normalized."""
        recognizer = self.readers[place]
        samples = cast(Augment, self.augment[place]).samples(batch.samples, batch.lengths)
        with torch.no_grad():
            frames, lengths = recognizer.features(samples, batch.lengths)
        start = self.starts[place]
        begun = None if start is None else start.state(recognizer, batch.worn)
        frames, lengths = recognizer.normalize(frames, lengths, begun)
        encoder = cast(ConformerEncoder, recognizer.encoder)
        return Heard(encoder, frames, lengths, recognizer.features.frame_rate_hz, batch)

    def figures(self) -> dict[str, float]:
        """Return what the log shows of the objectives without labels."""
        found: dict[str, float] = {}
        for pretext in self.pretexts.values():
            found |= cast(Pretext, pretext).figures()
        return found
