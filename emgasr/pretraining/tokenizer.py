"""Contractions in; tokens (which of a codebook's shapes each one is), with energy and duration beside them, out.

After AEMG (arXiv 2605.03462): an event of any length is one token. Its frames are brought to one number of steps and
z-scored, which takes its force away, so log energy and duration stay beside the code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.models.mixers import PLACES
from emgasr.pretraining.quantizer import Quantizer, QuantizerConfig


@dataclass(frozen=True)
class TokenizerConfig:
    """How an event becomes a token.

    Args:
        steps: to which the frames of an event are brought, whatever its length.
        width: of the networks that encode and decode an event.
        token_width: of a code's vector.
        book: the codebook.
    """

    steps: Annotated[int, Within(1, 1024)] = 8
    width: Annotated[int, Within(1, 4096)] = 64
    token_width: Annotated[int, Within(1, 4096)] = 32
    book: QuantizerConfig = field(default_factory=lambda: QuantizerConfig(codes=512))

    def __post_init__(self) -> None:
        check_within(self, "tokenizer")


class Tokenized(NamedTuple):
    """What n events are.

    Args:
        codes: (n,) numbers of their shapes.
        energy: (n,) mean over their normalized frames, which z-scoring takes away.
        loss: how far shapes decoded from their codes are off, and the commitment.
    """

    codes: Tensor
    energy: Tensor
    loss: Tensor


class EventTokenizer(nn.Module):
    """Shapes of events (n, steps, PLACES, K) to codes, and back."""

    def __init__(self, config: TokenizerConfig, bins: int) -> None:
        super().__init__()
        self.config, size = config, PLACES * bins
        self.size = size
        self.encode = nn.Sequential(
            nn.Conv1d(size, config.width, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(config.width, config.width, 3, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(config.steps * config.width, config.token_width),
        )
        self.quantizer = Quantizer(config.book, config.token_width)
        self.decode = nn.Sequential(
            nn.Linear(config.token_width, config.steps * config.width),
            nn.GELU(),
            nn.Unflatten(1, (config.width, config.steps)),
            nn.Conv1d(config.width, size, 3, padding=1),
        )

    def forward(self, shapes: Tensor) -> Tokenized:
        flat = shapes.flatten(2)
        energy = flat.mean((1, 2))
        shape = flat - energy[:, None, None]
        shape = shape / shape.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-3)
        if not len(shapes):
            return Tokenized(energy.long(), energy, energy.sum())
        found = self.quantizer(self.encode(shape.transpose(1, 2)))
        wrong = functional.mse_loss(self.decode(found.vectors).transpose(1, 2), shape)
        return Tokenized(found.codes, energy, wrong + found.commitment)

    def shapes(self, image: Tensor, rows: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """Return events (n, steps, PLACES, K) of frames (B, F, PLACES, K): of item `rows`, in [first, last) frames."""
        through = (torch.arange(self.config.steps, device=image.device) + 0.5) / self.config.steps
        place = (first[:, None] + (last - first)[:, None] * through).long().clamp(min=0)
        return image[rows[:, None], torch.minimum(place, (last - 1)[:, None].long())]
