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
    """A codebook, as in AEMG (arXiv 2605.03462): l2-normalized vectors, moving averages, commitment, revived codes.

    Args:
        codes: vectors of the codebook.
        decay: of the moving averages of a code's vectors, a batch.
        commitment: weight of the distance of vectors from their codes.
        dead_below: share of what each code would have if all were used alike, below which a code is dead: it is put on
            a vector of the batch.
    """

    codes: Annotated[int, Within(2, 65_536)] = 256
    decay: Annotated[float, Within(0, 0.99999)] = 0.98
    commitment: Annotated[float, Within(0, 1000)] = 0.25
    dead_below: Annotated[float, Within(0, 1)] = 0.2

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
        return float((~self._dead()).float().mean())

    def _dead(self) -> Tensor:
        return self.share < self.config.dead_below * self.share.mean()

    @torch.no_grad()
    def _follow(self, vectors: Tensor) -> None:
        if not bool(self.filled):
            self.share.fill_(0.0)  # what the first batch has no vector for is dead: the next ones have
            for code in range(min(len(vectors), self.config.codes)):  # k-means++: each far from those before it
                self._put(torch.tensor([code]), vectors, self.book[:code], len(vectors) / self.config.codes)
            self.filled.fill_(True)
        codes = self.nearest(vectors)
        chosen = functional.one_hot(codes, self.config.codes).to(vectors.dtype)
        self.share.lerp_(chosen.sum(0), 1 - self.config.decay)
        self.total.lerp_(chosen.T @ vectors, 1 - self.config.decay)
        self.book.copy_(functional.normalize(self.total, dim=1))
        dead = self._dead()
        if bool(dead.any()):
            self._put(dead.nonzero()[: len(vectors), 0].cpu(), vectors, self.book, float(self.share.mean()))

    def _put(self, which: Tensor, vectors: Tensor, others: Tensor, share: float) -> None:
        """Put codes on vectors drawn at random, one each, sooner on those that are far from `others`.

        They count as if they were used with `share`, until they are or are not.
        """
        far = (1 - (vectors @ others.T).amax(1)).clamp(min=1e-6) if len(others) else torch.ones(len(vectors))
        drawn = vectors[torch.multinomial(far.cpu().double(), len(which)).to(vectors.device)]
        which = which.to(vectors.device)
        self.book[which] = drawn
        self.total[which] = share * drawn
        self.share[which] = share
