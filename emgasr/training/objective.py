"""A padded batch in; the losses that training minimizes out: CTC, intermediate CTC, and frames against known times."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.data.augment import THIRDS, Augment, AugmentConfig
from emgasr.data.batches import Batch
from emgasr.errors import ConfigError, DataError
from emgasr.frontend.normalize import NormalizeState
from emgasr.models.recognizer import Recognizer
from emgasr.state import frame_mask
from emgasr.training.contracts import Objective
from emgasr.training.session_start import SessionStart


@dataclass(frozen=True)
class CTCConfig:
    """What is minimized: CTC, with two aids.

    Args:
        ctc_weight: weight of CTC itself; 0 for gestures that are held, of which the frame-level loss says all.
        intermediate_weight: weight of the intermediate CTC loss (0.3 in arXiv 2102.03216).
        frame_weight: weight of the frame-level loss from the known times of keys or takes.
        frame_head: where that loss is taken. shared: on the emissions themselves, right for keys, which are held for a
            few frames. own: on a head used in training only, right for takes of seconds, where CTC wants a single peak
            and a label held throughout would flicker.
        frame_from: share of a label's duration that passes before it is expected; blank until then. Above 0 the network
            listens to most of a take before it writes, and is late by as much.
        ctc_ramp_steps: steps over which the CTC losses grow from nothing to their weight; until then the frame-level
            loss leads, and training does not sit on blanks.
    """

    ctc_weight: Annotated[float, Within(0, 1000)] = 1.0
    intermediate_weight: Annotated[float, Within(0, 1000)] = 0.3
    frame_weight: Annotated[float, Within(0, 1000)] = 0.3
    frame_head: Literal["shared", "own"] = "shared"
    frame_from: Annotated[float, Within(0, 1)] = 0.0
    ctc_ramp_steps: Annotated[int, Within(0, 1e9)] = 150

    def __post_init__(self) -> None:
        check_within(self, "objective")
        if not (self.ctc_weight or self.frame_weight):
            raise ConfigError("objective", "ctc_weight and frame_weight are 0: nothing trains the output", "raise one")
        if not self.ctc_weight and self.frame_head == "own":
            wrong = "is own, and ctc_weight 0: nothing trains the emissions"
            raise ConfigError("objective.frame_head", wrong, "set it to shared, or raise ctc_weight")


class CTCObjective(Objective[Recognizer]):
    """CTC per label, intermediate CTC, and a frame-level cross-entropy from known times, on varied batches."""

    def __init__(
        self,
        recognizer: Recognizer,
        config: CTCConfig,
        augment: AugmentConfig,
        session_start: SessionStart | None = None,
    ) -> None:
        super().__init__()
        self.recognizer = recognizer
        self.config = config
        self.session_start = session_start
        width, symbols = recognizer.encoder.width, len(recognizer.tokens)
        self.frame_head = nn.Linear(width, symbols) if config.frame_head == "own" else None
        rings = [band.ring for band in recognizer.signal.bands]
        shape = (len(rings), recognizer.features.electrodes, recognizer.features.bins)
        self.augment = Augment(augment, recognizer.signal.rate_hz, rings, shape)

    @property
    def model(self) -> Recognizer:
        return self.recognizer

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Measure how the takes of a label differ, if the augmentation draws from it (`spread`)."""
        if self.augment.config.fitted:
            device = self.recognizer.head.weight.device
            self.cpu()._fit_spread(batches)
            self.to(device)

    @torch.no_grad()
    def _fit_spread(self, batches: Iterable[Batch]) -> None:
        model, takes, labels = self.recognizer, [], []
        for batch in batches:
            frames, lengths = model.features(batch.samples, batch.lengths)
            frames, _ = model.normalize(frames, lengths, self._begun(batch))
            held, place = self._held(batch, lengths, frames.shape[1])
            third = torch.stack([(place * THIRDS).floor().clamp(max=THIRDS - 1) == i for i in range(THIRDS)], 2)
            parts = held[:, :, None] & third  # (B, L, 3, F)
            for row, label in held.any(2).nonzero().tolist():
                whole = held[row, label]
                # A take of one or two frames has them in each third that has none.
                thirds = [frames[row, part if part.any() else whole].mean(0) for part in parts[row, label]]
                takes.append(torch.stack(thirds))
                labels.append(int(batch.targets[row, label]))
        if not takes:
            raise DataError("augment.spread", "no take lasts a frame", "set it and take_spread to 0")
        self.augment.fit(torch.stack(takes), torch.tensor(labels))

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted losses of a batch; those of CTC grow to their weight over the ramp."""
        ctc_share = self._ctc_share(step)
        model = self.recognizer
        samples = self.augment.samples(batch.samples, batch.lengths)
        with (
            torch.no_grad(),
            torch.autocast(samples.device.type, enabled=False),
        ):  # powers span more than bfloat16 tells
            frames, lengths = model.features(samples, batch.lengths)
        frames, lengths = model.normalize(frames, lengths, self._begun(batch))
        takes = self._takes(batch, lengths, frames.shape[1]) if self.augment.config.take_spread else None
        hidden, lengths, intermediate = model.encoded(self.augment.frames(frames, lengths, takes), lengths)
        log_probs = model.log_probs(hidden)
        losses = {}
        counts = lengths.cpu(), batch.target_lengths.cpu()  # CTC wants them there: one wait for a GPU, not one a loss
        if self.config.ctc_weight:
            losses["ctc"] = ctc_share * self.config.ctc_weight * _ctc(log_probs, *counts, batch.targets)
        if self.config.intermediate_weight and intermediate:
            weight = ctc_share * self.config.intermediate_weight
            each = [_ctc(model.log_probs(middle), *counts, batch.targets) for middle in intermediate]
            losses["intermediate"] = weight * torch.stack(each).mean()
        if self.config.frame_weight:
            held = log_probs
            if self.frame_head is not None:
                held = torch.log_softmax(self.frame_head(hidden).float(), dim=-1)
            losses["frame"] = self.config.frame_weight * self._frame_loss(held, lengths, batch)
        return losses

    def _held(self, batch: Batch, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """(B, L, F) bool: the frames whose window's middle lies within each label; and how far through it that is."""
        features = self.recognizer.features
        frame = torch.arange(count, device=lengths.device)
        times = (frame * features.hop + features.window / 2) / features.rate_hz
        onset, offset = batch.onset_s[..., None], batch.offset_s[..., None]
        held = (times >= onset) & (times < offset) & frame_mask(lengths, count)[:, None]
        held = held & frame_mask(batch.target_lengths, batch.targets.shape[1])[..., None]
        return held, ((times - onset) / (offset - onset).clamp(min=1e-6)).clamp(0, 1)

    def _takes(self, batch: Batch, lengths: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """(B, F) which label each frame lies within, from 1, 0 for none; and how far through it."""
        held, place = self._held(batch, lengths, count)
        which = (held * torch.arange(1, held.shape[1] + 1, device=held.device)[:, None]).amax(1)
        return which, place.gather(1, (which - 1).clamp(min=0)[:, None])[:, 0]

    def _begun(self, batch: Batch) -> NormalizeState | None:
        return None if self.session_start is None else self.session_start.state(self.recognizer, batch.worn)

    def _ctc_share(self, step: int) -> float:
        if not self.config.frame_weight:
            return 1.0
        return min(1.0, (step + 1) / max(1, self.config.ctc_ramp_steps))

    def _frame_loss(self, log_probs: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy per label, as CTC's, against what is held at each frame: a label, or blank between labels.

        The network learns from it at once how labels differ; CTC alone finds it late, from a plateau of blanks.
        """
        frames = log_probs.shape[1]
        times = torch.from_numpy(self.recognizer.frame_times_s(frames)).to(log_probs.device, torch.float32)
        frame_s = 1.0 / self.recognizer.frame_rate_hz
        offset = torch.maximum(batch.offset_s, batch.onset_s + frame_s)
        # Between two equal labels that touch there must be a blank, or they would collapse to one.
        touching = (batch.targets[:, 1:] == batch.targets[:, :-1]) & (batch.onset_s[:, 1:] - offset[:, :-1] < frame_s)
        offset[:, :-1] -= frame_s * touching
        onset = batch.onset_s + self.config.frame_from * (offset - batch.onset_s)
        inside = (times[None, :, None] >= onset[:, None]) & (times[None, :, None] < offset[:, None])
        inside &= frame_mask(batch.target_lengths, batch.targets.shape[1])[:, None]
        latest = (inside * torch.arange(1, inside.shape[2] + 1, device=inside.device)).amax(dim=2)  # 0 where none
        labels = batch.targets.gather(1, (latest - 1).clamp(min=0)).masked_fill(latest == 0, 0)
        labels = labels.masked_fill(~frame_mask(lengths, frames), -100)
        total = functional.nll_loss(log_probs.flatten(0, 1), labels.flatten(), reduction="sum")
        return total / batch.target_lengths.sum().clamp(min=1)


def _ctc(log_probs: Tensor, lengths: Tensor, target_lengths: Tensor, targets: Tensor) -> Tensor:
    """CTC per label of log-probabilities (B, F, V); both lengths (B,) lie on the CPU."""
    if not log_probs.shape[1]:  # all shorter than an output frame: no alignment, which counts nothing below either
        return log_probs.sum()
    total = functional.ctc_loss(
        log_probs.transpose(0, 1),
        targets,
        lengths,
        target_lengths,
        blank=0,
        reduction="sum",
        zero_infinity=True,
    )
    return total / max(1, int(target_lengths.sum()))
