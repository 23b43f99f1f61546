"""What alignment with a teacher can be configured to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar

from emgasr.config.bounds import Within, check_within
from emgasr.crossmodal.teachers.config import TeacherConfig
from emgasr.data.augment import AugmentConfig
from emgasr.errors import ConfigError
from emgasr.frontend.features import SharedAxisConfig
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.encoders.queries import QueriesConfig
from emgasr.pretraining.config import ENCODER, VARIED
from emgasr.pretraining.labelled import LabelledConfig
from emgasr.training.loop import FitConfig


@dataclass(frozen=True)
class LossConfig:
    """The parts of the loss; each can be left out.

    Args:
        multi_positive: whether all texts of a take's gesture are right for it, and texts of every gesture are among the
            wrong ones; False: the text that was drawn for it alone, among those of the batch.
        temperature: of the similarities at the start; it is learned.
        soft_weight: weight of the loss by soft targets; 0: none.
        soft_top: texts that have a share in a soft target.
        soft_temperature: of the shares.
        clusters: of the teacher's embeddings, by which texts resemble each other.
        reconstruction_weight: weight of the loss of guessing the hidden parts of a pose from the queries; 0: none.
    """

    multi_positive: bool = True
    temperature: Annotated[float, Within(1e-3, 10)] = 0.05
    soft_weight: Annotated[float, Within(0, 100)] = 0.3
    soft_top: Annotated[int, Within(1, 4096)] = 8
    soft_temperature: Annotated[float, Within(1e-3, 10)] = 0.1
    clusters: Annotated[int, Within(2, 65_536)] = 32
    reconstruction_weight: Annotated[float, Within(0, 100)] = 0.0

    def __post_init__(self) -> None:
        check_within(self, "loss")


@dataclass(frozen=True)
class AlignConfig:
    """Align an encoder of muscles with a frozen teacher.

    Args:
        manifests: manifests of the corpora, a name each: that of the file.
        descriptions: file of what each label means, in words.
        train_split: name of the split of the people to train on.
        validation_split: name of the split of the people who choose the checkpoint.
        init: folder of a pretrained encoder whose weights to start from.
        left_out: gestures of the descriptions that are not trained on, whatever the recordings hold.
        seed: seed of weights, batches, augmentation and dropout.
        fit: budget, optimizer and device.
        teacher: what says which texts are near each other; it stays as it is.
        loss: the parts of the loss.
        takes: how takes make batches.
        before_s: most seconds of another take that stand before a take, as what a person did before it: a stream knows
            no beginnings.
        augment: how batches are varied.
        features: samples to frames.
        normalize: how frames are normalized.
        encoder: the network with its queries.
    """

    OF_WEIGHTS: ClassVar[Mapping[str, tuple[str, ...]]] = {"emgasr_pretrained": ("features.epsilon",)}

    manifests: tuple[str, ...] = ()
    descriptions: str = ""
    train_split: str = "train"
    validation_split: str = "validation"
    init: str = ""
    left_out: tuple[str, ...] = ()
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    fit: FitConfig = field(default_factory=lambda: FitConfig(learning_rate=1e-3, weight_decay=0.05, restart_at=0.0))
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    takes: LabelledConfig = field(default_factory=LabelledConfig)
    before_s: Annotated[float, Within(0, 100)] = 1.0
    augment: AugmentConfig = field(default_factory=lambda: VARIED)
    features: SharedAxisConfig = field(default_factory=SharedAxisConfig)
    normalize: NormalizeConfig = field(default_factory=lambda: NormalizeConfig(kind="adaptive"))
    encoder: QueriesConfig = field(default_factory=lambda: QueriesConfig(conformer=replace(ENCODER)))

    def __post_init__(self) -> None:
        check_within(self)
        self.fit.check_budget()
        if self.loss.reconstruction_weight and not self.teacher.of_signal:
            wrong = f"is above 0, and a teacher of kind {self.teacher.kind} has no parts to guess"
            raise ConfigError("loss.reconstruction_weight", wrong, "set it to 0, or choose a teacher of pose or audio")
        if self.encoder.conformer.mixing != "any":
            wrong = f"is {self.encoder.conformer.mixing}: its weights depend on the layout of electrodes"
            raise ConfigError("encoder.conformer.mixing", wrong, "set it to any")
