"""Recognizers small enough for every test: 200 Hz, two rings of four electrodes (as miniatures), 50 frames a second."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from emgasr.encoders.conformer import ConformerConfig
from emgasr.encoders.linear import LinearConfig
from emgasr.encoders.tds import TDSConfig
from emgasr.features import LogSpectrogramConfig
from emgasr.normalize import NormalizeConfig
from emgasr.recognizer import EncoderConfig, Recognizer, RecognizerConfig, Signal
from emgasr.recording import Band
from emgasr.tokens import Tokens

RATE_HZ = 200.0
BANDS = (Band.numbered("left", 4, ring=True), Band.numbered("right", 4, ring=True))
CONFORMER = ConformerConfig(
    width=8,
    blocks=2,
    heads=2,
    kernel=3,
    mixer_channels=4,
    subsampling=2,
    chunk_frames=2,
    left_chunks=2,
    intermediate_block=1,
    dropout=0.0,
)
TDS = TDSConfig(mlp_width=6, channels=3, kernel=4, blocks=2)
ENCODERS: dict[str, EncoderConfig] = {"conformer": CONFORMER, "tds": TDS, "linear": LinearConfig(context_frames=3)}
NORMALIZATIONS = {
    "none": NormalizeConfig("none"),
    "cumulative": NormalizeConfig("cumulative", warmup_frames=10),
    "warmup": NormalizeConfig("warmup", warmup_frames=10),
    "exponential": NormalizeConfig("exponential", warmup_frames=1, half_life_s=0.5),
    "fixed": NormalizeConfig("fixed"),
}


def tiny_recognizer(encoder: str = "conformer", normalize: str = "none", **changes: Any) -> Recognizer:
    """An untrained recognizer of the keys a, b and backspace whose emissions are far from uniform."""
    torch.manual_seed(3)
    config = RecognizerConfig(
        LogSpectrogramConfig(window_ms=40, hop_ms=20),
        NORMALIZATIONS[normalize],
        changes.pop("config", ENCODERS[encoder]),
    )
    tokens = changes.pop("tokens", Tokens.keystrokes(["a", "b", "Key.backspace"]))
    signal = Signal(changes.pop("rate_hz", RATE_HZ), changes.pop("unit", "uV"), changes.pop("bands", BANDS))
    recognizer = Recognizer(config, signal, tokens)
    for name, parameter in recognizer.named_parameters():
        if "distance_bias" in name or "head" in name:
            nn.init.normal_(parameter)  # so that positions matter and frames differ
    return recognizer.eval()
