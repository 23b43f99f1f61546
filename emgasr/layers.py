"""Causal building blocks of the encoders: depthwise convolution, chunked relative attention, the Conformer block.

Shapes by letter: B batch, T samples, F frames, N bands, E electrodes, K frequency bins, D model width, V vocabulary,
H attention heads, Q queries of one attention block, W keys in reach of one attention block.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """(B, F) bool: True for the valid frames of each item, given `lengths` (B,)."""
    return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)


class CausalDepthwiseConv(nn.Module):
    """Depthwise convolution over time that sees the present and `kernel - 1` past frames: (B, F, D) to (B, F, D)."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.conv = nn.Conv1d(width, width, kernel, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.pad(x.transpose(1, 2), (self.kernel - 1, 0))).transpose(1, 2)


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
        batch, frames, width = x.shape
        block = self.chunk * max(1, min(self.block_frames, frames + self.chunk - 1) // self.chunk)
        blocks = -(-frames // block)
        query, key, value = self.project_in(x).chunk(3, dim=-1)
        tail = blocks * block - frames
        query = functional.pad(query, (0, 0, 0, tail)).view(batch, blocks, block, self.heads, -1).transpose(2, 3)
        key, value = (self._windows(t, tail, block) for t in (key, value))
        # Keys before the start of the recording and behind its end are masked; every query keeps its own position.
        position = torch.arange(-self.left, blocks * block, device=x.device).unfold(0, self.left + block, block)
        valid = (position >= 0) & (position < lengths.view(-1, 1, 1).clamp(min=1))  # (B, blocks, W)
        own = (
            position[:, None, :] == position[:, self.left :, None]
        )  # a query past the end sees itself: no empty softmax
        bias = self._bias(block)  # (H, Q, W)
        mask = (valid[:, :, None] | own).unsqueeze(2)  # (B, blocks, 1, Q, W)
        scores = bias.masked_fill(~mask, float("-inf")).flatten(0, 1).to(query.dtype)
        mixed = functional.scaled_dot_product_attention(
            query.flatten(0, 1),
            key.flatten(0, 1),
            value.flatten(0, 1),
            attn_mask=scores,
        )
        mixed = mixed.transpose(1, 2).reshape(batch, blocks * block, width)[:, :frames]
        return self.project_out(mixed)

    def _windows(self, x: Tensor, tail: int, block: int) -> Tensor:
        """(B, F, D) to overlapping windows (B, blocks, H, W, D / H), zeros where the recording has not begun."""
        windows = functional.pad(x, (0, 0, self.left, tail)).unfold(1, self.left + block, block)  # (B, blocks, D, W)
        return windows.unflatten(2, (self.heads, -1)).transpose(3, 4)

    def _bias(self, block: int) -> Tensor:
        """(H, Q, W): the bias of each pair in reach, -inf for pairs out of reach."""
        device = self.distance_bias.device
        query = torch.arange(block, device=device).unsqueeze(1)
        key = torch.arange(-self.left, block, device=device).unsqueeze(0)
        chunk_distance = query.div(self.chunk, rounding_mode="floor") - key.div(self.chunk, rounding_mode="floor")
        reach = (chunk_distance >= 0) & (chunk_distance <= self.left // self.chunk)
        distance = (query - key + self.chunk - 1).clamp(0, self.distance_bias.shape[1] - 1)
        return self.distance_bias[:, distance].masked_fill(~reach, float("-inf"))


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
        x = functional.glu(self.gate(self.norm(x)), dim=-1) * mask
        return self.dropout(self.project(functional.silu(self.depthwise_norm(self.depthwise(x)))))


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
        x = x + 0.5 * self.feed_in(x)
        x = x + self.attention_dropout(self.attention(self.attention_norm(x), lengths))
        x = x + self.convolution(x, mask)
        x = x + 0.5 * self.feed_out(x)
        return self.norm(x)
