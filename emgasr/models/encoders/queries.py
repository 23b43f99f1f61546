"""A Conformer's hidden frames in; what a few learnable queries find in the latest of them out, in parts of unit length.

The querying transformer of BLIP-2 (Li et al. 2023, arXiv 2301.12597), as EMBridge reports it for muscles: queries look
at each other, and in every second block at the signal. Here they look back over a bounded past, so that a stream has
what a whole recording has.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.models.conformer import ConformerConfig, ConformerEncoder, ConformerState
from emgasr.models.encoder import Encoded, FrameShape
from emgasr.models.mixers import PLACES, AnyMixer
from emgasr.state import frame_mask, latest, part


@dataclass(frozen=True)
class QueriesConfig:
    """The options of the queries and of the Conformer that they look at.

    Args:
        conformer: the network that reads frames.
        queries: number of them; 0: none, but the mean of the frames in reach in their place.
        embedding: width of what each query gives.
        blocks: of self-attention; every second one, from the first on, attends to the frames too.
        heads: of attention.
        context_frames: hidden frames in reach, the present one included.
        dropout: probability of dropout in every block.
        image: whether the frames themselves, placed round the ring, stand behind what the network makes of them: what
            an encoder learned from other people beside what anybody sees. For conformer.mixing any.
        regressed: width of what one linear map of the mean frame in reach gives beside each query; 0: no such map. It
            is fitted at once when the network is trained, and needs `image`: gestures that were never trained need few
            weights.
        regressed_share: share of likeness that the linear map has.
    """

    kind: Literal["queries"] = "queries"
    conformer: ConformerConfig = field(default_factory=lambda: ConformerConfig(intermediate_block=0))
    queries: Annotated[int, Within(0, 256)] = 16
    embedding: Annotated[int, Within(1, 65_536)] = 64
    blocks: Annotated[int, Within(1, 64)] = 2
    heads: Annotated[int, Within(1, 1024)] = 4
    context_frames: Annotated[int, Within(1, 4096)] = 16
    dropout: Annotated[float, Within(0, 0.99)] = 0.1
    image: bool = False
    regressed: Annotated[int, Within(0, 65_536)] = 0
    regressed_share: Annotated[float, Within(0, 1)] = 0.5

    def __post_init__(self) -> None:
        check_within(self, "encoder")
        if self.conformer.beside or self.conformer.intermediate_block:
            raise ConfigError("encoder.conformer", "has beside or intermediate_block", "set them to false and 0")
        if self.image and self.conformer.mixing != "any":
            raise ConfigError("encoder.image", f"needs mixing any, not {self.conformer.mixing}", "set it to false")
        if self.regressed and not self.image:
            raise ConfigError(
                "encoder.regressed", "is above 0, and encoder.image is false", "set encoder.image to true"
            )
        if self.conformer.width % self.heads:
            wrong = f"{self.heads} do not divide encoder.conformer.width {self.conformer.width}"
            raise ConfigError("encoder.heads", wrong, "change either")

    @property
    def held_frames(self) -> int:
        """Input frames that a stream holds back, and as many as it keeps hidden frames of."""
        return self.conformer.held_frames + self.context_frames

    @property
    def parts(self) -> int:
        """Embeddings a frame."""
        return max(1, self.queries)

    @property
    def part_width(self) -> int:
        """Width of an embedding: that of a query, and that of the linear map behind it."""
        return self.embedding + self.regressed

    def unit(self, rows: Tensor) -> Tensor:
        """Return rows (..., part_width) of unit length, in which the linear map has its share."""
        if not self.regressed:
            return functional.normalize(rows, dim=-1)
        asked, regressed = rows.split([self.embedding, self.regressed], -1)
        share = self.regressed_share
        parts = (
            (1 - share) ** 0.5 * functional.normalize(asked, dim=-1),
            share**0.5 * functional.normalize(regressed, dim=-1),
        )
        return torch.cat(parts, -1)


class QueriesState(NamedTuple):
    """The memory of a stream.

    Args:
        conformer: that of the network.
        past: (B, context_frames - 1, width + regressed) its latest hidden frames, and the linear map of each.
        seen: (B,) number of valid ones among them.
    """

    conformer: ConformerState
    past: Tensor
    seen: Tensor


class QueriesEncoder(nn.Module):
    """Frames (B, F, N, E, K) to hidden frames (B, F', parts * part_width), the parts of each of unit length."""

    silent_frames = 0

    def __init__(self, config: QueriesConfig, shape: FrameShape) -> None:
        super().__init__()
        self.config = config
        self.conformer = ConformerEncoder(replace(config.conformer, beside=config.image), shape)
        self.shape = shape.sizes
        self.width = config.parts * config.part_width
        self.stride, self.chunk_frames = self.conformer.stride, self.conformer.chunk_frames
        self.history_frames = self.conformer.history_frames + (config.context_frames - 1) * self.stride
        self.lookahead_frames = self.conformer.lookahead_frames
        width = config.conformer.width
        self.image = nn.Linear(PLACES * shape.bins, width) if config.image else None
        self.age = nn.Parameter(0.02 * torch.randn(config.context_frames, width))
        self.asked = nn.Parameter(0.02 * torch.randn(config.queries, width)) if config.queries else None
        numbers = range(config.blocks if config.queries else 0)
        self.blocks = nn.ModuleList(
            QueryBlock(width, config.heads, config.dropout, looks=number % 2 == 0) for number in numbers
        )
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, config.embedding)
        self.regress: nn.Linear | None = None
        if config.regressed:
            self.regress = fitted_layer(width + PLACES * shape.bins, config.regressed)

    def forward(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Embed whole recordings: every frame with those before it in reach."""
        hidden, lengths = self.looked_at(frames, lengths)
        found = self.found(hidden, torch.zeros_like(lengths))
        return Encoded(self._masked(found, lengths), lengths)

    def looked_at(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return what queries look at in whole recordings, as `found` takes it, and numbers of hidden frames (B,)."""
        encoded = self.conformer(frames, lengths)
        hidden = self._seen(encoded.hidden)
        past = hidden.new_zeros(len(hidden), self.config.context_frames - 1, hidden.shape[2])
        return torch.cat([past, hidden], 1), encoded.lengths

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> QueriesState:
        """Return the state of `batch` streams that have received nothing."""
        shape = (batch, self.config.context_frames - 1, self.config.conformer.width + self.config.regressed)
        seen = torch.zeros(batch, dtype=torch.long, device=device)
        conformer = self.conformer.start(batch, dtype, device)
        return QueriesState(conformer, torch.zeros(shape, dtype=dtype, device=device), seen)

    def step(self, frames: Tensor, lengths: Tensor, state: QueriesState) -> tuple[Tensor, Tensor, QueriesState]:
        """Return the embeddings of all chunks that the next frames complete, their lengths (B,), the new state."""
        hidden, counts, conformer = self.conformer.step(frames, lengths, state.conformer)
        found, joined = self._behind(hidden, state)
        kept = self.config.context_frames - 1
        seen = (state.seen + counts).clamp(max=kept)
        return self._masked(found, counts), counts, QueriesState(conformer, part(joined, counts, kept), seen)

    def flush(self, state: QueriesState) -> tuple[Tensor, Tensor]:
        """Return the embeddings of the whole groups in the last, incomplete chunk, and their lengths (B,)."""
        hidden, counts = self.conformer.flush(state.conformer)
        return self._masked(self._behind(hidden, state)[0], counts), counts

    def advance(self, frames: Tensor, state: QueriesState) -> tuple[Tensor, QueriesState]:
        """Return the embeddings of whole chunks, and the new state, without a look at any number."""
        hidden, conformer = self.conformer.advance(frames, state.conformer)
        found, joined = self._behind(hidden, state)
        kept = self.config.context_frames - 1
        seen = (state.seen + hidden.shape[1]).clamp(max=kept)
        return found, QueriesState(conformer, latest(joined, kept), seen)

    def found(self, joined: Tensor, seen: Tensor, places: Tensor | None = None) -> Tensor:
        """Return the embeddings (B, F, parts * part_width) of the frames behind a past.

        Args:
            joined: (B, context_frames - 1 + F, width + regressed) hidden frames, the past first.
            seen: (B,) number of valid frames of the past, its latest ones.
            places: (B, P) frames to embed, counted from the first one behind the past; None: all F.
        """
        reach = self.config.context_frames
        count = joined.shape[1] - reach + 1
        if places is None:
            places = torch.arange(count, device=joined.device).expand(len(joined), count)
        index = places[:, :, None] + torch.arange(reach, device=joined.device)  # (B, P, reach)
        rows = torch.arange(len(joined), device=joined.device)[:, None, None]
        windows = joined[rows, index]
        valid = index >= (reach - 1 - seen)[:, None, None]
        width = self.config.conformer.width
        found = self._asked(windows[..., :width], valid)
        if self.config.regressed:
            mean = (windows[..., width:] * valid[..., None]).sum(2) / valid.sum(2)[..., None]
            found = torch.cat([found, mean[:, :, None].expand(*found.shape[:-1], -1)], -1)
        return self.config.unit(found).flatten(2)

    def _asked(self, windows: Tensor, valid: Tensor) -> Tensor:
        """Return what each window (B, P, reach, width) gives, (B, P, parts, embedding); `valid` (B, P, reach)."""
        if self.asked is None:
            mean = (windows * valid[..., None]).sum(2) / valid.sum(2)[..., None]
            return self.project(self.norm(mean))[:, :, None]
        batch, count = windows.shape[:2]
        windows = (windows + self.age).flatten(0, 1)
        x = self.asked.expand(batch * count, *self.asked.shape)
        for block in self.blocks:
            x = block(x, windows, valid.flatten(0, 1))
        return self.project(self.norm(x)).unflatten(0, (batch, count))

    def _behind(self, hidden: Tensor, state: QueriesState) -> tuple[Tensor, Tensor]:
        """Return the embeddings of the next hidden frames, and past and new hidden frames joined."""
        joined = torch.cat([state.past, self._seen(hidden)], 1)
        return self.found(joined, state.seen), joined

    def _seen(self, hidden: Tensor) -> Tensor:
        """Return hidden frames (B, F, width), with what the frames beside them (B, F, width + N * E * K) add.

        Behind them stands what the linear map makes of both, where there is one.
        """
        if self.image is None:
            return hidden
        both = self.beside(hidden)
        width = self.config.conformer.width
        seen = hidden[..., :width] + self.image(both[..., width:])
        return seen if self.regress is None else torch.cat([seen, self.regress(both)], -1)

    def beside(self, hidden: Tensor) -> Tensor:
        """Return hidden frames (B, F, width + N * E * K) with the frames behind them at their places round the ring."""
        width = self.config.conformer.width
        frames = hidden[..., width:].unflatten(2, self.shape)
        return torch.cat([hidden[..., :width], cast(AnyMixer, self.conformer.mixer).image(frames).flatten(2)], -1)

    @staticmethod
    def _masked(found: Tensor, counts: Tensor) -> Tensor:
        return found * frame_mask(counts, found.shape[1])[:, :, None]


def fitted_layer(inputs: int, outputs: int) -> nn.Linear:
    """Return a layer that is fitted, not trained, and gives nothing until it is."""
    layer = nn.Linear(inputs, outputs).requires_grad_(False)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class QueryBlock(nn.Module):
    """Queries (R, Q, D) that attend to each other, in some blocks to windows (R, W, D), and go through a layer."""

    def __init__(self, width: int, heads: int, dropout: float, looks: bool) -> None:
        super().__init__()
        self.among = _Attention(width, heads)
        self.at_frames = _Attention(width, heads) if looks else None
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, windows: Tensor, valid: Tensor) -> Tensor:
        x = x + self.dropout(self.among(x, x, None))
        if self.at_frames is not None:
            x = x + self.dropout(self.at_frames(x, windows, valid))
        return x + self.dropout(self.feed(x))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.norm_keys = nn.LayerNorm(width)
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.keys = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, others: Tensor, valid: Tensor | None) -> Tensor:
        """Attend from x (R, Q, D) to others (R, W, D), of which `valid` (R, W) count."""
        query = self.query(self.norm(x)).unflatten(2, (self.heads, -1)).transpose(1, 2)
        keys, values = self.keys(self.norm_keys(others)).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = None if valid is None else valid[:, None, None]
        found = functional.scaled_dot_product_attention(query, keys, values, mask)
        return self.out(found.transpose(1, 2).flatten(2))


