"""Hidden frames in; how well the network guesses which of a codebook's frames they were, out.

Targets are discrete: what is asked for is which of a few hundred kinds of frame this was, not each of its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.models.conformer import ConformerEncoder
from emgasr.models.encoder import Encoded
from emgasr.models.mixers import PLACES
from emgasr.pretraining.objectives.contract import Heard, MaskConfig, Pretext, of_groups
from emgasr.pretraining.quantizer import Quantizer, QuantizerConfig
from emgasr.state import frame_mask

PROJECTED = 16  # dimensions of the random projection, as in BEST-RQ (arXiv 2202.01855)
USE_DECAY = 0.99  # of the share of each target, a batch


@dataclass(frozen=True)
class MaskedTargetsConfig:
    """Guess which of a codebook's frames hidden frames were.

    Args:
        weight: of the loss; 0 leaves the objective out.
        targets: what the codebook is of. clusters: the spectral frames (HuBERT's first round, arXiv 2106.07447).
            projection: random vectors, behind a random projection (BEST-RQ).
        own_layers_at: step from which the codebook is of the frames of the encoder itself, as it was `follow_steps`
            before, when it sees everything (HuBERT's later rounds); 0: never.
        follow_steps: steps for which a codebook follows its frames before it is fixed: targets must not move.
        mask: which frames are hidden.
        book: the codebook.
    """

    weight: Annotated[float, Within(0, 1000)] = 0.0
    targets: Literal["clusters", "projection"] = "clusters"
    own_layers_at: Annotated[int, Within(0, 1e9)] = 0
    follow_steps: Annotated[int, Within(1, 1e9)] = 100
    mask: MaskConfig = field(default_factory=MaskConfig)
    book: QuantizerConfig = field(default_factory=QuantizerConfig)

    def __post_init__(self) -> None:
        check_within(self, "targets")


class MaskedTargets(Pretext):
    """Cross-entropy of the hidden frames' codes, guessed from the frames (B, F', D) of an encoder like `encoder`."""

    share: Tensor
    projection: Tensor

    def __init__(self, config: MaskedTargetsConfig, encoder: ConformerEncoder, bins: int) -> None:
        super().__init__()
        self.config = config
        width = encoder.width
        self.guess = nn.Linear(width, config.book.codes)
        size = PLACES * bins
        self.spectral = Quantizer(config.book, PROJECTED if config.targets == "projection" else size)
        self.own = Quantizer(config.book, width) if config.own_layers_at else None
        self.teacher = nn.Module()  # the encoder as it was when its own layers became the targets
        for name, value in encoder.named_parameters() if config.own_layers_at else ():
            self.teacher.register_buffer(name.replace(".", "/"), torch.zeros_like(value))
        self.register_buffer("projection", torch.randn(size, PROJECTED) / size**0.5)
        self.register_buffer("share", torch.zeros(config.book.codes))

    def forward(self, heard: Heard, step: int) -> dict[str, Tensor]:
        stride = heard.encoder.stride
        valid = frame_mask(heard.lengths // stride, heard.frames.shape[1] // stride)
        codes = self._codes(heard, valid, step)
        hidden = self.config.mask.draw(heard.lengths, heard.frames.shape[1], heard.rate_hz, stride)
        guessed = of_groups(hidden, stride) & valid
        logits = self.guess(heard.encoder(heard.frames, heard.lengths, hidden).hidden[guessed])
        total = functional.cross_entropy(logits, codes[guessed], reduction="sum")
        return {"targets": self.config.weight * total / guessed.sum().clamp(min=1)}

    def figures(self) -> Mapping[str, float]:
        share = self.share / self.share.sum().clamp(min=1e-12)
        perplexity = float((-(share * share.clamp(min=1e-12).log()).sum()).exp())
        return {"target_perplexity": perplexity, "targets_used": float((share > 0.1 / len(share)).float().mean())}

    @torch.no_grad()
    def _codes(self, heard: Heard, valid: Tensor, step: int) -> Tensor:
        """Return the code of each hidden frame of the encoder, (B, F')."""
        config, image = self.config, heard.image.flatten(2)
        random = config.targets == "projection"
        frames = image @ self.projection if random else image
        self.spectral.train(self.training and not random and step < config.follow_steps)
        codes = valid.new_zeros(valid.shape, dtype=torch.long)
        codes[valid] = self.spectral(frames[valid]).codes
        taught_at = max(0, config.own_layers_at - config.follow_steps)
        if self.own is not None and step >= taught_at:
            if self.training and step == taught_at:
                for name, value in heard.encoder.named_parameters():
                    self.teacher.get_buffer(name.replace(".", "/")).copy_(value)
            self.own.train(self.training and step < config.own_layers_at)
            own = self.own(self._taught(heard)[valid]).codes
            if step >= config.own_layers_at:
                codes[valid] = own
        if self.training:
            counts = functional.one_hot(codes[valid], len(self.share)).sum(0).to(self.share.dtype)
            self.share.lerp_(counts, 1 - USE_DECAY)
        return codes

    def _taught(self, heard: Heard) -> Tensor:
        """Return what the encoder as it was makes of the frames, (B, F', D)."""
        weights = {name.replace("/", "."): value for name, value in self.teacher.named_buffers()}
        encoder, training = heard.encoder, heard.encoder.training
        encoder.eval()
        found: Encoded = functional_call(encoder, weights, (heard.frames, heard.lengths))
        encoder.train(training)
        return found.hidden
