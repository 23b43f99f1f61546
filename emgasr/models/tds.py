"""Time-depth-separable networks: frames of every electrode in, hidden frames out; emg2qwerty's baseline and SplashNet.

The baseline of facebookresearch/emg2qwerty, built from its description: with 2 x 16 electrodes, 33 bins and a linear
head to 99 symbols it has 5,293,315 parameters. The weights of a published checkpoint load by `published_names`.
SplashNet has no batch norm, six wide bands, and one network for both hands: 1,376,067 and 2,583,267 parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.models.encoder import Encoded, FrameShape
from emgasr.state import frame_mask, latest, part


@dataclass(frozen=True)
class TDSConfig:
    """Sizes of the TDS network; the defaults are the published ones.

    Args:
        mlp_width: hidden width of each band.
        channels: channels of every block, or one number a block; they divide the width.
        kernel: frames of each convolution over time.
        blocks: number of convolutions, each followed by a feed-forward block.
        norm: batch normalizes each electrode over the batch; none leaves that to the running statistics before it.
        shared: one network reads each band for itself, and its hidden frames stand side by side.
        padding: none, as published, gives blocks * (kernel - 1) output frames fewer than input frames and cannot be
            streamed; causal puts as many zero frames in front, so that each input frame gives an output frame.
        first_frames: read uses the output frames that see those zeros; left_out reads them as blank.
    """

    kind: Literal["tds"] = "tds"
    mlp_width: Annotated[int, Within(1, 65_536)] = 384
    channels: Annotated[int, Within(1, 65_536)] | tuple[Annotated[int, Within(1, 65_536)], ...] = 24
    kernel: Annotated[int, Within(1, 4096)] = 32
    blocks: Annotated[int, Within(1, 64)] = 4
    norm: Literal["batch", "none"] = "batch"
    shared: bool = False
    padding: Literal["none", "causal"] = "causal"
    first_frames: Literal["read", "left_out"] = "read"

    def __post_init__(self) -> None:
        check_within(self, "encoder")

    @property
    def held_frames(self) -> int:
        """Input frames that a stream keeps: one; its layers have memories of their own width."""
        return 1


# With 2 x 16 electrodes, six bands (BandPowerConfig), NormalizeConfig and 99 symbols: 1,376,067 parameters.
SPLASHNET_MINI = TDSConfig(norm="none", shared=True)
# The same with 2,583,267: only this width, of the uniform and two-valued ones, has that number. The order of the
# channels is our choice: the number does not depend on it.
SPLASHNET = TDSConfig(mlp_width=528, channels=(24, 24, 48, 48), norm="none", shared=True)


class TDSState(NamedTuple):
    """The memory of a stream: the latest inputs of each convolution, (B, kernel - 1, D)."""

    past: tuple[Tensor, ...]


class TDSEncoder(nn.Module):
    """Frames (B, F, N, E, K) to hidden frames (B, F', D) with D = N * mlp_width; each sees 125 frames, none ahead."""

    stride = 1
    chunk_frames = 1
    lookahead_frames = 0

    def __init__(self, config: TDSConfig, shape: FrameShape) -> None:
        super().__init__()
        bands, electrodes, bins = shape.sizes
        self.config = config
        self.width = bands * config.mlp_width
        self.networks = bands if config.shared else 1  # that read side by side, with the same weights
        width = self.width // self.networks
        channels = _channels(config, width)
        self.history_frames = config.blocks * (config.kernel - 1)
        self.silent_frames = self.history_frames if config.first_frames == "left_out" else 0
        self.norm = nn.BatchNorm2d(bands * electrodes) if config.norm == "batch" else None
        mlps = 1 if config.shared else bands
        self.mlps = nn.ModuleList(RotationInvariantMLP(electrodes, bins, config.mlp_width) for _ in range(mlps))
        self.blocks = nn.ModuleList()
        for count in channels:
            self.blocks.append(TDSConvBlock(count, width // count, config.kernel))
            self.blocks.append(TDSFeedForwardBlock(width))

    def forward(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Encode whole recordings; with padding "none" into `history_frames` fewer frames."""
        x = self._mixed(frames, lengths)
        if self.config.padding == "causal":
            x = functional.pad(x, (0, 0, self.history_frames, 0))
        else:
            lengths = (lengths - self.history_frames).clamp(min=0)
        out_frames = max(x.shape[1] - self.history_frames, 0)
        x = functional.pad(x, (0, 0, 0, max(self.history_frames + 1 - x.shape[1], 0)))  # the kernels need that many
        x, _ = self._convolved(x, [x[:, :0]] * self.config.blocks)
        x = x[:, :out_frames]
        return Encoded(x.masked_fill(~frame_mask(lengths, out_frames).unsqueeze(-1), 0.0), lengths)

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> TDSState:
        """Return the state of `batch` streams whose convolutions have seen zeros, as causal padding gives them.

        Raises:
            ConfigError: for padding "none", whose first output frames are missing.
        """
        if self.config.padding != "causal":
            advice = 'choose "causal": the same weights give the same frames, and the first ones too'
            raise ConfigError("encoder.padding", f"{self.config.padding!r} cannot be streamed", advice)
        # The kernels need one frame more than the history to run on.
        before = torch.zeros((batch, self.history_frames + 1, self.width), dtype=dtype, device=device)
        _, inputs = self._convolved(before, [before[:, :0]] * self.config.blocks)
        return TDSState(tuple(x[:, -self.config.kernel : -1].clone() for x in inputs))

    def step(self, frames: Tensor, lengths: Tensor, state: TDSState) -> tuple[Tensor, Tensor, TDSState]:
        """Return a hidden frame for each of the next frames, their lengths (B,), the new state."""
        if frames.shape[1] == 0:
            return frames.new_zeros(len(frames), 0, self.width), lengths, state
        x, inputs = self._convolved(self._mixed(frames, lengths), state.past)
        past = tuple(part(x, lengths, self.config.kernel - 1) for x in inputs)
        return x.masked_fill(~frame_mask(lengths, x.shape[1]).unsqueeze(-1), 0.0), lengths, TDSState(past)

    def flush(self, state: TDSState) -> tuple[Tensor, Tensor]:
        """Return no frames: every hidden frame is out as soon as its input frame is in."""
        past = state.past[0]
        return past[:, :0], torch.zeros(len(past), dtype=torch.long, device=past.device)

    def advance(self, frames: Tensor, state: TDSState) -> tuple[Tensor, TDSState]:
        """Return a hidden frame for each of the next frames, and the new state."""
        x, inputs = self._convolved(self._mixed(frames, None), state.past)
        return x, TDSState(tuple(latest(x, self.config.kernel - 1) for x in inputs))

    def _mixed(self, frames: Tensor, lengths: Tensor | None) -> Tensor:
        """Return one vector (B, F, D) of the electrodes of each frame, zero beyond `lengths` (B,); None: all valid."""
        valid = None if lengths is None else frame_mask(lengths, frames.shape[1])
        x = self._normalize(frames, valid)
        mlps = list(self.mlps) * (x.shape[2] // len(self.mlps))
        x = torch.cat([mlp(x[:, :, band]) for band, mlp in enumerate(mlps)], -1)
        return x if valid is None else x.masked_fill(~valid.unsqueeze(-1), 0.0)

    def _convolved(self, x: Tensor, past: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the blocks' output, and each convolution's past and new inputs joined."""
        inputs = []
        x = self._apart(x)
        for number, block in enumerate(self.blocks):
            if number % 2 == 0:
                before = past[number // 2]
                x = torch.cat([self._apart(before), x], 1) if before.shape[1] else x
                inputs.append(self._beside(x))
            x = block(x)
        return self._beside(x), inputs

    def _apart(self, x: Tensor) -> Tensor:
        """Reshape (B, F, D) to (B * networks, F, D / networks): bands become items where one network reads them all."""
        return x if self.networks == 1 else x.unflatten(2, (self.networks, -1)).transpose(1, 2).flatten(0, 1)

    def _beside(self, x: Tensor) -> Tensor:
        """Undo `_apart`."""
        return x if self.networks == 1 else x.unflatten(0, (-1, self.networks)).transpose(1, 2).flatten(2)

    def _normalize(self, frames: Tensor, valid: Tensor | None) -> Tensor:
        if self.norm is None:
            return frames
        electrodes = frames.flatten(2, 3)  # (B, F, N * E, K)
        norm = self.norm
        if not self.training or valid is None or not norm.weight.requires_grad:  # a frozen one learns no statistics
            flat, learned = electrodes.flatten(0, 1), (norm.running_mean, norm.running_var, norm.weight, norm.bias)
            return functional.batch_norm(flat, *learned, eps=norm.eps).view_as(frames)
        # Padding must not enter the batch's statistics: only the valid frames pass.
        normalized = torch.zeros_like(electrodes)
        normalized[valid] = self.norm(electrodes[valid].unsqueeze(-1)).squeeze(-1).to(normalized.dtype)
        return normalized.view_as(frames)


def _channels(config: TDSConfig, width: int) -> tuple[int, ...]:
    """Return the channels of each block; a ConfigError for sizes that do not fit together."""
    channels = (config.channels,) * config.blocks if isinstance(config.channels, int) else tuple(config.channels)
    if len(channels) != config.blocks:
        wrong = f"{len(channels)} numbers for {config.blocks} blocks"
        raise ConfigError("encoder.channels", wrong, "give one for all blocks, or one a block")
    if odd := [count for count in channels if width % count]:
        raise ConfigError("encoder.channels", f"{odd[0]} does not divide the width {width}", "choose a divisor of it")
    return channels


class RotationInvariantMLP(nn.Module):
    """One band's frames (B, F, E, K) to (B, F, width), averaged over rolling the electrodes by -1, 0 and +1."""

    def __init__(self, electrodes: int, bins: int, width: int) -> None:
        super().__init__()
        self.rolls = (-1, 0, 1) if electrodes > 1 else (0,)
        self.linear = nn.Linear(electrodes * bins, width)

    def forward(self, frames: Tensor) -> Tensor:
        rolled = [self.linear(frames.roll(shift, 2).flatten(2)).relu() for shift in self.rolls]
        return torch.stack(rolled).mean(0)


class TDSConvBlock(nn.Module):
    """Convolution over time shared by the `width` positions of each channel: (B, F, D) to (B, F - kernel + 1, D)."""

    def __init__(self, channels: int, width: int, kernel: int) -> None:
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv2d(channels, channels, (1, kernel))
        self.norm = nn.LayerNorm(channels * width)

    def forward(self, x: Tensor) -> Tensor:
        planes = x.transpose(1, 2).unflatten(1, (self.channels, -1))  # (B, channels, width, F)
        convolved = self.conv(planes).relu().flatten(1, 2).transpose(1, 2)
        return self.norm(convolved + x[:, x.shape[1] - convolved.shape[1] :])


class TDSFeedForwardBlock(nn.Module):
    """Two linear layers with a residual: (B, F, D) to (B, F, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.layers(x) + x)


def published_names(encoder: nn.Module) -> dict[str, str]:
    """Return, for each name in the encoder's state dict, its name in a published Lightning checkpoint.

    The checkpoint's `model.4.weight` and `model.4.bias` are the linear head.
    """
    return {name: _published_name(name) for name in encoder.state_dict()}


def _published_name(name: str) -> str:
    stage, *path = name.split(".")
    if stage == "norm":
        return f"model.0.batch_norm.{path[0]}"
    if stage == "mlps":
        band, _, parameter = path
        return f"model.1.mlps.{band}.mlp.0.{parameter}"
    index, layer, *rest = path
    layer = {"conv": "conv2d", "norm": "layer_norm", "layers": "fc_block"}[layer]
    return ".".join(["model.3.tds_conv_blocks", index, layer, *rest])
