"""A pretrained encoder in, its folder out, and back: weights that fit any layout, what they read, whose data they saw.

encoder.safetensors   the encoder's parameters
config.yaml           features, normalization and encoder
trained_on.jsonl      everybody whose recordings shaped the weights (`emgasr.manifests.lineage`)
README.md             the card
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, cast

import torch
from safetensors.torch import save
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.errors import ConfigError, EmgasrError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import check_kinds, kinds_in, read_weights
from emgasr.frontend.features import SharedAxisConfig
from emgasr.frontend.features.shared_axis import ANGLES
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.conformer import ConformerConfig, ConformerEncoder
from emgasr.models.encoder import Encoder, FrameShape
from emgasr.models.folder import cause
from emgasr.models.recognizer import RecognizerConfig

FORMAT = 1
ENCODER_NAME, CONFIG_NAME, CARD_NAME = "encoder.safetensors", "config.yaml", "README.md"
_ADVICE = "copy the folder again"


@dataclass(frozen=True)
class PretrainedConfig:
    """What a pretrained encoder reads, and how.

    Args:
        emgasr_pretrained: number of the format.
        features: samples to frames; of `epsilon` every corpus has its own, by its level.
        normalize: how frames are normalized.
        encoder: the network.
    """

    emgasr_pretrained: Annotated[int, Within(0, 1e6)] = FORMAT
    features: SharedAxisConfig = field(default_factory=SharedAxisConfig)
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    encoder: ConformerConfig = field(default_factory=lambda: ConformerConfig(mixing="any"))

    def __post_init__(self) -> None:
        check_within(self)
        if self.encoder.mixing != "any":
            raise ConfigError("encoder.mixing", f"is {self.encoder.mixing}", "a pretrained encoder is of any layout")

    @property
    def bins(self) -> int:
        """K of an electrode."""
        return len(self.features.edges_hz) - 1 + ANGLES

    def check(self, config: RecognizerConfig, where: str) -> None:
        """Raise a ConfigError if a model that `config` describes has another encoder, or reads other features.

        Dropout may be another, and frames may stand beside what it gives or not; so may the floor of the features,
        which follows the level of a device.
        """
        free: dict[str, Any] = {"dropout": 0.0, "beside": False}
        if not isinstance(config.encoder, ConformerConfig) or replace(config.encoder, **free) != replace(
            self.encoder, **free
        ):
            advice = "leave the options of encoder as the pretrained encoder has them (its config.yaml as --config)"
            raise ConfigError(where, "is an encoder of other sizes or options than this model's", advice)
        wanted, read = config.features, self.features
        if not isinstance(wanted, SharedAxisConfig) or replace(wanted, epsilon=read.epsilon) != read:
            advice = "leave the options of features as the pretrained encoder has them (its config.yaml as --config)"
            raise ConfigError(where, "reads other features than this model has", advice)


@dataclass(frozen=True)
class Pretrained:
    """What a folder holds: the configuration, and the encoder's weights by name."""

    config: PretrainedConfig
    weights: Mapping[str, Tensor]

    def give(self, encoder: Encoder, config: RecognizerConfig, where: str) -> None:
        """Put the weights into the encoder, of any layout, of a model that `config` describes.

        Raises:
            ConfigError: as `PretrainedConfig.check` does.
        """
        self.config.check(config, where)
        cast(nn.Module, encoder).load_state_dict(dict(self.weights), strict=False)


def save_pretrained(config: PretrainedConfig, encoder: nn.Module, folder: Path, card: str) -> None:
    """Write the folder; config.yaml comes last: a folder without it is refused as unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().contiguous() for name, value in encoder.named_parameters()}
    with replacing(folder / ENCODER_NAME) as path:
        path.write_bytes(save(weights))
    with replacing(folder / CARD_NAME) as path:
        path.write_text(card, encoding="utf-8")
    write_yaml(to_mapping(config), folder / CONFIG_NAME)


def is_pretrained(folder: Path) -> bool:
    """Return whether a folder holds a pretrained encoder rather than a model that reads."""
    return (folder / ENCODER_NAME).is_file()


def read_pretrained(folder: Path) -> PretrainedConfig:
    """Read the configuration of a folder; a ModelError if it is missing, damaged, unfinished or of another format."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ModelError(folder, "is no pretrained encoder (no config.yaml)", "give a folder of `emgasr pretrain`")
    content: Any = read_yaml(path, ModelError, _ADVICE)
    if not isinstance(content, dict) or content.get("emgasr_pretrained") != FORMAT:
        raise ModelError(path, f"is no pretrained encoder of format {FORMAT}", "give a folder of `emgasr pretrain`")
    try:
        config = from_mapping(PretrainedConfig, {}, content, path)
        _outline(config)
    except EmgasrError as error:
        raise ModelError(path, cause(error), "was it made by a newer emgasr?") from error
    return config


def load_pretrained(folder: Path) -> Pretrained:
    """Read a folder; a ModelError if it is missing, damaged, unfinished or of another format."""
    config = read_pretrained(folder)
    file = folder / ENCODER_NAME
    check_kinds(file, dict(_outline(config).named_parameters()), kinds_in(file))
    return Pretrained(config, read_weights(file))


def _outline(config: PretrainedConfig) -> nn.Module:
    """Return the network without memory, until the file is known to hold such weights."""
    with torch.device("meta"):
        return ConformerEncoder(config.encoder, FrameShape(1, 8, config.bins))
