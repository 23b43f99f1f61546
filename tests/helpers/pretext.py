"""A small encoder of any layout, for the tests of objectives without labels."""

from __future__ import annotations

import torch

from emgasr.models.conformer import ConformerConfig, ConformerEncoder
from emgasr.models.encoder import FrameShape

CONFIG = ConformerConfig(
    mixing="any",
    width=16,
    blocks=1,
    heads=2,
    kernel=3,
    mixer_channels=8,
    subsampling=2,
    chunk_frames=2,
    left_chunks=10,
    intermediate_block=0,
    dropout=0.0,
)
BINS = 5


def encoder(electrodes: int = 8) -> ConformerEncoder:
    """An encoder of one ring, untrained."""
    torch.manual_seed(0)
    return ConformerEncoder(CONFIG, FrameShape(1, electrodes, BINS))
