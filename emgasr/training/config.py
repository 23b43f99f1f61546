"""What a training run is configured by: parts, each a section of the YAML file and of the options of `emgasr train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from emgasr.config.bounds import Within, check_within
from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import ComposedConfig, WindowsConfig
from emgasr.frontend.features import FeaturesConfig, LogSpectrogramConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models import recognizer as recognizers
from emgasr.models.conformer import ConformerConfig
from emgasr.models.encoder import EncoderConfig
from emgasr.training.loop import FitConfig
from emgasr.training.objective import CTCConfig

KINDS: dict[str, dict[str, type]] = {
    **recognizers.KINDS,
    "data": {"windows": WindowsConfig, "composed": ComposedConfig},
}
# The names of 0.1, when all options stood side by side: they go with the next release.
RENAMED: dict[str, str] = {
    **{
        name: f"fit.{name}"
        for name in (
            "steps",
            "minutes",
            "learning_rate",
            "warmup_steps",
            "weight_decay",
            "clip_norm",
            "validations",
            "device",
            "precision",
        )
    },
    **{
        name: f"objective.{name}"
        for name in ("intermediate_weight", "frame_weight", "frame_head", "frame_from", "ctc_ramp_steps")
    },
    "source": "data",
}


# config.yaml of a pretrained encoder, or of a model, may be a --config too: the key that marks it, and what else of it
# is no option, or follows the signal (the floor of a level).
OF_WEIGHTS: dict[str, tuple[str, ...]] = {
    "emgasr_pretrained": ("features.epsilon",),
    "emgasr_model": ("bands", "rate_hz", "unit", "steps"),
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
class TrainingConfig:
    """Train a recognizer.

    Args:
        manifest: manifest with the training recordings (see `emgasr manifest` and `emgasr simulate`).
        task: what is read, which sets the options that nothing else sets. typing: keys of continuous recordings.
            words, gestures, letters: strings of them, learned from single takes. auto: as the labels of the manifest
            say, unless there is a --config. none: the options as they are.
        train_split: name of the split to train on.
        validation_manifest: manifest of the validation recordings, if it is another one.
        validation_split: name of the split whose CER chooses the best model.
        init: folder whose weights to start from: a model's (demo: the packaged one), or encoder/ of a pretraining run.
        seed: seed of weights, batches, augmentation and dropout.
        fit: budget, optimizer and device.
        objective: what is minimized.
        augment: how batches are varied.
        data: what batches are made of: windows of recordings, or sequences composed of single takes.
        tokens: the symbols that the model writes.
        features: samples to frames.
        normalize: how frames are normalized.
        encoder: the network.
    """

    RENAMED: ClassVar[Mapping[str, str]] = RENAMED
    OF_WEIGHTS: ClassVar[Mapping[str, tuple[str, ...]]] = OF_WEIGHTS

    manifest: str = ""
    task: Literal["auto", "typing", "words", "gestures", "letters", "none"] = "auto"
    train_split: str = "train"
    validation_manifest: str = ""
    validation_split: str = "validation"
    init: str = ""
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    fit: FitConfig = field(default_factory=FitConfig)
    objective: CTCConfig = field(default_factory=CTCConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    data: WindowsConfig | ComposedConfig = field(default_factory=WindowsConfig)
    tokens: TokensConfig = field(default_factory=TokensConfig)
    features: FeaturesConfig = field(default_factory=LogSpectrogramConfig)
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    encoder: EncoderConfig = field(default_factory=ConformerConfig)

    def __post_init__(self) -> None:
        check_within(self)
        self.fit.check_budget()


PERSONAL_FIT = FitConfig(learning_rate=5e-4, warmup_steps=10, validations=6)
PERSONAL_OBJECTIVE = CTCConfig(frame_weight=0.0, ctc_ramp_steps=0)
PERSONAL_WINDOWS = WindowsConfig(shortest_s=4.0, longest_s=8.0, batch_s=64.0)
# A person puts the band on anew for each session: the fit sees it turned, and contacts of other gains.
PERSONAL_AUGMENT = AugmentConfig(rotation_sd_electrodes=0.5, electrode_gain_db=1.0)


@dataclass(frozen=True)
class PersonalizeConfig:
    """Fit a model to one person.

    Args:
        held_out: share of each recording, from its end, that is kept out of fitting and judges the result (of single
            takes: the last of each label and session); 0 keeps nothing out: what is fitted on then judges itself, and
            nothing guards against learning it by heart.
        weights: what is fitted: all weights, or those of the output layer (the head) alone.
        base_share: share of the base model's weights in the result, the rest being what was fitted; what was fitted to
            one session alone reads the next one worse.
        seed: seed of batches, augmentation and dropout.
        fit: budget, optimizer and device.
        objective: what is minimized.
        augment: how batches are varied.
        data: windows cut from the person's recordings.
    """

    RENAMED: ClassVar[Mapping[str, str]] = RENAMED

    held_out: Annotated[float, Within(0, 0.99)] = 0.2
    weights: Literal["all", "head"] = "all"
    base_share: Annotated[float, Within(0, 0.99)] = 0.35
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    fit: FitConfig = field(default_factory=lambda: PERSONAL_FIT)
    objective: CTCConfig = field(default_factory=lambda: PERSONAL_OBJECTIVE)
    augment: AugmentConfig = field(default_factory=lambda: PERSONAL_AUGMENT)
    data: WindowsConfig = field(default_factory=lambda: PERSONAL_WINDOWS)

    def __post_init__(self) -> None:
        check_within(self)
        self.fit.check_budget()
