"""Vectors in; the nearest vectors of a codebook, and their numbers, out: vector quantization by moving averages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within


@dataclass(frozen=True)
class QuantizerConfig:
    """A codebook, as in AEMG (arXiv 2605.03462): l2-normalized vectors, moving averages, commitment.

    Args:
        codes: vectors of the codebook.
        decay: of the moving averages of a code's vectors, a batch.
        commitment: weight of the distance of vectors from their codes.
        dead_below: vectors a batch, on average, below which a code is dead: it is put on a vector of the batch.
    """

    codes: Annotated[int, Within(2, 65_536)] = 256
    decay: Annotated[float, Within(0, 0.99999)] = 0.98
    commitment: Annotated[float, Within(0, 1000)] = 0.25
    dead_below: Annotated[float, Within(0, 1e6)] = 0.02

    def __post_init__(self) -> None:
        check_within(self, "quantizer")


class Quantized(NamedTuple):
    """What a quantizer makes of vectors.

    Args:
        vectors: (..., D) the codes' vectors, through which gradients pass to what was quantized.
        codes: (...) their numbers.
        commitment: the weighted loss that keeps vectors near their codes.
    """

    vectors: Tensor
    codes: Tensor
    commitment: Tensor


class Quantizer(nn.Module):
    """The nearest code of each vector by angle; in training the codes follow the vectors that choose them.

    Draws from torch's global generator, which training seeds by the step: a resumed run repeats the one that stopped.
    """

    book: Tensor
    share: Tensor
    total: Tensor
    filled: Tensor

    def __init__(self, config: QuantizerConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("book", functional.normalize(torch.randn(config.codes, width), dim=1))
        self.register_buffer("share", torch.ones(config.codes))  # vectors a batch, on average
        self.register_buffer("total", self.book.clone())
        self.register_buffer("filled", torch.tensor(False))  # whether a batch has been seen

    def forward(self, vectors: Tensor) -> Quantized:
        """Return the codes of vectors (..., D), of which there may be none."""
        flat = functional.normalize(vectors.flatten(0, -2), dim=1)
        if self.training and len(flat):
            self._follow(flat.detach())
        codes = self.nearest(flat)
        chosen = self.book[codes]
        commitment = self.config.commitment * (1 - (flat * chosen).sum(1)).mean() if len(flat) else flat.sum()
        passed = flat + (chosen - flat).detach()
        return Quantized(passed.view(vectors.shape), codes.view(vectors.shape[:-1]), commitment)

    def nearest(self, vectors: Tensor) -> Tensor:
        """Return the number of the code nearest to each of normalized vectors (n, D)."""
        return (vectors @ self.book.T).argmax(1)

    @property
    def perplexity(self) -> float:
        """How many codes would be used as much if all used were used alike."""
        share = self.share / self.share.sum().clamp(min=1e-12)
        return float((-(share * share.clamp(min=1e-12).log()).sum()).exp())

    @property
    def used(self) -> float:
        """The share of the codes that are not dead."""
        return float((self.share >= self.config.dead_below).float().mean())

    @torch.no_grad()
    def _follow(self, vectors: Tensor) -> None:
        if not bool(self.filled):
            self._put(torch.ones(self.config.codes, dtype=torch.bool), vectors)
            self.filled.fill_(True)
        codes = self.nearest(vectors)
        chosen = functional.one_hot(codes, self.config.codes).to(vectors.dtype)
        self.share.lerp_(chosen.sum(0), 1 - self.config.decay)
        self.total.lerp_(chosen.T @ vectors, 1 - self.config.decay)
        self.book.copy_(functional.normalize(self.total, dim=1))
        dead = self.share < self.config.dead_below
        if bool(dead.any()):
            self._put(dead, vectors)

    def _put(self, which: Tensor, vectors: Tensor) -> None:
        """Put codes on vectors drawn at random; they count as one vector a batch until they are chosen or not."""
        count = int(which.sum())
        drawn = vectors[torch.randint(len(vectors), (count,), device="cpu").to(vectors.device)]
        self.book[which] = drawn
        self.total[which] = drawn
        self.share[which] = 1.0
