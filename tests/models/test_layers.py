"""Causal convolution and chunked attention: what a frame sees, and what it must not."""

import pytest
import torch

from emgasr.models.layers import CausalDepthwiseConv, ChunkedAttention, ConformerBlock
from emgasr.state import frame_mask

WIDTH, CHUNK, LEFT = 8, 3, 2


def attention() -> ChunkedAttention:
    torch.manual_seed(0)
    layer = ChunkedAttention(WIDTH, heads=2, chunk_frames=CHUNK, left_chunks=LEFT)
    torch.nn.init.normal_(layer.distance_bias)
    return layer.double()


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def plain_attention(layer: ChunkedAttention, x: torch.Tensor) -> torch.Tensor:
    """The definition, one query at a time: the frame's chunk and LEFT chunks before it, biased by distance."""
    query, key, value = layer.project_in(x).chunk(3, -1)
    rows = []
    for now in range(len(x)):
        first = max(0, (now // CHUNK - LEFT) * CHUNK)
        last = min(len(x), (now // CHUNK + 1) * CHUNK)
        heads = []
        for head in range(layer.heads):
            part = slice(head * WIDTH // 2, (head + 1) * WIDTH // 2)
            bias = layer.distance_bias[head, [now - k + CHUNK - 1 for k in range(first, last)]]
            scores = key[first:last, part] @ query[now, part] / (WIDTH // 2) ** 0.5 + bias
            heads.append(scores.softmax(0) @ value[first:last, part])
        rows.append(torch.cat(heads))
    return layer.project_out(torch.stack(rows))


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 17, 30])
def test_attention_is_its_definition(frames: int) -> None:
    layer, x = attention(), noise(frames, WIDTH)
    torch.testing.assert_close(layer(x[None], torch.tensor([frames]))[0], plain_attention(layer, x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("block", [1, 3, 7, 12, 1000])
def test_the_size_of_a_block_changes_nothing(block: int) -> None:
    layer, x, lengths = attention(), noise(2, 31, WIDTH), torch.tensor([31, 13])
    expected = layer(x, lengths)
    layer.block_frames = block
    mask = frame_mask(lengths, 31)
    torch.testing.assert_close(layer(x, lengths)[mask], expected[mask], rtol=0, atol=1e-12)


def test_attention_keeps_padding_and_neighbors_out_and_stays_finite() -> None:
    layer, x, lengths = attention(), noise(3, 20, WIDTH), torch.tensor([20, 7, 0])
    x[1, 7:] = 1e6
    mixed = layer(x, lengths)
    torch.testing.assert_close(mixed[1, :7], layer(x[1:2, :7], lengths[1:2])[0], rtol=0, atol=1e-12)
    assert mixed.isfinite().all()


def test_the_convolution_sees_kernel_frames_none_of_them_ahead() -> None:
    layer, x = CausalDepthwiseConv(WIDTH, 4).double(), noise(1, 12, WIDTH).requires_grad_()
    (gradient,) = torch.autograd.grad(layer(x)[0, 8].sum(), x)
    assert gradient[0].abs().sum(1).nonzero().flatten().tolist() == [5, 6, 7, 8]


def test_a_block_sees_its_chunk_and_what_the_kernel_and_the_chunks_reach() -> None:
    torch.manual_seed(0)
    kernel = 3
    block = ConformerBlock(WIDTH, 2, 2, kernel, CHUNK, LEFT, dropout=0.0).double()
    x, lengths = noise(1, 30, WIDTH).requires_grad_(), torch.tensor([30])
    out = block(x, lengths, frame_mask(lengths, 30).unsqueeze(2))
    (gradient,) = torch.autograd.grad(out[0, 19, 0], x)  # frame 19 is the second of the chunk 18, 19, 20
    seen = gradient[0].abs().sum(1).nonzero().flatten().tolist()
    assert seen[-1] == 20
    assert seen[0] == 15 - LEFT * CHUNK  # the kernel reaches frame 17, whose chunk starts at 15


def test_a_mask_tells_the_valid_frames() -> None:
    assert frame_mask(torch.tensor([0, 2]), 3).tolist() == [[False] * 3, [True, True, False]]
