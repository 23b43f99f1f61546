"""The contract of objectives without labels: the frames of a batch and the encoder that reads them in, losses out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple, cast

import torch
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.data.batches import Batch
from emgasr.models.conformer import ConformerEncoder
from emgasr.models.mixers import AnyMixer
from emgasr.state import frame_mask


class Heard(NamedTuple):
    """Frames of one layout, and the encoder that reads it.

    Args:
        encoder: whose weights are trained.
        frames: (B, F, N, E, K) normalized.
        lengths: (B,) number of valid frames.
        rate_hz: frames a second.
        batch: what the frames are of; times of events where the objective asked for them.
    """

    encoder: ConformerEncoder
    frames: Tensor
    lengths: Tensor
    rate_hz: float
    batch: Batch

    @property
    def image(self) -> Tensor:
        """What every layout has of each hidden frame: (B, F', PLACES, K), the mean over the frames of its group."""
        stride = self.encoder.stride
        image = cast(AnyMixer, self.encoder.mixer).image(self.frames)
        count = image.shape[1] // stride
        return image[:, : count * stride].unflatten(1, (count, stride)).mean(2)


class Pretext(nn.Module, ABC):
    """An objective that needs no label; a label is ignored.

    Randomness comes from torch's global generator, which training seeds by the step. What is measured on the way is in
    buffers, so that a resumed run repeats the one that was stopped.
    """

    @abstractmethod
    def forward(self, heard: Heard, step: int) -> dict[str, Tensor]:
        """Return the weighted parts of the loss of a batch at `step` (from 0)."""

    def figures(self) -> Mapping[str, float]:
        """Return what the log shows of it beside the losses."""
        return {}


@dataclass(frozen=True)
class MaskConfig:
    """Which frames are hidden, to be guessed from what comes before.

    Args:
        share: of the frames that are hidden.
        span_s: seconds that are hidden at once.
    """

    share: Annotated[float, Within(0, 0.95)] = 0.4
    span_s: Annotated[float, Within(0.001, 1e3)] = 0.5

    def __post_init__(self) -> None:
        check_within(self, "mask")

    def draw(self, lengths: Tensor, frames: int, rate_hz: float, stride: int) -> Tensor:
        """Return (B, F) bool, in whole groups of `stride` frames: what is hidden of items of `lengths` (B,) frames."""
        groups = -(-frames // stride)
        span = max(1, round(self.span_s * rate_hz / stride))
        # A group is hidden if one of `span` starts before it is drawn: 1 - (1 - p) ** span = share.
        starts = torch.rand(len(lengths), groups + span - 1) < 1 - (1 - self.share) ** (1 / span)
        hidden = starts.unfold(1, span, 1).any(2)[:, :groups].to(lengths.device)
        return hidden.repeat_interleave(stride, 1)[:, :frames] & frame_mask(lengths, frames)


def of_groups(hidden: Tensor, stride: int) -> Tensor:
    """Return (B, F') bool: the hidden frames of the encoder whose frames are hidden, given those (B, F)."""
    count = hidden.shape[1] // stride
    return hidden[:, : count * stride].unflatten(1, (count, stride)).all(2)
