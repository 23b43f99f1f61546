"""An encoder's options in, the encoder out: the one list of the kinds that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from emgasr.models.conformer import ConformerConfig, ConformerEncoder
from emgasr.models.encoder import Encoder, EncoderConfig, FrameShape
from emgasr.models.linear import LinearConfig, LinearEncoder
from emgasr.models.tds import TDSConfig, TDSEncoder


class EncoderKind(NamedTuple):
    """One kind of encoder: the dataclass of its options, and what builds it from (options, shape of frames)."""

    config: type[EncoderConfig]
    build: Callable[..., Encoder]


ENCODERS: dict[str, EncoderKind] = {
    "conformer": EncoderKind(ConformerConfig, ConformerEncoder),
    "tds": EncoderKind(TDSConfig, TDSEncoder),
    "linear": EncoderKind(LinearConfig, LinearEncoder),
}


def build_encoder(config: EncoderConfig, shape: FrameShape) -> Encoder:
    """Build the encoder that `config` describes, for frames of this shape."""
    return ENCODERS[config.kind].build(config, shape)
