"""An encoder's options in, the encoder out: the one list of the kinds that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import nn

from emgasr.errors import ConfigError
from emgasr.models.conformer import ConformerConfig, ConformerEncoder
from emgasr.models.encoder import Encoder, EncoderConfig, FrameShape
from emgasr.models.encoders.cnn import CNNConfig, CNNEncoder
from emgasr.models.encoders.gru import GRUConfig, GRUEncoder
from emgasr.models.encoders.patch_transformer import PatchTransformerConfig, PatchTransformerEncoder
from emgasr.models.encoders.queries import NearestHead, QueriesConfig, QueriesEncoder
from emgasr.models.encoders.tcn import TCNConfig, TCNEncoder
from emgasr.models.linear import LinearConfig, LinearEncoder
from emgasr.models.tds import TDSConfig, TDSEncoder


class EncoderKind(NamedTuple):
    """One kind of encoder: the dataclass of its options, and what builds it from (options, shape of frames)."""

    config: type[EncoderConfig]
    build: Callable[..., Encoder]


ENCODERS: dict[str, EncoderKind] = {
    "conformer": EncoderKind(ConformerConfig, ConformerEncoder),
    "tds": EncoderKind(TDSConfig, TDSEncoder),
    "tcn": EncoderKind(TCNConfig, TCNEncoder),
    "gru": EncoderKind(GRUConfig, GRUEncoder),
    "cnn": EncoderKind(CNNConfig, CNNEncoder),
    "patch_transformer": EncoderKind(PatchTransformerConfig, PatchTransformerEncoder),
    "queries": EncoderKind(QueriesConfig, QueriesEncoder),
    "linear": EncoderKind(LinearConfig, LinearEncoder),
}


def build_encoder(config: EncoderConfig, shape: FrameShape) -> Encoder:
    """Build the encoder that `config` describes, for frames of this shape."""
    return ENCODERS[config.kind].build(config, shape)


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
    return NearestHead(encoder.parts, encoder.part_width, vocabulary)
