"""What a training run can be configured to be: dataclasses, whose fields are the keys of YAML files and options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.frontend.features import FeaturesConfig, LogSpectrogramConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models import recognizer as recognizers
from emgasr.models.conformer import ConformerConfig
from emgasr.models.encoder import EncoderConfig
from emgasr.training.loop import FitConfig

KINDS: dict[str, dict[str, type]] = {
    **recognizers.KINDS,
    "source": {"windows": WindowsConfig, "composed": ComposedConfig},
}


@dataclass(frozen=True)
class TokensConfig:
    """The symbols that the model writes.

    Args:
        kind: keystrokes (emg2qwerty's 98 keys), characters, words (gestures, commands) or sentencepiece.
        symbols: those to keep; empty keeps all keystrokes, or takes the characters or labels of the training split.
        model: sentencepiece model file.
    """

    kind: Literal["keystrokes", "characters", "words", "sentencepiece"] = "keystrokes"
    symbols: tuple[str, ...] = ()
    model: str = ""


@dataclass(frozen=True)
class TrainingConfig(FitConfig):
    """Train a recognizer.

    Args:
        manifest: manifest with the training recordings (see `emgasr manifest` and `emgasr simulate`).
        train_split: name of the split to train on.
        validation_manifest: manifest of the validation recordings, if it is another one.
        validation_split: name of the split whose CER chooses the best model.
        init: model folder whose weights to start from.
    """

    manifest: str = ""
    train_split: str = "train"
    validation_manifest: str = ""
    validation_split: str = "validation"
    init: str = ""
    tokens: TokensConfig = field(default_factory=TokensConfig)
    source: WindowsConfig | ComposedConfig = field(default_factory=WindowsConfig)
    features: FeaturesConfig = field(default_factory=LogSpectrogramConfig)
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    encoder: EncoderConfig = field(default_factory=ConformerConfig)
