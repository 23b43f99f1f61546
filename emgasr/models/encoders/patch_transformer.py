"""The patch Transformer, after TinyMyo: short frames of samples in, a token for each electrode and frame, tokens out.

TinyMyo (Fasulo et al. 2025, arXiv 2512.15729) embeds patches of 20 samples by a convolution that all electrodes share,
and lets every token of a window attend to every other. Its positions reach no token, so that it reads a bag of patches.
Here a token knows its electrode, and its distance in time and along the electrodes from each that it attends to. It
attends to its own frame and to a limited number before it, so that a stream reads as a whole recording does. A patch is
a frame: features of raw samples give TinyMyo's, others their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.framewise import FramewiseEncoder, kept
from emgasr.models.layers import ChunkedAttention

MOST_REACH = 8192  # tokens: the pairs that attention compares grow with their number


@dataclass(frozen=True)
class PatchTransformerConfig:
    """Size and reach of the patch Transformer; the defaults are TinyMyo's size, `SMALL` one that trains in minutes.

    Args:
        width: width of a token; hidden frames are as many times wider as there are electrodes.
        layers: number of Transformer layers.
        heads: attention heads; they divide the width.
        expansion: width of the feed-forward layers over that of a token.
        left_frames: frames before the present one in reach of a layer's attention.
        dropout: probability of dropout behind attention and feed-forward layers.
    """

    kind: Literal["patch_transformer"] = "patch_transformer"
    width: Annotated[int, Within(1, 65_536)] = 192
    layers: Annotated[int, Within(1, 64)] = 8
    heads: Annotated[int, Within(1, 1024)] = 3
    expansion: Annotated[int, Within(1, 64)] = 4
    left_frames: Annotated[int, Within(0, 8192)] = 10
    dropout: Annotated[float, Within(0, 0.99)] = 0.1

    def __post_init__(self) -> None:
        check_within(self, "encoder")
        if self.width % self.heads:
            raise ConfigError("encoder.width", f"{self.width} is not a multiple of heads {self.heads}", "change either")

    @property
    def held_frames(self) -> int:
        """Frames that the memory of a layer spans."""
        return self.left_frames + 1


SMALL = PatchTransformerConfig(width=48, layers=3, heads=3, expansion=2, left_frames=5)


class PatchTransformerState(NamedTuple):
    """The memory of a stream.

    Args:
        seen: (B,) number of past frames in reach of attention.
        past: keys and values of each layer's past tokens, (B, left_frames * N * E, 2 * token width).
    """

    seen: Tensor
    past: tuple[Tensor, ...]


class PatchTransformerEncoder(FramewiseEncoder):
    """Frames (B, F, N, E, K) to hidden frames (B, F, D): the tokens of a frame's electrodes, side by side."""

    def __init__(self, config: PatchTransformerConfig, shape: FrameShape) -> None:
        super().__init__()
        self.config = config
        self.tokens = shape.bands * shape.electrodes  # a frame
        if self.tokens * max(config.left_frames, 1) > MOST_REACH:
            wrong = f"{config.left_frames} left_frames of {self.tokens} electrodes"
            raise ConfigError("encoder", wrong, f"at most {MOST_REACH} tokens")
        self.width = self.tokens * config.width
        self.history_frames = config.layers * config.left_frames
        self.embed = nn.Linear(shape.bins, config.width)
        self.place = nn.Parameter(0.02 * torch.randn(shape.bands, shape.electrodes, config.width))
        self.layers = nn.ModuleList(PatchTransformerLayer(config, self.tokens) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> PatchTransformerState:
        """Return the state of `batch` streams that have received nothing."""
        shape = (batch, self.config.left_frames * self.tokens, 2 * self.config.width)
        past = tuple(torch.zeros(shape, dtype=dtype, device=device) for _ in self.layers)
        return PatchTransformerState(torch.zeros(batch, dtype=torch.long, device=device), past)

    def read(
        self, frames: Tensor, lengths: Tensor | None, state: PatchTransformerState
    ) -> tuple[Tensor, PatchTransformerState]:
        x = (self.embed(frames) + self.place).flatten(1, 3)  # (B, F * tokens, token width)
        counts = None if lengths is None else lengths * self.tokens
        past = []
        for layer, before in zip(cast(list[PatchTransformerLayer], self.layers), state.past, strict=True):
            x, joined = layer.step(x, before, state.seen * self.tokens)
            past.append(kept(joined, counts, before.shape[1]))
        seen = (state.seen + (frames.shape[1] if lengths is None else lengths)).clamp(max=self.config.left_frames)
        hidden = self.norm(x).unflatten(1, (-1, self.tokens)).flatten(2)
        return hidden, PatchTransformerState(seen, tuple(past))


class PatchTransformerLayer(nn.Module):
    """Pre-norm attention and feed-forward layers over tokens in order of time, then electrodes: (B, T, W) to alike."""

    def __init__(self, config: PatchTransformerConfig, tokens: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width)
        # The tokens of a frame are what it calls a chunk: they see each other, and those of the frames before them.
        self.attention = ChunkedAttention(config.width, config.heads, tokens, config.left_frames)
        self.attention.block_frames = tokens * max(1, config.left_frames)  # so that few pairs are out of reach
        self.dropout = nn.Dropout(config.dropout)
        self.feed = nn.Sequential(
            nn.LayerNorm(config.width),
            nn.Linear(config.width, config.expansion * config.width),
            nn.GELU(),
            nn.Linear(config.expansion * config.width, config.width),
            nn.Dropout(config.dropout),
        )

    def step(self, x: Tensor, past: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens that follow `past` (B, left, 2 W), and past and new keys and values joined."""
        mixed, joined = self.attention.step(self.attention_norm(x), None, past, seen)
        x = x + self.dropout(mixed)
        return x + self.feed(x), joined
