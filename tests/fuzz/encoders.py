"""Folders of pretrained encoders and of tokenizers: weights and configurations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .formats import Format, Place, Seen, digest_of, expect


def encoder(name: str) -> Callable[[Path], Path]:
    """The folder of a small pretrained encoder; the file of that name is the one to damage."""

    def write(folder: Path) -> Path:
        import torch

        from emgasr.models.conformer import ConformerEncoder
        from emgasr.models.encoder import FrameShape
        from emgasr.models.pretrained import PretrainedConfig, save_pretrained
        from tests.helpers.pretext import CONFIG

        torch.manual_seed(0)
        config = PretrainedConfig(encoder=CONFIG)
        save_pretrained(config, ConformerEncoder(CONFIG, FrameShape(1, 8, config.bins)), folder, "# An encoder\n")
        return folder / name

    return write


def encoder_used(path: Path, place: Place) -> Seen:
    """Its weights go into the encoder of a device of ten electrodes, which then reads frames."""
    import torch

    from emgasr.models.conformer import ConformerEncoder
    from emgasr.models.encoder import FrameShape
    from emgasr.models.pretrained import load_pretrained
    from emgasr.models.recognizer import RecognizerConfig

    found = load_pretrained(place.folder)
    config = found.config
    made = ConformerEncoder(config.encoder, FrameShape(1, 10, config.bins)).eval()
    found.give(made, RecognizerConfig(config.features, config.normalize, config.encoder), str(place.folder))
    frames = torch.zeros(1, 8 * made.stride, 1, 10, config.bins)
    with torch.inference_mode():
        hidden = made(frames, torch.tensor([frames.shape[1]])).hidden
    expect(torch.isfinite(hidden).all(), "gives frames that are not finite")
    return Seen(digest_of(*(value.numpy() for value in found.weights.values())))


def tokenizer(name: str) -> Callable[[Path], Path]:
    """The folder of a small tokenizer."""

    def write(folder: Path) -> Path:
        import torch

        from emgasr.pretraining.quantizer import QuantizerConfig
        from emgasr.pretraining.tokens.tokenizer import EventTokenizer, TokenizerConfig, TokenizerFile, save_tokenizer

        torch.manual_seed(0)
        config = TokenizerConfig(4, 8, 4, QuantizerConfig(codes=8))
        save_tokenizer(EventTokenizer(config, 15), TokenizerFile(tokenizer=config), folder)
        return folder / name

    return write


def tokenizer_used(path: Path, place: Place) -> Seen:
    """Four seconds with a contraction are read; every code is one of the codebook's."""
    from emgasr.pretraining.tokens.tokenizer import load_tokenizer
    from emgasr.pretraining.tokens.tokenizing import tokenize
    from emgasr.recording import Band, Recording

    made, config = load_tokenizer(place.folder)
    samples = np.random.default_rng(0).normal(0, 1, (800, 8)).astype(np.float32)
    samples[500:700] *= 20
    recording = Recording(samples, 200.0, "counts", (Band.numbered("arm", 8, ring=True),), "a", "s")
    (found,) = tokenize(made, config, [recording])
    expect(found.tokens or found.none, "finds nothing, and does not say why")
    expect(all(0 <= token.code < config.tokenizer.book.codes for token in found.tokens), "gives codes that it has not")
    expect(np.isfinite([token.energy_db for token in found.tokens]).all(), "gives energies that are not finite")
    return Seen(digest_of(found.tokens))


FORMATS = (
    Format(
        "encoder-weights",
        "strangers",
        "binary",
        (encoder("encoder.safetensors"),),
        encoder_used,
        container="safetensors",
    ),
    Format("encoder-config", "strangers", "yaml", (encoder("config.yaml"),), encoder_used),
    Format(
        *("tokenizer-weights", "strangers", "binary"),
        (tokenizer("tokenizer.safetensors"),),
        tokenizer_used,
        container="safetensors",
    ),
    Format("tokenizer-config", "strangers", "yaml", (tokenizer("config.yaml"),), tokenizer_used),
)
