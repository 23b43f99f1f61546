"""Contractions in; tokens (which of a codebook's shapes each one is), with their energy, out.

After AEMG (arXiv 2605.03462): an event of any length is one token. Its frames are brought to one number of steps and
z-scored, which takes its force away, so its energy stays beside the code; its times are those of the event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.errors import EmgasrError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import check_kinds, kinds_in, read_weights
from emgasr.frontend.features import SharedAxisConfig
from emgasr.frontend.features.shared_axis import ANGLES
from emgasr.frontend.normalize import NormalizeConfig
from emgasr.models.folder import cause
from emgasr.models.mixers import PLACES
from emgasr.pretraining.events import EventsConfig
from emgasr.pretraining.quantizer import Quantizer, QuantizerConfig

FORMAT = 1
WEIGHTS_NAME, CONFIG_NAME = "tokenizer.safetensors", "config.yaml"
ADVICE = "copy the folder again"


@dataclass(frozen=True)
class TokenizerConfig:
    """How an event becomes a token.

    Args:
        steps: to which the frames of an event are brought, whatever its length.
        width: of the networks that encode and decode an event.
        token_width: of a code's vector.
        book: the codebook.
    """

    steps: Annotated[int, Within(1, 1024)] = 8
    width: Annotated[int, Within(1, 4096)] = 64
    token_width: Annotated[int, Within(1, 4096)] = 32
    book: QuantizerConfig = field(default_factory=lambda: QuantizerConfig(codes=512))

    def __post_init__(self) -> None:
        check_within(self, "tokenizer")


@dataclass(frozen=True)
class TokenizerFile:
    """What config.yaml of a tokenizer's folder holds.

    Args:
        emgasr_tokenizer: number of the format.
        features: samples to frames; of `epsilon` every session has its own, by its level.
        normalize: how frames are normalized.
        frames_averaged: frames that one frame of an event is the mean of.
        events: what is a contraction.
        tokenizer: how it becomes a token.
    """

    emgasr_tokenizer: Annotated[int, Within(0, 1e6)] = FORMAT
    features: SharedAxisConfig = field(default_factory=SharedAxisConfig)
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    frames_averaged: Annotated[int, Within(1, 64)] = 1
    events: EventsConfig = field(default_factory=EventsConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)

    def __post_init__(self) -> None:
        check_within(self)


class Tokenized(NamedTuple):
    """What n events are.

    Args:
        codes: (n,) numbers of their shapes.
        energy: (n,) mean over their normalized frames, which z-scoring takes away.
        loss: how far shapes decoded from their codes are off, and the commitment.
    """

    codes: Tensor
    energy: Tensor
    loss: Tensor


class EventTokenizer(nn.Module):
    """Shapes of events (n, steps, PLACES, K) to codes, and back."""

    def __init__(self, config: TokenizerConfig, bins: int) -> None:
        super().__init__()
        self.config, size = config, PLACES * bins
        self.encode = nn.Sequential(
            nn.Conv1d(size, config.width, 3, padding=1),
            nn.GELU(),
            nn.Conv1d(config.width, config.width, 3, padding=1),
            nn.GELU(),
            nn.Flatten(),
            nn.Linear(config.steps * config.width, config.token_width),
        )
        self.quantizer = Quantizer(config.book, config.token_width)
        self.decode = nn.Sequential(
            nn.Linear(config.token_width, config.steps * config.width),
            nn.GELU(),
            nn.Unflatten(1, (config.width, config.steps)),
            nn.Conv1d(config.width, size, 3, padding=1),
        )

    def forward(self, shapes: Tensor) -> Tokenized:
        flat = shapes.flatten(2)
        energy = flat.mean((1, 2))
        shape = flat - energy[:, None, None]
        shape = shape / shape.square().mean((1, 2), keepdim=True).sqrt().clamp(min=1e-3)
        if not len(shapes):
            nothing = torch.stack([value.sum() for value in self.parameters()]).sum() * 0  # of which gradients are 0
            return Tokenized(energy.long(), energy, nothing)
        found = self.quantizer(self.encode(shape.transpose(1, 2)))
        wrong = functional.mse_loss(self.decode(found.vectors).transpose(1, 2), shape)
        return Tokenized(found.codes, energy, wrong + found.commitment)

    def shapes(self, image: Tensor, rows: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """Return events (n, steps, PLACES, K) of frames (B, F, PLACES, K): of item `rows`, in [first, last) frames."""
        through = (torch.arange(self.config.steps, device=image.device) + 0.5) / self.config.steps
        place = (first[:, None] + (last - first)[:, None] * through).long().clamp(min=0)
        return image[rows[:, None], torch.minimum(place, (last - 1)[:, None].long())]


def frames_of(start_s: Tensor, end_s: Tensor, lengths: Tensor, rate_hz: float) -> tuple[Tensor, Tensor]:
    """Return the frames [first, last) of events, given those that there are; none where last <= first."""
    first, last = (start_s * rate_hz).ceil().long(), (end_s * rate_hz).ceil().long()
    return first, torch.minimum(last, lengths)


def save_tokenizer(tokenizer: EventTokenizer, content: TokenizerFile, folder: Path) -> None:
    """Write a tokenizer's folder: tokenizer.safetensors, and config.yaml, which comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {name: value.detach().cpu().contiguous() for name, value in tokenizer.state_dict().items()}
    with replacing(folder / WEIGHTS_NAME) as path:
        path.write_bytes(save(parts))
    write_yaml(to_mapping(content), folder / CONFIG_NAME)


def load_tokenizer(folder: Path) -> tuple[EventTokenizer, TokenizerFile]:
    """Read a tokenizer's folder; a ModelError if it is missing, damaged, unfinished or of another format."""
    path = folder / CONFIG_NAME
    if not path.is_file():
        raise ModelError(folder, "is no tokenizer (no config.yaml)", "give tokenizer/ of `emgasr pretrain`")
    content: Any = read_yaml(path, ModelError, ADVICE)
    if not isinstance(content, dict) or content.get("emgasr_tokenizer") != FORMAT:
        raise ModelError(path, f"is no tokenizer of format {FORMAT}", "give tokenizer/ of `emgasr pretrain`")
    try:
        config = from_mapping(TokenizerFile, {}, content, path)
    except EmgasrError as error:
        raise ModelError(path, cause(error), "was it made by a newer emgasr?") from error
    bins = len(config.features.edges_hz) - 1 + ANGLES
    file = folder / WEIGHTS_NAME
    with torch.device("meta"):  # without memory, until the file is known to hold such weights
        wanted = EventTokenizer(config.tokenizer, bins).state_dict()
    check_kinds(file, wanted, kinds_in(file))
    tokenizer = EventTokenizer(config.tokenizer, bins)
    tokenizer.load_state_dict(read_weights(file))
    return tokenizer.eval(), config
