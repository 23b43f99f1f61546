"""The Conformer: spectral frames of every electrode in, hidden frames at 20-31 Hz (or slower) out, causal by chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.models.encoder import Encoded
from emgasr.models.layers import BlockPast, ConformerBlock
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
    mixing: Literal["ring", "free"] = "ring"
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

    @property
    def held_frames(self) -> int:
        """Input frames of a chunk, which a stream holds back until the chunk is complete."""
        return self.chunk_frames * self.subsampling


SIZES: dict[str, ConformerConfig] = {
    "S": ConformerConfig(),
    "M": ConformerConfig(width=256, blocks=5, mixer_channels=16, intermediate_block=3),
    "L": ConformerConfig(width=384, blocks=6, heads=6, expansion=4, mixer_channels=32, intermediate_block=3),
}


class ElectrodeMixer(nn.Module):
    """Electrodes of each band to one vector, weights shared by the bands: (B, F, N, E, K) to (B, F', D).

    Convolutions run over time (causal, strided) and round the ring of electrodes (circular), so that a rotated ring
    gives a rotated image; the last layer averages over rotations by -1, 0 and +1 electrode, the idea of emg2qwerty's
    rotation-invariant MLP at a quarter of its rate. Without a `ring` convolutions run over time alone, nothing turns,
    and an electrode's place is added to what it gives.
    """

    def __init__(
        self, bands: int, electrodes: int, bins: int, width: int, channels: int, subsampling: int, ring: bool = True
    ) -> None:
        super().__init__()
        stages = subsampling.bit_length() - 1
        wide = channels * 3 // 2
        self.bands, self.electrodes = bands, electrodes
        self.ring = ring and electrodes > 1
        self.subsampling = subsampling
        self.embed = nn.Linear(bins, channels)
        sizes = [channels] * stages + [wide]
        self.strided = nn.ModuleList(
            nn.Conv2d(sizes[i], sizes[i + 1], (3, 3 if self.ring else 1), stride=(2, 1)) for i in range(stages)
        )
        last = sizes[-1] if stages else channels
        self.sizes = sizes[:-1]
        self.rotations = (-1, 0, 1) if self.ring else (0,)
        self.flatten = nn.Linear(last * electrodes, width)
        self.project = nn.Linear(bands * width, width)
        self.norm = nn.LayerNorm(width)
        for layer in (self.embed, *self.strided, self.flatten):
            # PyTorch's default would shrink the signal by half a layer, and training would sit on blanks for long.
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.place = None if ring else nn.Parameter(torch.zeros(bands, electrodes, channels))

    def lengths(self, lengths: Tensor) -> Tensor:
        """Return the output frames of `lengths` (B,) input frames: one for each whole group of `subsampling` frames."""
        return lengths // self.subsampling

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
        """Return the input of each convolution before the first frame: (B, 1, N, channels, E) of zeros."""
        shapes = [(batch, 1, self.bands, width, self.electrodes) for width in self.sizes]
        return tuple(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.step(frames, lengths, self.start(len(frames), frames.dtype, frames.device))[0]

    def step(
        self, frames: Tensor, lengths: Tensor | None, past: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Mix frames that begin where a group begins.

        Args:
            lengths: (B,) number of valid frames; None: all.
            past: the input of each convolution before these frames.

        Returns:
            The mixed frames (B, F', D), and each convolution's past and new inputs, (B, 1 + F, N, channels, E).
        """
        batch, _, bands = frames.shape[:3]
        x = self.embed(frames)
        x = functional.silu(x if self.place is None else x + self.place)
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
            if self.ring:
                x = torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)
            x = functional.silu(conv(x))
        x = x.permute(0, 2, 1, 3)  # (B N, F', channels, E)
        turned = [functional.silu(self.flatten(x.roll(turn, dims=3).flatten(2))) for turn in self.rotations]
        x = torch.stack(turned).mean(dim=0)
        x = self.norm(self.project(x.unflatten(0, (batch, bands)).transpose(1, 2).flatten(2)))
        return x, tuple(inputs)


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

    def __init__(self, config: ConformerConfig, bands: int, electrodes: int, bins: int) -> None:
        super().__init__()
        self.config = config
        self.frame_shape = (bands, electrodes, bins)
        self.width = config.width
        self.stride = config.subsampling
        self.chunk_frames = config.chunk_frames
        sizes = (config.width, config.mixer_channels, config.subsampling)
        self.mixer = ElectrodeMixer(bands, electrodes, bins, *sizes, ring=config.mixing == "ring")
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

    def forward(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Encode whole recordings; in training with the hidden frames of `intermediate_block`."""
        count = frames.shape[1] // self.stride
        # Less than one group gives no output, but the convolutions need a group to run on.
        frames = functional.pad(frames, (0, 0, 0, 0, 0, 0, 0, max(0, self.stride - frames.shape[1])))
        x, lengths = self.dropout(self.mixer(frames, lengths)), self.mixer.lengths(lengths)
        mask = frame_mask(lengths, x.shape[1]).unsqueeze(2)
        x = x * mask
        intermediate: tuple[Tensor, ...] = ()
        for number, block in enumerate(self.blocks, 1):
            x = block(x, lengths, mask)
            if self.training and number == self.config.intermediate_block < len(self.blocks):
                intermediate = (x[:, :count],)
        return Encoded((x * mask)[:, :count], lengths, intermediate)

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> ConformerState:
        """Return the state of `batch` streams that have received nothing."""
        none = torch.zeros(batch, dtype=torch.long, device=device)
        hidden = torch.zeros((batch, 0, self.width), dtype=dtype, device=device)
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
        new_seen = (state.seen + (x.shape[1] if counts is None else counts)).clamp(max=reach)
        return x if mask is None else x * mask, state._replace(seen=new_seen, mixer=mixer, blocks=tuple(blocks))


def _latest(values: Tensor, ends: Tensor | None, size: int) -> Tensor:
    """Return (B, size, ...): the latest values of each stream before its end (B,), which counts from `size` on."""
    return latest(values, size) if ends is None else part(values, ends, size)
