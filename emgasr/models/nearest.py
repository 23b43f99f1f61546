"""Embeddings of frames in, logits of labels by likeness to an embedding of each out; linear heads beside."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from emgasr.errors import ConfigError
from emgasr.models.encoder import EncoderConfig
from emgasr.models.encoders.queries import QueriesConfig

HEADS = ("linear", "nearest")


class NearestHead(nn.Module):
    """Frames (B, F, parts * d), parts of unit length, to logits (B, F, V): likeness of the nearest part to each label.

    The blank is what resembles rest, if rest has an embedding, or no label enough.

    Attributes:
        weight: (V, d) embedding of each label, as long as likeness counts; zero where the blank has none.
        floor: (1,) likeness below which a frame is none of the labels, counted as `weight`.
    """

    def __init__(self, parts: int, width: int, vocabulary: int) -> None:
        super().__init__()
        self.parts = parts
        self.weight = nn.Parameter(torch.zeros(vocabulary, width))
        self.floor = nn.Parameter(torch.zeros(1))

    def forward(self, hidden: Tensor) -> Tensor:
        likeness = (hidden.unflatten(-1, (self.parts, -1)) @ self.weight.T).amax(-2)
        rest = torch.where((self.weight[0] == 0).all(), self.floor, torch.maximum(likeness[..., :1], self.floor))
        return torch.cat([rest.expand(*likeness.shape[:-1], 1), likeness[..., 1:]], -1)


def build_head(kind: str, encoder: EncoderConfig, width: int, vocabulary: int) -> nn.Linear | NearestHead:
    """Build the head of a recognizer on torch's default device.

    Raises:
        ConfigError: likeness is asked for of an encoder that gives no embeddings.
    """
    if kind == "linear":
        return nn.Linear(width, vocabulary)
    if not isinstance(encoder, QueriesConfig):
        wrong = f"is nearest, and the encoder is {encoder.kind}"
        raise ConfigError("head", wrong, "choose linear, or encoder.kind queries")
    return NearestHead(encoder.parts, encoder.embedding, vocabulary)
