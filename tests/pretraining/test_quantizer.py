"""Vector quantization: nearest codes, gradients, codes that follow and are revived, perplexity and use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from emgasr.pretraining.quantizer import Quantizer, QuantizerConfig


def clouds(count: int = 4, each: int = 50, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    centers = torch.eye(8)[:count]
    which = torch.arange(count).repeat(each)
    return centers[which] + 0.05 * torch.randn(len(which), 8, generator=generator), which


def quantizer(codes: int = 4, **options: float) -> Quantizer:
    torch.manual_seed(0)
    return Quantizer(QuantizerConfig(codes, **options), 8)  # type: ignore[arg-type]


def test_each_vector_gets_the_code_of_the_smallest_angle() -> None:
    made = quantizer(16).eval()
    vectors = torch.randn(30, 8, generator=torch.Generator().manual_seed(1)) * torch.linspace(0.1, 9, 30)[:, None]
    found = made(vectors)
    book, rows = made.book.numpy(), vectors.numpy()
    cosine = rows @ book.T / np.linalg.norm(rows, axis=1, keepdims=True) / np.linalg.norm(book, axis=1)
    assert found.codes.tolist() == cosine.argmax(1).tolist()
    torch.testing.assert_close(found.vectors, made.book[found.codes])


def test_codes_move_to_the_clouds_that_choose_them() -> None:
    made = quantizer(8, decay=0.8, dead_below=0.01)
    vectors, which = clouds()
    for _ in range(60):
        found = made(vectors)
    assert found.commitment < 0.25 * 0.01
    for cloud in range(4):  # no code is of two clouds
        assert not set(found.codes[which == cloud].tolist()) & set(found.codes[which != cloud].tolist())


def test_a_dead_code_is_revived_on_a_vector_of_the_batch() -> None:
    made = quantizer(4, decay=0.5)
    vectors, _ = clouds(1)
    made(vectors)
    made.book[3] = -vectors[0]
    made.total[3] = -vectors[0]
    for _ in range(20):
        made(vectors)
    assert (functional.normalize(vectors, dim=1) @ made.book[3]).max() > 0.95
    assert made.used == 1.0


def test_a_code_of_few_vectors_a_batch_lives_where_all_have_few() -> None:
    made = quantizer(8, decay=0.9)
    vectors, which = clouds(8, 1)
    for step in range(100):
        made(vectors[step % 8 : step % 8 + 1])  # an eighth of a vector a batch for each code
    assert len(set(made.eval()(vectors).codes.tolist())) == len(which)
    assert made.used == 1.0


def test_gradients_pass_through_to_the_vectors_and_commitment_pulls_them_to_their_codes() -> None:
    made = quantizer(16).eval()
    vectors = torch.randn(5, 8, requires_grad=True)
    found = made(vectors)
    found.vectors.sum().backward(retain_graph=True)
    assert vectors.grad is not None
    assert vectors.grad.abs().sum() > 0
    vectors.grad = None
    found.commitment.backward()
    nearer = made((vectors - 0.1 * vectors.grad).detach())
    assert nearer.commitment < found.commitment


def test_perplexity_counts_the_codes_that_are_used() -> None:
    made = quantizer(8)
    made.share.copy_(torch.tensor([1.0, 1, 1, 1, 0, 0, 0, 0]))
    assert made.perplexity == pytest.approx(4.0)
    assert made.used == 0.5
    made.share.copy_(torch.tensor([1.0, 0, 0, 0, 0, 0, 0, 0]))
    assert made.perplexity == pytest.approx(1.0)


def test_in_use_nothing_moves_and_no_vector_is_no_fault() -> None:
    made = quantizer().eval()
    before = made.book.clone()
    found = made(torch.zeros(0, 8))
    assert found.codes.shape == (0,)
    assert found.commitment == 0
    made(torch.randn(10, 8))
    assert torch.equal(made.book, before)


def test_the_same_seed_gives_the_same_codebook_after_a_restart_in_the_middle() -> None:
    vectors, _ = clouds()
    whole = quantizer(6)
    for step in range(6):
        torch.manual_seed(step)
        whole(vectors)
    first = quantizer(6)
    for step in range(3):
        torch.manual_seed(step)
        first(vectors)
    second = quantizer(6)
    second.load_state_dict(first.state_dict())
    for step in range(3, 6):
        torch.manual_seed(step)
        second(vectors)
    assert torch.equal(second.book, whole.book)
