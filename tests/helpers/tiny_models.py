"""Recognizers small enough for every test: 200 Hz, two rings of four electrodes (as miniatures), 50 frames a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from emgasr.decoding import beam_search
from emgasr.frontend.features import (
    BandPowerConfig,
    FeaturesConfig,
    LogSpectrogramConfig,
    RawSamplesConfig,
    SpectralCovarianceConfig,
)
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.manifests.manifest import Manifest, write_manifest
from emgasr.models import registry
from emgasr.models.conformer import ConformerConfig
from emgasr.models.encoder import EncoderConfig
from emgasr.models.encoders.cnn import CNNConfig
from emgasr.models.encoders.gru import GRUConfig
from emgasr.models.encoders.patch_transformer import PatchTransformerConfig
from emgasr.models.encoders.queries import QueriesConfig
from emgasr.models.encoders.tcn import TCNConfig
from emgasr.models.folder import save_recognizer
from emgasr.models.linear import LinearConfig
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.models.tds import TDSConfig
from emgasr.recording import Band, Events, Recording, Signal, Spans
from emgasr.sessions.native import save_session
from emgasr.tokens import Tokens
from tests.helpers.miniatures import make_recording, native_entry

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
SPLASHNET = TDSConfig(mlp_width=6, channels=(3, 2), kernel=4, blocks=2, norm="none", shared=True)
ENCODERS: dict[str, EncoderConfig] = {
    "conformer": CONFORMER,
    "tds": TDS,
    "splashnet": SPLASHNET,
    "tcn": TCNConfig(width=8, blocks=2, dropout=0.0),
    "gru": GRUConfig(width=8, dropout=0.0),
    "cnn": CNNConfig(channels=(4, 6), width=8, dropout=0.0),
    "patch_transformer": PatchTransformerConfig(width=8, layers=2, heads=2, left_frames=4, dropout=0.0),
    "queries": QueriesConfig("queries", replace(CONFORMER, intermediate_block=0), 2, 4, 1, 2, 4, 0.0),
    "linear": LinearConfig(context_frames=3),
}
# A kind that has no row here is tested with its defaults.
ENCODERS |= {
    name: kind.config()
    for name, kind in registry.ENCODERS.items()
    if name not in {config.kind for config in ENCODERS.values()}
}
FEATURES: dict[str, FeaturesConfig] = {
    "log_spectrogram": LogSpectrogramConfig(window_ms=40, hop_ms=20),
    "band_power": BandPowerConfig(window_ms=60, hop_ms=15, edges_hz=(10.0, 40.0, 100.0)),
    "spectral_covariance": SpectralCovarianceConfig(window_ms=50, hop_ms=25, bands_hz=((0.0, 40.0), (30.0, 100.0))),
    "raw_samples": RawSamplesConfig(window_ms=40, hop_ms=20),
}
NORMALIZATIONS = {
    "none": NormalizeConfig("none"),
    "cumulative": NormalizeConfig("cumulative", warmup_frames=10),
    "warmup": NormalizeConfig("warmup", warmup_frames=10),
    "exponential": NormalizeConfig("exponential", warmup_frames=1, half_life_s=0.5),
    "fixed": NormalizeConfig("fixed"),
    "adaptive": NormalizeConfig("adaptive", prior_s=1.0),
}
HIDDEN = "hidden"  # adaptive, and hidden frames too
WAYS = (*NORMALIZATIONS, HIDDEN)


def ways(name: str) -> dict[str, NormalizeConfig]:
    """The normalizations of a recognizer's configuration by one of WAYS."""
    if name != HIDDEN:
        return {"normalize": NORMALIZATIONS[name]}
    return {"normalize": NORMALIZATIONS["adaptive"], "normalize_hidden": NormalizeConfig("adaptive", prior_s=0.5)}


