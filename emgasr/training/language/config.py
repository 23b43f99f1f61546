"""What the training of a neural language model is configured by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.lm.neural.config import NetworkConfig, SymbolKind
from emgasr.training.loop import FitConfig

FIT = FitConfig(learning_rate=2e-3, warmup_steps=100)


@dataclass(frozen=True)
class SentencesConfig:
    """How sentences become batches.

    Args:
        batch_size: sentences, or parts of long ones, a batch.
        longest: most symbols of a part.
        unknown: share of the symbols read that are replaced by <unk>, so that unknown ones confuse the model less.
    """

    batch_size: Annotated[int, Within(1, 1e5)] = 64
    longest: Annotated[int, Within(2, 1e5)] = 192
    unknown: Annotated[float, Within(0, 0.9)] = 0.01

    def __post_init__(self) -> None:
        check_within(self, "data")


@dataclass(frozen=True)
class LanguageTrainingConfig:
    """Train a neural language model on text.

    Args:
        texts: files of UTF-8 text, a sentence a line.
        held_out: files whose perplexity chooses the best model; empty: every 20th sentence of `texts`.
        symbols: what a text is made of, as the recognizer writes it.
        pieces: sentencepiece model file, of `symbols` sentencepiece.
        lowercase: whether capitals are lowered first.
        ngram: n-gram model whose perplexity is printed beside, and whose best share of a mixture is kept in the folder.
        seed: seed of weights, batches and dropout.
        fit: budget, optimizer and device.
        data: how sentences become batches.
        network: the network.
    """

    texts: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    symbols: SymbolKind = "keystrokes"
    pieces: str = ""
    lowercase: bool = False
    ngram: str = ""
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    fit: FitConfig = field(default_factory=lambda: FIT)
    data: SentencesConfig = field(default_factory=SentencesConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)

    def __post_init__(self) -> None:
        check_within(self)
        self.fit.check_budget()
        if (self.symbols == "sentencepiece") != bool(self.pieces):
            wrong = "is missing" if not self.pieces else f"is given, and symbols are {self.symbols}"
            raise ConfigError("pieces", wrong, "give a sentencepiece .model, and --symbols sentencepiece")
