"""The Conformer: spectral frames of every electrode in, hidden frames at 20-31 Hz (or slower) out, causal by chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.errors import ConfigError
from emgasr.layers import ConformerBlock, frame_mask


@dataclass(frozen=True)
class ConformerConfig:
    """Size and reach of the Conformer; `S`, `M` and `L` below are the sizes that the recipes use.

    Args:
        width: model width D.
        blocks: number of Conformer blocks.
        heads: attention heads.
        expansion: width of the feed-forward layers over D.
        kernel: frames of the causal depthwise convolution.
        mixer_channels: channels of the electrode mixer after its first layer; the last has 1.5 times as many.
        subsampling: input frames an output frame, a power of two. Typing is safe at 20-31 Hz (facts of emg2qwerty's key
            intervals: 0.8 % of gaps are shorter than a frame at 31 Hz); slow words and gestures want a lower rate.
        chunk_frames: output frames that attend to each other; the lookahead is `chunk_frames - 1`.
        left_chunks: chunks of history in reach of attention.
        intermediate_block: block after which an intermediate CTC loss is taken (arXiv 2102.03216); 0 for none.
        dropout: probability of dropout in every block.
    """

    kind: Literal["conformer"] = "conformer"
    width: int = 128
    blocks: int = 4
    heads: int = 4
    expansion: int = 2
    kernel: int = 15
    mixer_channels: int = 16
    subsampling: int = 4
    chunk_frames: int = 4
    left_chunks: int = 16
    intermediate_block: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("width", "blocks", "heads", "expansion", "kernel", "mixer_channels", "chunk_frames"):
            if getattr(self, name) < 1:
                raise ConfigError(f"encoder.{name}", f"{getattr(self, name)} is below 1", "see ConformerConfig")
        if self.left_chunks < 0:
            raise ConfigError("encoder.left_chunks", f"{self.left_chunks} is below 0", "0 sees the own chunk only")
        if not 0 <= self.dropout < 1:
            raise ConfigError("encoder.dropout", f"{self.dropout:g} is no probability below 1", "0 switches it off")
        if self.subsampling < 1 or self.subsampling & (self.subsampling - 1):
            raise ConfigError(
                "encoder.subsampling", f"{self.subsampling} is not a power of two", "choose 1, 2, 4, 8 or 16"
            )
        if self.width % self.heads:
            raise ConfigError("encoder.width", f"{self.width} is not a multiple of heads {self.heads}", "change either")
        if not 0 <= self.intermediate_block <= self.blocks:
            raise ConfigError("encoder.intermediate_block", f"must lie in 0..{self.blocks}", "0 switches it off")


SIZES: dict[str, ConformerConfig] = {
    "S": ConformerConfig(),
    "M": ConformerConfig(width=256, blocks=5, mixer_channels=16, intermediate_block=3),
    "L": ConformerConfig(width=384, blocks=6, heads=6, expansion=4, mixer_channels=32, intermediate_block=3),
}


class ElectrodeMixer(nn.Module):
    """Electrodes of each band to one vector, weights shared by the bands: (B, F, N, E, K) to (B, F', D).

    Convolutions run over time (causal, strided) and round the ring of electrodes (circular), so that a rotated ring
    gives a rotated image; the last layer averages over rotations by -1, 0 and +1 electrode, the idea of emg2qwerty's
    rotation-invariant MLP at a quarter of its rate.
    """

    def __init__(self, bands: int, electrodes: int, bins: int, width: int, channels: int, subsampling: int) -> None:
        super().__init__()
        stages = subsampling.bit_length() - 1
        wide = channels * 3 // 2
        self.electrodes = electrodes
        self.subsampling = subsampling
        self.embed = nn.Linear(bins, channels)
        sizes = [channels] * stages + [wide]
        self.strided = nn.ModuleList(
            nn.Conv2d(sizes[i], sizes[i + 1], (3, 3 if electrodes > 1 else 1), stride=(2, 1)) for i in range(stages)
        )
        last = sizes[-1] if stages else channels
        self.rotations = (-1, 0, 1) if electrodes > 1 else (0,)
        self.flatten = nn.Linear(last * electrodes, width)
        self.project = nn.Linear(bands * width, width)
        self.norm = nn.LayerNorm(width)
        for layer in (self.embed, *self.strided, self.flatten):
            # PyTorch's default would shrink the signal by half a layer, and training would sit on blanks for long.
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def lengths(self, lengths: Tensor) -> Tensor:
        """Output frames of `lengths` (B,) input frames: one a whole group of `subsampling` frames."""
        return lengths // self.subsampling

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        batch, _, bands = frames.shape[:3]
        x = functional.silu(self.embed(frames))
        x = x.permute(0, 2, 4, 1, 3).flatten(0, 1)  # (B N, channels, F, E)
        lengths = lengths.repeat_interleave(bands)
        for conv in self.strided:
            x = x * frame_mask(lengths, x.shape[2])[:, None, :, None]
            if self.electrodes > 1:
                x = torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)
            # One past frame and both frames of the pair: nothing later than the pair, which an output frame waits for.
            x = functional.silu(conv(functional.pad(x, (0, 0, 1, 0))))
            lengths = lengths // 2
        x = x.permute(0, 2, 1, 3)  # (B N, F', channels, E)
        turned = [functional.silu(self.flatten(x.roll(turn, dims=3).flatten(2))) for turn in self.rotations]
        x = torch.stack(turned).mean(dim=0)
        return self.norm(self.project(x.unflatten(0, (batch, bands)).transpose(1, 2).flatten(2)))


class ConformerEncoder(nn.Module):
    """Frames (B, F, N, E, K) and lengths (B,) to hidden frames (B, F', D) and their lengths, F' = F // subsampling.

    `intermediate` holds the hidden frames for the intermediate CTC loss of the latest forward in training, else None.
    """

    def __init__(self, config: ConformerConfig, bands: int, electrodes: int, bins: int) -> None:
        super().__init__()
        self.config = config
        self.width = config.width
        self.stride = config.subsampling
        self.chunk_frames = config.chunk_frames
        self.mixer = ElectrodeMixer(bands, electrodes, bins, config.width, config.mixer_channels, config.subsampling)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            ConformerBlock(
                config.width,
                config.heads,
                config.expansion,
                config.kernel,
                config.chunk_frames,
                config.left_chunks,
                config.dropout,
            )
            for _ in range(config.blocks)
        )
        self.intermediate: Tensor | None = None

    @property
    def history_frames(self) -> int:
        """Input frames before a chunk that its output depends on."""
        block = (
            self.config.left_chunks * self.config.chunk_frames + self.config.chunk_frames - 1 + self.config.kernel - 1
        )
        return self.config.blocks * block * self.stride + self.stride  # the mixer sees less than one group back

    @property
    def lookahead_frames(self) -> int:
        """Input frames after the first frame of a chunk that its output depends on."""
        return self.config.chunk_frames * self.stride - 1

    def forward(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        count = frames.shape[1] // self.stride
        # Less than one group gives no output, but the convolutions need a group to run on.
        frames = functional.pad(frames, (0, 0, 0, 0, 0, 0, 0, max(0, self.stride - frames.shape[1])))
        x = self.dropout(self.mixer(frames, lengths))
        lengths = self.mixer.lengths(lengths)
        mask = frame_mask(lengths, x.shape[1]).unsqueeze(2)
        x = x * mask
        self.intermediate = None
        for number, block in enumerate(self.blocks, 1):
            x = block(x, lengths, mask)
            if self.training and number == self.config.intermediate_block < len(self.blocks):
                self.intermediate = x[:, :count]
        return (x * mask)[:, :count], lengths
