"""Sentences of ids in; batches of them, the loss of the next symbol, and the perplexity of held-out text out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from emgasr.data.batches import Batch
from emgasr.errors import DataError, LanguageModelError
from emgasr.lm.neural.model import NeuralLM
from emgasr.lm.neural.network import Network
from emgasr.lm.neural.symbols import Vocabulary
from emgasr.lm.ngram import BEGIN_ID, END_ID, UNKNOWN_ID
from emgasr.training.contracts import Judgement, Objective
from emgasr.training.language.config import SentencesConfig

_POOL = 16  # batches that are drawn and sorted by length together


class SentenceSampler:
    """Batches of sentences, each epoch in another order; long ones are read in parts, cut elsewhere each time.

    `targets` of a batch hold the symbols with the one before the first in front; there are no samples.
    """

    def __init__(self, sentences: Sequence[Sequence[int]], config: SentencesConfig, seed: int) -> None:
        if not sentences:
            raise DataError("training text", "holds no sentence", "give at least one line")
        self.config, self.seed = config, seed
        self.text = np.concatenate([np.array([BEGIN_ID, *ids, END_ID], np.int32) for ids in sentences])
        lengths = np.array([len(ids) + 1 for ids in sentences])  # symbols that are predicted
        ends = np.cumsum(lengths + 1)
        parts = -(-lengths // config.longest)
        owner = np.repeat(np.arange(len(lengths)), parts)
        number = np.arange(len(owner)) - np.repeat(np.cumsum(parts) - parts, parts)
        self.begin, self.end = (ends - lengths)[owner], ends[owner]  # of each part's sentence, behind its <s>
        self.first = self.begin + number * config.longest
        self.size = np.minimum(config.longest, self.end - self.first)

    def batch(self, step: int) -> Batch:
        """Return batch number `step`, padded."""
        pool, turn = divmod(step, _POOL)
        chosen = self._order(pool)[np.random.default_rng((self.seed, 1, pool)).permutation(_POOL)[turn]]
        rng = np.random.default_rng((self.seed, 2, step))
        moved = rng.integers(-self.config.longest // 2, self.config.longest // 2 + 1, len(chosen))
        latest = np.maximum(self.end[chosen] - self.size[chosen], self.begin[chosen])
        first = np.clip(self.first[chosen] + moved, self.begin[chosen], latest)
        sizes = torch.from_numpy(np.minimum(self.size[chosen], self.end[chosen] - first))
        targets = torch.full((len(chosen), int(sizes.max()) + 1), END_ID)
        for row, (start, size) in enumerate(zip(first, sizes.tolist(), strict=True)):
            targets[row, : size + 1] = torch.from_numpy(self.text[start - 1 : start + size].astype(np.int64))
        nothing = torch.zeros(len(chosen), 0)
        return Batch(nothing, sizes, targets, sizes, nothing, nothing, torch.full((len(chosen),), -1))

    def _order(self, pool: int) -> np.ndarray:
        """(pool, batch) parts, sorted by length; numbers count on from epoch to epoch."""
        size, count = self.config.batch_size, len(self.first)
        numbers = np.arange(pool * _POOL * size, (pool + 1) * _POOL * size)
        epochs = {
            int(e): np.random.default_rng((self.seed, 0, int(e))).permutation(count) for e in set(numbers // count)
        }
        parts = np.array([epochs[number // count][number % count] for number in numbers.tolist()])
        return parts[np.argsort(self.size[parts], kind="stable")].reshape(_POOL, size)


class NextSymbol(Objective[Network]):
    """Cross-entropy of each symbol given those before it, a symbol's mean."""

    def __init__(self, network: Network, unknown: float) -> None:
        super().__init__()
        self.network, self.unknown = network, unknown

    @property
    def model(self) -> Network:
        return self.network

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the loss of a batch."""
        read, wanted = batch.targets[:, :-1], batch.targets[:, 1:]
        if self.unknown:
            hidden = (torch.rand(read.shape, device=read.device) < self.unknown) & (read != BEGIN_ID)
            read = read.masked_fill(hidden, UNKNOWN_ID)
        scores, _ = self.network(read)
        inside = torch.arange(wanted.shape[1], device=wanted.device) < batch.target_lengths[:, None]
        losses = functional.cross_entropy(scores.float().transpose(1, 2), wanted, reduction="none")
        return {"next_symbol": (losses * inside).sum() / inside.sum()}


class HeldOutPerplexity:
    """The validator: the perplexity a character of held-out sentences."""

    chooses = "perplexity"

    def __init__(self, sentences: Sequence[Sequence[str]], vocabulary: Vocabulary) -> None:
        if not sentences:
            raise DataError("held-out text", "holds no sentence", "give at least one line")
        self.sentences, self.vocabulary = sentences, vocabulary

    def __call__(self, model: Network) -> Judgement:
        """Score the sentences."""
        training = model.training
        try:
            scored = NeuralLM(model, self.vocabulary).score_text(self.sentences)
        except LanguageModelError:  # of weights that are not finite: the fit goes on, and its log warns
            return Judgement({"perplexity": float("inf")})
        finally:
            model.train(training)
        return Judgement({"perplexity": scored.perplexity_per_character})
