"""The Conformer: spectral frames of every electrode in, hidden frames at 20-31 Hz (or slower) out, causal by chunks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.models.encoder import Encoded, FrameShape
from emgasr.models.layers import BlockPast, ConformerBlock
from emgasr.models.mixers import AnyMixer, ElectrodeMixer
from emgasr.state import frame_mask, join, latest, part, same

MOST_REACH = 8192  # frames: the pairs that attention compares grow with their square


@dataclass(frozen=True)
class ConformerConfig:
    """Size and reach of the Conformer; `S`, `M` and `L` below are the sizes that the recipes use.

    Args:
        width: model width D.
        blocks: number of Conformer blocks.
        heads: attention heads.
        expansion: width of the feed-forward layers over D.
        kernel: frames of the causal depthwise convolution.
        mixing: how electrodes are mixed. ring: all alike, by convolutions round the ring and an average over its turns.
            free: each in its own place, which it learns: for electrodes that are no ring (chin, neck, forearm bars).
            any: each by its angle round the ring, whatever their number, and those of no ring by what they hear, so
            that the same weights read any armband; its features are shared_axis.
        mixer_channels: channels of the electrode mixer after its first layer; the last has 1.5 times as many.
        turn_sd: in training, the standard deviation of a ring's turn, as it is put on by hand, as a share of the whole
            turn (mixing any). Places are turned, not signals: a mixture of two electrodes is none that muscles make.
        reversal: in training, the probability that a ring runs the other way round, as on the other arm (mixing any).
        subsampling: input frames an output frame, a power of two. Typing is safe at 20-31 Hz (facts of emg2qwerty's key
            intervals: 0.8 % of gaps are shorter than a frame at 31 Hz); slow words and gestures want a lower rate.
        chunk_frames: output frames that attend to each other; the lookahead is `chunk_frames - 1`.
        left_chunks: chunks of history in reach of attention.
        intermediate_block: block after which an intermediate CTC loss is taken (arXiv 2102.03216); 0 for none.
        dropout: probability of dropout in every block.
        beside: whether the frames that it reads stand behind the hidden frames, in rows of width + N * E * K: for heads
            that weigh what an encoder learned from other people against what anybody sees.
    """

    kind: Literal["conformer"] = "conformer"
    width: Annotated[int, Within(1, 65_536)] = 128
    blocks: Annotated[int, Within(1, 64)] = 4
    heads: Annotated[int, Within(1, 1024)] = 4
    expansion: Annotated[int, Within(1, 64)] = 2
    kernel: Annotated[int, Within(1, 4096)] = 15
    mixing: Literal["ring", "free", "any"] = "ring"
    mixer_channels: Annotated[int, Within(1, 4096)] = 16
    turn_sd: Annotated[float, Within(0, 1)] = 0.0
    reversal: Annotated[float, Within(0, 1)] = 0.0
    subsampling: Annotated[int, Within(1, 64)] = 4
    chunk_frames: Annotated[int, Within(1, 1024)] = 4
    left_chunks: Annotated[int, Within(0, 8192)] = 16
    intermediate_block: Annotated[int, Within(0, 64)] = 2
    dropout: Annotated[float, Within(0, 0.99)] = 0.1
    beside: bool = False

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

    @property
    def held_frames(self) -> int:
        """Input frames of a chunk, which a stream holds back until the chunk is complete."""
        return self.chunk_frames * self.subsampling


SIZES: dict[str, ConformerConfig] = {
    "S": ConformerConfig(),
    "M": ConformerConfig(width=256, blocks=5, mixer_channels=16, intermediate_block=3),
    "L": ConformerConfig(width=384, blocks=6, heads=6, expansion=4, mixer_channels=32, intermediate_block=3),
}


class ConformerState(NamedTuple):
    """The memory of a stream.

    Args:
        held: (B, H, N, E, K) input frames of the chunk that is not complete; H is one less than a chunk has.
        lengths: (B,) number of valid frames in `held`.
        seen: (B,) number of past hidden frames in reach of attention.
        mixer: latest input (B, 1, N, channels, E) of each strided convolution.
        blocks: memory of each Conformer block.
    """

    held: Tensor
    lengths: Tensor
    seen: Tensor
    mixer: tuple[Tensor, ...]
    blocks: tuple[BlockPast, ...]


class ConformerEncoder(nn.Module):
    """Frames (B, F, N, E, K) to hidden frames (B, F', D), F' = F // subsampling, known a chunk at a time."""

    silent_frames = 0

    def __init__(self, config: ConformerConfig, shape: FrameShape) -> None:
        super().__init__()
        self.config = config
        self.frame_shape = shape.sizes
        self.width = config.width + (math.prod(shape.sizes) if config.beside else 0)
        self.stride = config.subsampling
        self.chunk_frames = config.chunk_frames
        sizes = (config.width, config.mixer_channels, config.subsampling)
        self.mixer: ElectrodeMixer | AnyMixer
        if config.mixing == "any":
            self.mixer = AnyMixer(shape, *sizes, config.turn_sd, config.reversal)
        else:
            self.mixer = ElectrodeMixer(*shape.sizes, *sizes, ring=config.mixing == "ring")
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

    @property
    def history_frames(self) -> int:
        """Input frames before a chunk that its output may depend on."""
        block = (
            self.config.left_chunks * self.config.chunk_frames + self.config.chunk_frames - 1 + self.config.kernel - 1
        )
        return self.config.blocks * block * self.stride + self.stride  # the mixer sees less than one group back

    @property
    def lookahead_frames(self) -> int:
        """Input frames behind the first frame of a chunk that its output depends on."""
        return self.config.chunk_frames * self.stride - 1

    def forward(self, frames: Tensor, lengths: Tensor, hidden: Tensor | None = None) -> Encoded:
        """Encode whole recordings; in training with the hidden frames of `intermediate_block`.

        Frames in `hidden` (B, F) bool are not seen, by a mixer of any layout: to be guessed, in pretraining.
        """
        count = frames.shape[1] // self.stride
        # Less than one group gives no output, but the convolutions need a group to run on.
        frames = functional.pad(frames, (0, 0, 0, 0, 0, 0, 0, max(0, self.stride - frames.shape[1])))
        if hidden is not None:
            hidden = functional.pad(hidden, (0, max(0, self.stride - hidden.shape[1])))
        mixed = self.mixer(frames, lengths) if hidden is None else self.mixer(frames, lengths, hidden)
        x, lengths = self.dropout(mixed), self.mixer.lengths(lengths)
        mask = frame_mask(lengths, x.shape[1]).unsqueeze(2)
        x = x * mask
        intermediate: tuple[Tensor, ...] = ()
        for number, block in enumerate(self.blocks, 1):
            x = block(x, lengths, mask)
            if self.training and number == self.config.intermediate_block < len(self.blocks):
                intermediate = (self._beside(x, frames)[:, :count],)
        return Encoded((self._beside(x, frames) * mask)[:, :count], lengths, intermediate)

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> ConformerState:
        """Return the state of `batch` streams that have received nothing."""
        none = torch.zeros(batch, dtype=torch.long, device=device)
        hidden = torch.zeros((batch, 0, self.config.width), dtype=dtype, device=device)
        blocks = tuple(block.start(hidden) for block in cast(list[ConformerBlock], self.blocks))
        held = torch.zeros((batch, self.chunk_frames * self.stride - 1, *self.frame_shape), dtype=dtype, device=device)
        return ConformerState(held, none, none, self.mixer.start(batch, dtype, device), blocks)

    def step(self, frames: Tensor, lengths: Tensor, state: ConformerState) -> tuple[Tensor, Tensor, ConformerState]:
        """Return the hidden frames of all chunks that the next frames complete, their lengths (B,), the new state."""
        frames, lengths = join(state.held, state.lengths, frames, lengths)
        ready = lengths - lengths % (self.chunk_frames * self.stride)
        held = part(frames, ready, state.held.shape[1])
        return self._ready(frames, ready, state._replace(held=held, lengths=lengths - ready))

    def flush(self, state: ConformerState) -> tuple[Tensor, Tensor]:
        """Return the hidden frames of the whole groups in the last, incomplete chunk, and their lengths (B,)."""
        ready = state.lengths - state.lengths % self.stride
        return self._ready(state.held, ready, state)[:2]

    def advance(self, frames: Tensor, state: ConformerState) -> tuple[Tensor, ConformerState]:
        """Return the hidden frames of whole chunks, and the new state, without a look at any number."""
        return self._encoded(frames, None, state, state.seen)

    def _ready(self, frames: Tensor, ready: Tensor, state: ConformerState) -> tuple[Tensor, Tensor, ConformerState]:
        """Encode the first `ready` (B,) frames of each stream; masks are left out where the numbers allow it."""
        counts = ready // self.stride
        frames = frames[:, : int(ready.max())]
        if frames.shape[1] == 0:
            return frames.new_zeros(len(frames), 0, self.width), counts, state
        ragged = same(ready) is None
        full = int(state.seen.min()) == self.config.left_chunks * self.chunk_frames
        hidden, state = self._encoded(frames, ready if ragged else None, state, None if full else state.seen)
        return hidden, counts, state

    def _encoded(
        self, frames: Tensor, ready: Tensor | None, state: ConformerState, seen: Tensor | None
    ) -> tuple[Tensor, ConformerState]:
        """Encode frames of which `ready` (B,) are valid, None: all; `seen` None: attention's whole past is valid."""
        reach = self.config.left_chunks * self.chunk_frames
        counts = None if ready is None else ready // self.stride
        x, inputs = self.mixer.step(frames, ready, state.mixer)
        mask = None if counts is None else frame_mask(counts, x.shape[1]).unsqueeze(2)
        x = x if mask is None else x * mask
        blocks = []
        for block, past in zip(cast(list[ConformerBlock], self.blocks), state.blocks, strict=True):
            x, joined = block.step(x, counts, mask, past, seen)
            kept = (_latest(now, counts, then.shape[1]) for now, then in zip(joined, past, strict=True))
            blocks.append(BlockPast(*kept))
        mixer = tuple(_latest(now, None if ready is None else ready >> i, 1) for i, now in enumerate(inputs))
        x = self._beside(x, frames)
        new_seen = (state.seen + (x.shape[1] if counts is None else counts)).clamp(max=reach)
        return x if mask is None else x * mask, state._replace(seen=new_seen, mixer=mixer, blocks=tuple(blocks))

    def _beside(self, hidden: Tensor, frames: Tensor) -> Tensor:
        """Return hidden frames (B, F', D) with the mean of the frames (B, F, N, E, K) that each stands for."""
        if not self.config.beside:
            return hidden
        groups = frames[:, : hidden.shape[1] * self.stride].unflatten(1, (hidden.shape[1], self.stride))
        return torch.cat([hidden, groups.mean(2).flatten(2)], 2)


def _latest(values: Tensor, ends: Tensor | None, size: int) -> Tensor:
    """Return (B, size, ...): the latest values of each stream before its end (B,), which counts from `size` on."""
    return latest(values, size) if ends is None else part(values, ends, size)
