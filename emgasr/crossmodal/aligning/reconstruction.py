"""What queries found and half of a window's patches in; the error of guessing the other half out.

Masked pose reconstruction as EMBridge reports it: what is hidden of the pose has to be read from the muscles. Serves
training alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN = 0.5  # share of the patches
WIDTH, HEADS = 64, 4


class Reconstruction(nn.Module):
    """Guesses a teacher's embeddings of hidden patches (B, P, w) from visible ones and the parts (B, Q, d)."""

    def __init__(self, patches: int, teacher_width: int, width: int) -> None:
        super().__init__()
        self.patch = nn.Linear(teacher_width, WIDTH)
        self.part = nn.Linear(width, WIDTH)
        self.hidden = nn.Parameter(torch.zeros(WIDTH))
        self.places = nn.Parameter(0.02 * torch.randn(patches, WIDTH))
        self.layer = nn.TransformerDecoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, batch_first=True, norm_first=True)
        self.guess = nn.Linear(WIDTH, teacher_width)

    def forward(self, parts: Tensor, patches: Tensor) -> Tensor:
        """Return the mean of 1 - cosine over hidden patches; draws from torch's global generator of the CPU."""
        count, number, _ = patches.shape
        hidden = torch.rand(count, number).argsort(1).argsort(1) < max(1, round(HIDDEN * number))
        hidden = hidden.to(patches.device)
        tokens = torch.where(hidden[..., None], self.hidden, self.patch(patches)) + self.places
        guessed = self.guess(self.layer(tokens, self.part(parts)))
        return (1 - functional.cosine_similarity(guessed, patches, dim=-1))[hidden].mean()
