"""Causal building blocks of the encoders: depthwise convolution, chunked relative attention, the Conformer block.

Shapes by letter: B batch, T samples, F frames, N bands, E electrodes, K frequency bins, D model width, V vocabulary,
H attention heads, Q queries of one attention block, W keys in reach of one attention block.

Each block with a memory has `start` and `step` beside `forward`, which is one step from the start. `step` takes the
past frames that it needs and returns them joined with the new ones; the encoder keeps the latest of these.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_FEW_FRAMES = 8  # up to which a depthwise convolution is faster by hand: the chunks of a stream


class CausalDepthwiseConv(nn.Module):
    """Depthwise convolution over time that sees the present and `kernel - 1` past frames: (B, F, D) to (B, F, D)."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.conv = nn.Conv1d(width, width, kernel, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return self.step(x, self.start(x))[0]

    def start(self, x: Tensor) -> Tensor:
        """Return the frames before the first one of `x` (B, F, D): kernel - 1 frames of zeros."""
        return x.new_zeros(len(x), self.kernel - 1, x.shape[2])

    def step(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve frames x (B, F, D), given the kernel - 1 frames before them.

        Returns:
            The convolved frames (B, F, D), and past and new frames joined as channels, (B, kernel - 1 + F, D).
        """
        joined = torch.cat([past.transpose(1, 2), x.transpose(1, 2)], 2)
        if x.shape[1] <= _FEW_FRAMES and not torch.is_grad_enabled():
            windows = joined.unfold(2, self.kernel, 1)  # (B, D, F, kernel): a fifth of the time that Conv1d takes
            mixed = (windows * self.conv.weight).sum(3) + cast(Tensor, self.conv.bias).unsqueeze(1)
            return mixed.transpose(1, 2), joined.transpose(1, 2)
        return self.conv(joined).transpose(1, 2), joined.transpose(1, 2)


class ChunkedAttention(nn.Module):
    """Self-attention in which a frame sees its own chunk and `left_chunks` chunks before it: (B, F, D) to (B, F, D).

    Positions are learned biases of the distance within the window (T5, arXiv 1910.10683), so that a stream of any
    length never meets a new position. Frames are processed in blocks of whole chunks, in memory linear in F; the
    result does not depend on the size of the block.
    """

    block_frames = 128  # queries computed together; a multiple of every chunk size that divides it

    def __init__(self, width: int, heads: int, chunk_frames: int, left_chunks: int) -> None:
        super().__init__()
        self.heads = heads
        self.chunk = chunk_frames
        self.left = left_chunks * chunk_frames
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)
        # One bias a head for each distance query - key in (-chunk, left + chunk).
        self.distance_bias = nn.Parameter(torch.zeros(heads, self.left + 2 * self.chunk - 1))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.step(x, lengths, self.start(x), lengths.new_zeros(len(x)))[0]

    def start(self, x: Tensor) -> Tensor:
        """Return the keys and values before the first frame of `x`: (B, left, 2 D) zeros, of which none is valid."""
        return x.new_zeros(len(x), self.left, 2 * x.shape[2])

    def step(self, x: Tensor, lengths: Tensor | None, past: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
        """Attend from frames x (B, F, D) that begin where a chunk begins.

        Args:
            lengths: (B,) number of valid frames in x; None: all.
            past: (B, left, 2 D) keys and values of the frames before x.
            seen: (B,) number of valid frames in `past`, the latest ones; None: all.

        Returns:
            The mixed frames (B, F, D), and the keys and values of past and new frames, (B, left + F, 2 D).
        """
        batch, frames, width = x.shape
        block = self.chunk * max(1, min(self.block_frames, frames + self.chunk - 1) // self.chunk)
        blocks = -(-frames // block)
        tail = blocks * block - frames
        query, key_value = self.project_in(x).split([width, 2 * width], dim=-1)
        joined = torch.cat([past, key_value], 1)
        query = functional.pad(query, (0, 0, 0, tail)).view(batch, blocks, block, self.heads, -1).transpose(2, 3)
        windows = functional.pad(joined, (0, 0, 0, tail)).unfold(1, self.left + block, block)  # (B, blocks, 2 D, W)
        key, value = (
            half.unflatten(2, (self.heads, -1)).transpose(3, 4).flatten(0, 1) for half in windows.split(width, 2)
        )
        scores = self._bias(block).unsqueeze(0)  # (1, H, Q, W)
        if lengths is not None or seen is not None or tail:
            mask = self._mask(batch, frames, block, lengths, seen, x.device)
            scores = scores.masked_fill(~mask, float("-inf")).flatten(0, 1)
        mixed = functional.scaled_dot_product_attention(
            query.flatten(0, 1), key, value, attn_mask=scores.to(query.dtype)
        )
        mixed = mixed.transpose(1, 2).reshape(batch, blocks * block, width)[:, :frames]
        return self.project_out(mixed), joined

    def _mask(
        self, batch: int, frames: int, block: int, lengths: Tensor | None, seen: Tensor | None, device: torch.device
    ) -> Tensor:
        """Return (B, blocks, 1, Q, W) bool: valid keys, and each query itself, so that no softmax is empty."""
        end = -(-frames // block) * block
        position = torch.arange(-self.left, end, device=device).unfold(0, self.left + block, block)  # (blocks, W)
        first = torch.full((1,), -self.left, device=device) if seen is None else -seen
        last = torch.full((1,), frames, device=device) if lengths is None else lengths
        valid = (position >= first.view(-1, 1, 1)) & (position < last.view(-1, 1, 1).clamp(min=1))  # (B, blocks, W)
        own = position[:, None, :] == position[:, self.left :, None]
        return (valid[:, :, None] | own).unsqueeze(2)

    def _bias(self, block: int) -> Tensor:
        """Return (H, Q, W): the bias of each pair of query and key, -inf where the key is out of reach."""
        # A trace must not leave its stand-in tensors in the cache.
        pairs = _pairs if torch.compiler.is_compiling() else _cached_pairs
        distance, out_of_reach = pairs(block, self.chunk, self.left, self.distance_bias.device)
        bias = self.distance_bias[:, distance]
        return bias if out_of_reach is None else bias.masked_fill(out_of_reach, float("-inf"))


def _pairs(block: int, chunk: int, left: int, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Return (Q, W): the number of each pair's bias; and True for pairs out of reach, None if there are none."""
    query = torch.arange(block, device=device).unsqueeze(1)
    key = torch.arange(-left, block, device=device).unsqueeze(0)
    chunk_distance = query.div(chunk, rounding_mode="floor") - key.div(chunk, rounding_mode="floor")
    out_of_reach = (chunk_distance < 0) | (chunk_distance > left // chunk)
    distance = (query - key + chunk - 1).clamp(0, left + 2 * chunk - 2)
    return distance, out_of_reach if block > chunk else None


# Cached tensors serve training too, so that they are no tensors of inference mode.
_cached_pairs = lru_cache(maxsize=64)(torch.inference_mode(False)(_pairs))


class FeedForward(nn.Sequential):
    """Pre-norm position-wise feed-forward layer of a Conformer block: (B, F, D) to (B, F, D)."""

    def __init__(self, width: int, expansion: int, dropout: float) -> None:
        super().__init__(
            nn.LayerNorm(width),
            nn.Linear(width, expansion * width),
            nn.SiLU(),
            nn.Linear(expansion * width, width),
            nn.Dropout(dropout),
        )


class ConvolutionModule(nn.Module):
    """Gated causal depthwise convolution, layer norm in place of batch norm: (B, F, D) to (B, F, D)."""

    def __init__(self, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 2 * width)
        self.depthwise = CausalDepthwiseConv(width, kernel)
        self.depthwise_norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.step(x, mask, self.depthwise.start(x))[0]

    def step(self, x: Tensor, mask: Tensor | None, past: Tensor) -> tuple[Tensor, Tensor]:
        """Step as `CausalDepthwiseConv.step` does; `mask` (B, F, 1) is True for valid frames, None: all are."""
        x = functional.glu(self.gate(self.norm(x)), dim=-1)
        x, joined = self.depthwise.step(x if mask is None else x * mask, past)
        return self.dropout(self.project(functional.silu(self.depthwise_norm(x)))), joined


class BlockPast(NamedTuple):
    """The memory of a Conformer block: (B, left, 2 D) keys and values, (B, kernel - 1, D) inputs of the convolution."""

    keys_values: Tensor
    convolved: Tensor


class ConformerBlock(nn.Module):
    """One block of Conformer (arXiv 2005.08100), causal but for the frames of one chunk: (B, F, D) to (B, F, D)."""

    def __init__(
        self, width: int, heads: int, expansion: int, kernel: int, chunk_frames: int, left_chunks: int, dropout: float
    ) -> None:
        super().__init__()
        self.feed_in = FeedForward(width, expansion, dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = ChunkedAttention(width, heads, chunk_frames, left_chunks)
        self.attention_dropout = nn.Dropout(dropout)
        self.convolution = ConvolutionModule(width, kernel, dropout)
        self.feed_out = FeedForward(width, expansion, dropout)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, lengths: Tensor, mask: Tensor) -> Tensor:
        return self.step(x, lengths, mask, self.start(x), lengths.new_zeros(len(x)))[0]

    def start(self, x: Tensor) -> BlockPast:
        """Return the memory before the first frame of `x` (B, F, D)."""
        return BlockPast(self.attention.start(x), self.convolution.depthwise.start(x))

    def step(
        self, x: Tensor, lengths: Tensor | None, mask: Tensor | None, past: BlockPast, seen: Tensor | None
    ) -> tuple[Tensor, BlockPast]:
        """Transform frames x (B, F, D) that begin where a chunk begins; return them, and past and new frames joined."""
        x = x + 0.5 * self.feed_in(x)
        mixed, keys_values = self.attention.step(self.attention_norm(x), lengths, past.keys_values, seen)
        x = x + self.attention_dropout(mixed)
        mixed, convolved = self.convolution.step(x, mask, past.convolved)
        x = x + mixed
        x = x + 0.5 * self.feed_out(x)
        return self.norm(x), BlockPast(keys_values, convolved)