def tiny_recognizer(encoder: str = "conformer", normalize: str = "none", **changes: Any) -> Recognizer:
    """An untrained recognizer of the keys a, b and backspace whose emissions are far from uniform."""
    torch.manual_seed(3)
    config = RecognizerConfig(
        changes.pop("features", LogSpectrogramConfig(window_ms=40, hop_ms=20)),
        encoder=changes.pop("config", ENCODERS[encoder]),
        **ways(normalize),
    )
    tokens = changes.pop("tokens", Tokens.keystrokes(["a", "b", "Key.backspace"]))
    signal = Signal(changes.pop("rate_hz", RATE_HZ), changes.pop("unit", "uV"), changes.pop("bands", BANDS))
    recognizer = Recognizer(config, signal, tokens)
    for name, parameter in recognizer.named_parameters():
        if "distance_bias" in name or "head" in name:
            nn.init.normal_(parameter)  # so that positions matter and frames differ
    return recognizer.eval()


def easy_recording(seed: int = 0, seconds: float = 30.0, **changes: Any) -> Recording:
    """Typing that a linear model could read: "a" is a burst on the left ring, "b" on the right, half a second apart."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(0, 1, (round(seconds * RATE_HZ), 8)).astype(np.float32)
    presses = []
    even = np.arange(0.5, seconds - 0.5, 0.5)
    for press_s in even + rng.uniform(-0.1, 0.1, len(even)):
        key = "ab"[int(rng.integers(2))]
        first, last = round((press_s - 0.1) * RATE_HZ), round((press_s + 0.1) * RATE_HZ)
        samples[first:last, slice(0, 4) if key == "a" else slice(4, 8)] *= 50
        presses.append((float(press_s), float(press_s) + 0.1, key))
    values = {"samples": samples, "events": Events.of(presses), "spans": Spans.empty(), "session": f"day{seed}"}
    return make_recording(seconds, seed=seed, **(values | changes))


TINY_TRAINING = """
manifest: {manifest}
fit: {{steps: 4, validations: 2, learning_rate: 1e-2, warmup_steps: 2}}
tokens: {{kind: keystrokes, symbols: [a, b]}}
data: {{kind: windows, shortest_s: 2, longest_s: 4, batch_s: 12, snap_s: 0.2}}
features: {{kind: log_spectrogram, window_ms: 40, hop_ms: 20}}
normalize: {{kind: none}}
encoder:
  kind: conformer
  width: 8
  blocks: 2
  heads: 2
  kernel: 3
  mixer_channels: 4
  subsampling: 2
  chunk_frames: 2
  left_chunks: 2
  intermediate_block: 1
"""


def write_easy_corpus(folder: Path, people: Sequence[str] = ("ann", "ann", "bob"), **changes: Any) -> Path:
    """A manifest of easy recordings, the last one for validation; beside it train.yaml for a tiny model."""
    entries = []
    for number, person in enumerate(people):
        path = folder / f"{number}.hdf5"
        recording = easy_recording(number, **({"seconds": 20.0, "subject": person} | changes))
        save_session(recording, path)
        split = "validation" if number == len(people) - 1 else "train"
        shape = {"duration_s": recording.duration_s, "rate_hz": recording.rate_hz}
        entries.append(native_entry(path, subject=person, session=recording.session, split=split, **shape))
    write_manifest(Manifest(tuple(entries), folder), folder / "manifest.jsonl")
    (folder / "train.yaml").write_text(TINY_TRAINING.format(manifest=folder / "manifest.jsonl"))
    return folder / "manifest.jsonl"


def save_keys_model(folder: Path, card: str = "") -> None:
    """Save an untrained linear model of a, b and backspace, and compile the search, so that no verb tells of it."""
    beam_search(np.zeros((0, 2)), Tokens.characters("a"))
    torch.manual_seed(0)
    shape = RecognizerConfig(features=LogSpectrogramConfig(window_ms=80, hop_ms=20), encoder=LinearConfig())
    save_recognizer(Recognizer(shape, Signal.of(make_recording()), Tokens.keystrokes("ab\b")), folder, card)
