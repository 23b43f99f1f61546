"""Hidden frames in; how far the network's guess of their features is off, out: TinyMyo's objective, the baseline."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.models.conformer import ConformerEncoder
from emgasr.models.mixers import PLACES
from emgasr.pretraining.objectives.contract import Heard, MaskConfig, Pretext, of_groups
from emgasr.state import frame_mask


@dataclass(frozen=True)
class MaskedReconstructionConfig:
    """Guess the features of hidden frames (smooth L1; TinyMyo hides half and counts what is seen a tenth).

    Args:
        weight: of the loss; 0 leaves the objective out.
        visible: weight of the frames that are seen, beside those that are hidden.
        mask: which frames are hidden.
    """

    weight: Annotated[float, Within(0, 1000)] = 0.0
    visible: Annotated[float, Within(0, 1)] = 0.1
    mask: MaskConfig = field(default_factory=lambda: MaskConfig(share=0.5))

    def __post_init__(self) -> None:
        check_within(self, "reconstruction")


class MaskedReconstruction(Pretext):
    """Smooth L1 between features at equal angles and a linear guess of them from the encoder's frames (B, F', D)."""

    def __init__(self, config: MaskedReconstructionConfig, encoder: ConformerEncoder, bins: int) -> None:
        super().__init__()
        self.config = config
        self.guess = nn.Linear(encoder.width, PLACES * bins)

    def forward(self, heard: Heard, step: int) -> dict[str, Tensor]:
        stride = heard.encoder.stride
        hidden = self.config.mask.draw(heard.lengths, heard.frames.shape[1], heard.rate_hz, stride)
        encoded = heard.encoder(heard.frames, heard.lengths, hidden)
        wrong = functional.smooth_l1_loss(self.guess(encoded.hidden), heard.image.flatten(2), reduction="none").mean(2)
        guessed = of_groups(hidden, stride)
        seen = frame_mask(encoded.lengths, wrong.shape[1]) & ~guessed
        parts = ((guessed, 1.0), (seen, self.config.visible))
        losses = [share * (wrong * where).sum() / where.sum().clamp(min=1) for where, share in parts]
        return {"reconstruction": self.config.weight * (losses[0] + losses[1])}
