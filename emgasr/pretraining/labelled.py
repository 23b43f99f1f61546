"""Labelled takes in; batches of their frames, labels and people drawn alike, and a reader's losses on them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.data.augment import Augment
from emgasr.data.batches import Batch
from emgasr.data.compose import Take
from emgasr.data.take_frames import frames_of_takes
from emgasr.errors import DataError
from emgasr.models.recognizer import Recognizer
from emgasr.state import frame_mask
from emgasr.training.session_start import SessionStart, totals_of


@dataclass(frozen=True)
class LabelledConfig:
    """Labelled takes of held gestures, of which any second is as good as the whole.

    Args:
        batch_size: takes a batch.
        longest_s: most of a take at once, a stretch of it at random.
        worn_s: most seconds of its session that a take begins with the running statistics of, as if the device had been
            worn so long; 0: each begins as a device just put on. For adaptive normalization.
        take_weight: weight of the loss of a whole take, read by the mean of its frames, against that of each frame.
        smoothing: share of a label's weight that is spread over all labels.
    """

    batch_size: Annotated[int, Within(1, 1e6)] = 64
    longest_s: Annotated[float, Within(0.01, 1e5)] = 1.6
    worn_s: Annotated[float, Within(0, 1e6)] = 300.0
    take_weight: Annotated[float, Within(0, 1)] = 0.5
    smoothing: Annotated[float, Within(0, 0.9)] = 0.05

    def __post_init__(self) -> None:
        check_within(self, "takes")


class TakeSampler:
    """Batches of stretches of takes as frames: labels are drawn alike, then the people who have them, then their takes.

    Frames are made once, and kept as 16-bit floats. `samples` of a batch are frames (B, F, N, E, K); each has one
    target.

    Args:
        recognizer: whose features and tokens.
        takes: labelled ones.
        config: how they make batches.
        seed: of the draws.
        least_labels: labels that there must be.

    Attributes:
        sessions: the takes of each session.
        totals: of each session's frames, as `SessionStart` takes them.
        taken: places of the takes that last a frame, among those given.
        too_short: takes that last no frame, and are in no batch.
    """

    def __init__(
        self, recognizer: Recognizer, takes: Sequence[Take], config: LabelledConfig, seed: int, least_labels: int = 2
    ) -> None:
        self.seed, self.size = seed, config.batch_size
        self.most = max(1, round(config.longest_s * recognizer.features.frame_rate_hz))
        sessions = {(take.subject, take.session): place for place, take in enumerate(takes)}
        self.sessions: dict[tuple[str, str], list[Take]] = {session: [] for session in sessions}
        places = {session: place for place, session in enumerate(self.sessions)}
        made = dict(frames_of_takes(recognizer, takes))
        drawn: dict[int, dict[str, list[int]]] = {}
        self.frames: list[np.ndarray] = []
        self.worn: list[int] = []
        self.taken: list[int] = []
        together: list[list[Tensor]] = [[] for _ in places]
        for number, take in enumerate(takes):
            self.sessions[take.subject, take.session].append(take)
            found = made.pop(number).cpu()
            together[places[take.subject, take.session]].append(found)
            own = found.numpy().astype(np.float16)
            if len(own):
                label = recognizer.tokens.ids([take.label])[0]
                drawn.setdefault(label, {}).setdefault(take.subject, []).append(len(self.frames))
                self.frames.append(own)
                self.taken.append(number)
                self.worn.append(places[take.subject, take.session])
        self.totals = [totals_of(session) for session in together]
        self.too_short = len(takes) - len(self.frames)
        if len(drawn) < least_labels:
            wrong = f"{len(self.frames)} of {len(takes)} takes last a frame"
            raise DataError("labelled takes", wrong, "shorten features.window_ms, or leave the corpus out")
        self.labels = sorted(drawn)
        self.people = [list(drawn[label].values()) for label in self.labels]

    def batch(self, step: int) -> Batch:
        """Return batch number `step`."""
        rng = np.random.default_rng((self.seed, 3, step))
        labels = rng.integers(len(self.labels), size=self.size)
        chosen = []
        for label in labels:
            people = self.people[label]
            takes = people[rng.integers(len(people))]
            chosen.append(takes[rng.integers(len(takes))])
        lengths = [min(len(self.frames[take]), self.most) for take in chosen]
        padded = np.zeros((self.size, max(lengths), *self.frames[0].shape[1:]), np.float32)
        for row, (take, length) in enumerate(zip(chosen, lengths, strict=True)):
            first = rng.integers(len(self.frames[take]) - length + 1)
            padded[row, :length] = self.frames[take][first : first + length]
        times = torch.zeros(self.size, 1)
        return Batch(
            torch.from_numpy(padded),
            torch.tensor(lengths),
            torch.tensor([[self.labels[label]] for label in labels]),
            torch.ones(self.size, dtype=torch.long),
            times,
            times,
            torch.tensor([self.worn[take] for take in chosen]),
        )


class LabelledObjective(nn.Module):
    """Cross-entropy of a reader's frames, and of the takes that they make up."""

    def __init__(
        self,
        recognizer: Recognizer,
        config: LabelledConfig,
        augment: Augment,
        session_start: SessionStart | None = None,
    ) -> None:
        super().__init__()
        self.recognizer, self.config, self.session_start = recognizer, config, session_start
        self.augment = augment

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted losses of a batch of `TakeSampler`."""
        model = self.recognizer
        begun = None if self.session_start is None else self.session_start.state(model, batch.worn)
        frames, lengths = model.normalize(batch.samples, batch.lengths, begun)
        encoded = model.encoded(self.augment.frames(frames, lengths), lengths)
        scores = model.head(encoded.hidden).float()
        heard = frame_mask(encoded.lengths, scores.shape[1])
        share = heard / encoded.lengths.clamp(min=1)[:, None]
        labels, smoothing = batch.targets[:, 0], self.config.smoothing
        each = functional.cross_entropy(
            scores.transpose(1, 2),
            labels[:, None].expand(-1, scores.shape[1]),
            reduction="none",
            label_smoothing=smoothing,
        )
        whole = functional.cross_entropy((scores * share[..., None]).sum(1), labels, label_smoothing=smoothing)
        weight = self.config.take_weight
        return {"frame": (1 - weight) * (each * share).sum(1).mean(), "take": weight * whole}