class NearestHead(nn.Module):
    """Frames (B, F, parts * d), parts of unit length, to logits (B, F, V): likeness of the nearest part to each label.

    The blank is what resembles rest, if rest has an embedding, or no label enough.

    Attributes:
        weight: (V, d) embedding of each label, as long as likeness counts; zero where the blank has none.
        floor: (1,) likeness below which a frame is none of the labels, counted as `weight`.
        lead: (V,) what is added to the likeness of each label, counted as `weight`. No file keeps it: who reads by a
            gallery of gestures that were not all trained sets it (`emgasr.crossmodal.model`).
    """

    lead: Tensor

    def __init__(self, parts: int, width: int, vocabulary: int) -> None:
        super().__init__()
        self.parts = parts
        self.weight = nn.Parameter(torch.zeros(vocabulary, width))
        self.floor = nn.Parameter(torch.zeros(1))
        self.register_buffer("lead", torch.zeros(vocabulary), persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        likeness = (hidden.unflatten(-1, (self.parts, -1)) @ self.weight.T).amax(-2) + self.lead
        rest = torch.where((self.weight[0] == 0).all(), self.floor, torch.maximum(likeness[..., :1], self.floor))
        return torch.cat([rest.expand(*likeness.shape[:-1], 1), likeness[..., 1:]], -1)
