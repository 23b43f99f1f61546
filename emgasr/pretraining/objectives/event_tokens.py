"""Contractions hidden in; how well the network guesses which of a codebook's shapes they had, and their energy, out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.models.conformer import ConformerEncoder
from emgasr.pretraining.events import EventsConfig
from emgasr.pretraining.objectives.contract import Heard, Pretext
from emgasr.pretraining.tokens.tokenizer import EventTokenizer, TokenizerConfig, frames_of


@dataclass(frozen=True)
class EventTokensConfig:
    """Guess the token of a hidden contraction from those before it (AEMG, arXiv 2605.03462).

    Args:
        weight: of the loss; 0 leaves the objective out.
        hidden: share of the events that are hidden.
        from_step: step from which tokens are guessed; until then the tokenizer learns, and from then on it is fixed.
        events: what is an event.
        tokenizer: how it becomes a token.
    """

    weight: Annotated[float, Within(0, 1000)] = 0.0
    hidden: Annotated[float, Within(0, 1)] = 0.5
    from_step: Annotated[int, Within(0, 1e9)] = 100
    events: EventsConfig = field(default_factory=EventsConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)

    def __post_init__(self) -> None:
        check_within(self, "tokens")


class EventTokens(Pretext):
    """The tokenizer's own loss, and of hidden events the cross-entropy of the code and the error of the energy.

    The times of a batch's labels are those of events (`emgasr.pretraining.events`).
    """

    def __init__(self, config: EventTokensConfig, encoder: ConformerEncoder, bins: int) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = EventTokenizer(config.tokenizer, bins)
        self.guess = nn.Linear(encoder.width, config.tokenizer.book.codes)
        self.guess_energy = nn.Linear(encoder.width, 1)

    def forward(self, heard: Heard, step: int) -> dict[str, Tensor]:
        rows, first, last = self._events(heard)
        learning = step < self.config.from_step
        self.tokenizer.train(self.training and learning)
        with torch.set_grad_enabled(learning and torch.is_grad_enabled()):
            found = self.tokenizer(self.tokenizer.shapes(heard.image, rows, first, last))
        if learning:
            return {"tokenizer": self.config.weight * found.loss}
        chosen = (torch.rand(len(rows)) < self.config.hidden).to(rows.device)
        stride = heard.encoder.stride
        place = torch.arange(heard.frames.shape[1] // stride, device=rows.device)
        held = (place >= first[:, None]) & (place < last[:, None]) & chosen[:, None]  # (n, F')
        hidden = torch.zeros((len(heard.frames), len(place)), dtype=torch.int, device=rows.device)
        hidden = hidden.index_add(0, rows, held.int()) > 0
        frames = hidden.repeat_interleave(stride, 1)
        frames = functional.pad(frames, (0, heard.frames.shape[1] - frames.shape[1]))
        encoded = heard.encoder(heard.frames, heard.lengths, frames).hidden[rows[chosen]]  # (m, F', D)
        share = held[chosen].to(encoded.dtype)
        listened = (encoded * share[..., None]).sum(1) / share.sum(1, keepdim=True).clamp(min=1)
        count = chosen.sum().clamp(min=1)
        code = functional.cross_entropy(self.guess(listened), found.codes[chosen], reduction="sum") / count
        energy = functional.smooth_l1_loss(self.guess_energy(listened)[:, 0], found.energy[chosen], reduction="sum")
        return {"tokens": self.config.weight * code, "energy": self.config.weight * energy / count}

    def unfinished(self, steps: int) -> str:
        """Return why the tokenizer is none to rely on after so many steps; empty where it has learned and is fixed."""
        if not bool(self.tokenizer.quantizer.filled):
            return "no contraction has taught it"
        from_step = self.config.from_step
        return f"it learned for {steps} steps, and tokens.from_step is {from_step}" if steps < from_step else ""

    def figures(self) -> Mapping[str, float]:
        book = self.tokenizer.quantizer
        return {"token_perplexity": book.perplexity, "tokens_used": book.used}

    def _events(self, heard: Heard) -> tuple[Tensor, Tensor, Tensor]:
        """Return the item (n,) of each event that has a hidden frame of the encoder, and [first, last) of them."""
        batch, rate_hz = heard.batch, heard.rate_hz / heard.encoder.stride
        lengths = (heard.lengths // heard.encoder.stride)[:, None]
        first, last = frames_of(batch.onset_s, batch.offset_s, lengths, rate_hz)
        there = torch.arange(first.shape[1], device=first.device) < batch.target_lengths[:, None]
        rows, events = (there & (first < last)).nonzero(as_tuple=True)
        return rows, first[rows, events], last[rows, events]
