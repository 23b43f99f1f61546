"""The Conformer: spectral frames of every electrode in, hidden frames at 20-31 Hz (or slower) out, causal by chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.models.layers import BlockPast, ConformerBlock
from emgasr.state import frame_mask, join, part, same

MOST_REACH = 8192  # frames: what attention compares grows with their square


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
    width: Annotated[int, Within(1, 65_536)] = 128
    blocks: Annotated[int, Within(1, 64)] = 4
    heads: Annotated[int, Within(1, 1024)] = 4
    expansion: Annotated[int, Within(1, 64)] = 2
    kernel: Annotated[int, Within(1, 4096)] = 15
    mixer_channels: Annotated[int, Within(1, 4096)] = 16
    subsampling: Annotated[int, Within(1, 64)] = 4
    chunk_frames: Annotated[int, Within(1, 1024)] = 4
    left_chunks: Annotated[int, Within(0, 8192)] = 16
    intermediate_block: Annotated[int, Within(0, 64)] = 2
    dropout: Annotated[float, Within(0, 0.99)] = 0.1

    def __post_init__(self) -> None:
        check_within(self, "encoder")
        if self.chunk_frames * max(self.left_chunks, 8) > MOST_REACH:
            wrong = f"{self.left_chunks} left_chunks of {self.chunk_frames} chunk_frames"
            raise ConfigError("encoder", wrong, f"at most {MOST_REACH // 8} chunk_frames, and {MOST_REACH} in all")
        if self.subsampling & (self.subsampling - 1):
            raise ConfigError(
                "encoder.subsampling", f"{self.subsampling} is not a power of two", "choose 1, 2, 4, 8 or 16"
            )
        if self.width % self.heads:
            raise ConfigError("encoder.width", f"{self.width} is not a multiple of heads {self.heads}", "change either")
        if self.intermediate_block > self.blocks:
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
        self.sizes = sizes[:-1]
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

    def start(self, frames: Tensor) -> tuple[Tensor, ...]:
        """What each convolution remembers of the frame before the first: (B, 1, N, channels, E) of zeros."""
        batch, _, bands = frames.shape[:3]
        return tuple(frames.new_zeros(batch, 1, bands, width, self.electrodes) for width in self.sizes)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.step(frames, lengths, self.start(frames))[0]

    def step(
        self, frames: Tensor, lengths: Tensor | None, past: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Mix frames that begin where a group does; `lengths` None: all are valid.

        The second answer is the input of each convolution with the frame before it, (B, 1 + F, N, channels, E).
        """
        batch, _, bands = frames.shape[:3]
        x = functional.silu(self.embed(frames))
        x = x.permute(0, 2, 4, 1, 3).flatten(0, 1)  # (B N, channels, F, E)
        lengths = None if lengths is None else lengths.repeat_interleave(bands)
        inputs = []
        for conv, before in zip(self.strided, past, strict=True):
            if lengths is not None:
                x = x * frame_mask(lengths, x.shape[2])[:, None, :, None]
                lengths = lengths // 2
            # One past frame and both frames of the pair: nothing later than the pair, which an output frame waits for.
            x = torch.cat([before.permute(0, 2, 3, 1, 4).flatten(0, 1), x], dim=2)
            inputs.append(x.unflatten(0, (batch, bands)).permute(0, 3, 1, 2, 4))
            if self.electrodes > 1:
                x = torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)
            x = functional.silu(conv(x))
        x = x.permute(0, 2, 1, 3)  # (B N, F', channels, E)
        turned = [functional.silu(self.flatten(x.roll(turn, dims=3).flatten(2))) for turn in self.rotations]
        x = torch.stack(turned).mean(dim=0)
        x = self.norm(self.project(x.unflatten(0, (batch, bands)).transpose(1, 2).flatten(2)))
        return x, tuple(inputs)


class ConformerState(NamedTuple):
    """What a stream remembers: frames of a chunk that is not complete, and what its layers look back on."""

    held: Tensor  # (B, chunk - 1 input frames, N, E, K)
    held_lengths: Tensor  # (B,): how many of them there are
    seen: Tensor  # (B,): hidden frames in reach of attention
    mixer: tuple[Tensor, ...]  # of each strided convolution (B, 1, N, channels, E)
    blocks: tuple[BlockPast, ...]


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
        x, _ = self.mixer.step(frames, lengths, self.mixer.start(frames))
        x, lengths = self.dropout(x), self.mixer.lengths(lengths)
        mask = frame_mask(lengths, x.shape[1]).unsqueeze(2)
        x = x * mask
        self.intermediate = None
        for number, block in enumerate(self.blocks, 1):
            x = block(x, lengths, mask)
            if self.training and number == self.config.intermediate_block < len(self.blocks):
                self.intermediate = x[:, :count]
        return (x * mask)[:, :count], lengths

    def start(self, frames: Tensor) -> ConformerState:
        """The state of streams that have seen nothing; `frames` (B, F, N, E, K) tell their number and kind."""
        group = self.chunk_frames * self.stride
        none = torch.zeros(len(frames), dtype=torch.long, device=frames.device)
        hidden = frames.new_zeros(len(frames), 0, self.width)
        blocks = tuple(block.start(hidden) for block in cast(list[ConformerBlock], self.blocks))
        held = frames.new_zeros(len(frames), group - 1, *frames.shape[2:])
        return ConformerState(held, none, none, self.mixer.start(frames), blocks)

    def step(self, frames: Tensor, lengths: Tensor, state: ConformerState) -> tuple[Tensor, Tensor, ConformerState]:
        """The hidden frames of all chunks that are complete with the next `lengths` (B,) of frames (B, F, N, E, K)."""
        frames, lengths = join(state.held, state.held_lengths, frames, lengths)
        ready = lengths - lengths % (self.chunk_frames * self.stride)
        held = part(frames, ready, state.held.shape[1])
        state = state._replace(held=held, held_lengths=lengths - ready)
        return self._stepped(frames[:, : int(ready.max())], ready, state)

    def flush(self, state: ConformerState) -> tuple[Tensor, Tensor]:
        """The hidden frames of the last chunk, of as many groups as are complete."""
        ready = state.held_lengths - state.held_lengths % self.stride
        return self._stepped(state.held[:, : int(ready.max())], ready, state)[:2]

    def _stepped(self, frames: Tensor, ready: Tensor, state: ConformerState) -> tuple[Tensor, Tensor, ConformerState]:
        counts = ready // self.stride
        if frames.shape[1] == 0:
            return frames.new_zeros(len(frames), 0, self.width), counts, state
        reach = self.config.left_chunks * self.chunk_frames
        ragged = same(ready) is None
        seen = state.seen if int(state.seen.min()) < reach else None
        x, inputs = self.mixer.step(frames, ready if ragged else None, state.mixer)
        mask = frame_mask(counts, x.shape[1]).unsqueeze(2) if ragged else None
        x = x if mask is None else x * mask
        blocks = []
        for block, past in zip(cast(list[ConformerBlock], self.blocks), state.blocks, strict=True):
            x, joined = block.step(x, counts if ragged else None, mask, past, seen)
            latest = (part(now, counts, then.shape[1]) for now, then in zip(joined, past, strict=True))
            blocks.append(BlockPast(*latest))
        mixer = tuple(part(now, ready >> stage, 1) for stage, now in enumerate(inputs))
        seen = (state.seen + counts).clamp(max=reach)
        return x if mask is None else x * mask, counts, state._replace(seen=seen, mixer=mixer, blocks=tuple(blocks))
