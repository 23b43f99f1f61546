"""What pretraining can be configured to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from emgasr.config.bounds import Within, check_within
from emgasr.data.augment import AugmentConfig
from emgasr.errors import ConfigError
from emgasr.frontend.features import SharedAxisConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.conformer import ConformerConfig
from emgasr.pretraining.labelled import LabelledConfig
from emgasr.pretraining.objectives.event_tokens import EventTokensConfig
from emgasr.pretraining.objectives.masked_reconstruction import MaskedReconstructionConfig
from emgasr.pretraining.objectives.masked_targets import MaskedTargetsConfig
from emgasr.training.loop import FitConfig

ENCODER = ConformerConfig(
    mixing="any",
    width=96,
    blocks=2,
    kernel=5,
    mixer_channels=32,
    subsampling=1,
    chunk_frames=2,
    left_chunks=4,
    intermediate_block=0,
    dropout=0.2,
    turn_sd=0.09,
    reversal=0.2,
)
VARIED = AugmentConfig(
    band_jitter_ms=0,
    time_masks=0,
    frequency_masks=0,
    electrode_mask_probability=0.1,
)


@dataclass(frozen=True)
class PretrainConfig:
    """Pretrain an encoder that reads any armband.

    Args:
        manifests: manifests of the corpora, a name each: that of the file. Corpora may differ in layout and labels.
        train_split: name of the split of the people to train on.
        validation_split: name of the split of the people whom the probe is judged on.
        init: folder of a pretrained encoder whose weights to start from.
        left_out: labels whose takes are passed over in all corpora, so that they can be tested as never seen.
        seed: seed of weights, batches, augmentation and dropout.
        fit: budget, optimizer and device.
        labelled: share of the batches that are labelled takes; 0: no label is read, and they are passed over.
        stretch_s: seconds of signal at once, of batches without labels.
        stretches: items of a batch without labels.
        takes: labelled takes: their batches and losses, a head for each corpus.
        targets: masked prediction of discrete targets.
        reconstruction: masked reconstruction.
        tokens: masked prediction of the tokens of contractions.
        augment: how batches are varied.
        features: samples to frames, on axes that all corpora share.
        normalize: how frames are normalized, with statistics for each corpus.
        encoder: the network.
    """

    OF_WEIGHTS: ClassVar[Mapping[str, tuple[str, ...]]] = {"emgasr_pretrained": ("features.epsilon",)}

    manifests: tuple[str, ...] = ()
    train_split: str = "train"
    validation_split: str = "validation"
    init: str = ""
    left_out: tuple[str, ...] = ()
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    fit: FitConfig = field(default_factory=lambda: FitConfig(learning_rate=3e-3, weight_decay=0.05, restart_at=0.0))
    labelled: Annotated[float, Within(0, 1)] = 1.0
    stretch_s: Annotated[float, Within(0.1, 1e4)] = 4.0
    stretches: Annotated[int, Within(1, 1e6)] = 32
    takes: LabelledConfig = field(default_factory=LabelledConfig)
    targets: MaskedTargetsConfig = field(default_factory=MaskedTargetsConfig)
    reconstruction: MaskedReconstructionConfig = field(default_factory=MaskedReconstructionConfig)
    tokens: EventTokensConfig = field(default_factory=EventTokensConfig)
    augment: AugmentConfig = field(default_factory=lambda: VARIED)
    features: SharedAxisConfig = field(default_factory=SharedAxisConfig)
    normalize: NormalizeConfig = field(default_factory=lambda: NormalizeConfig(kind="adaptive"))
    encoder: ConformerConfig = field(default_factory=lambda: ENCODER)

    def __post_init__(self) -> None:
        check_within(self)
        self.fit.check_budget()
        if self.encoder.mixing != "any":
            wrong = f"is {self.encoder.mixing}: its weights depend on the layout of electrodes"
            raise ConfigError("encoder.mixing", wrong, "set it to any")
        for name in (*self.augment.of_samples, *(n for n in ("spread", "take_spread") if getattr(self.augment, n))):
            wrong = "is on, and the frames of takes are made once, before anything varies"
            raise ConfigError(f"augment.{name}", wrong, "set it to 0; encoder.turn_sd and reversal turn rings")
        if self.labelled < 1 and not self.pretexts:
            wrong = f"is {self.labelled:g}, and no objective without labels has a weight"
            raise ConfigError("labelled", wrong, "raise targets.weight, reconstruction.weight or tokens.weight")
        if self.labelled == 1 and self.pretexts:
            wrong = f"is 1: {self.pretexts[0]} would never see a batch"
            raise ConfigError("labelled", wrong, "lower it, or set the weight to 0")

    @property
    def pretexts(self) -> tuple[str, ...]:
        """The names of the objectives without labels that have a weight."""
        names = ("targets", "reconstruction", "tokens")
        return tuple(name for name in names if getattr(self, name).weight)
