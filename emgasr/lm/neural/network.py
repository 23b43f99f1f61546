"""Ids of symbols in, scores of the next symbol out: causal networks with a streaming state, over lines and over trees.

B sequences, T symbols of each, N nodes of a tree, V symbols of the vocabulary, H heads, S symbols that are remembered,
K features of a head.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.lm.neural.config import NetworkConfig


class State(NamedTuple):
    """What a network remembers of what it has read; each array's second axis is the sequence.

    transformer: keys and values of the latest symbols (layers, B, H, S, K). gru: the units (layers, B, width), twice.
    """

    first: Tensor
    second: Tensor

    def rows(self, chosen: Tensor) -> State:
        """Return the state of the chosen sequences, in their order; one may come several times."""
        return State(self.first[:, chosen], self.second[:, chosen])


class Network(nn.Module, ABC):
    """Symbols to features, causal layers, and back to symbols by the same weights."""

    def __init__(self, config: NetworkConfig, symbols: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(symbols, config.width)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.bias = nn.Parameter(torch.zeros(symbols))
        self.dropout = nn.Dropout(config.dropout)

    @abstractmethod
    def start(self, batch: int) -> State:
        """Return the state of `batch` sequences of which nothing was read."""

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read symbols (B, T); return the unnormalized ln p (B, T, V) of the symbol after each, and the state."""
        hidden, state = self._read(self._embedded(ids), self.start(len(ids)) if state is None else state)
        return self._scores(hidden), state

    def tree(self, ids: Tensor, parents: list[int]) -> Tensor:
        """Read a tree of symbols, in which each node continues its parent's sequence; return scores (N, V) after each.

        Args:
            ids: (N,) symbols; a parent stands before its children.
            parents: of each node the place of its parent; the first, the root, has -1.
        """
        return self._scores(self._read_tree(self._embedded(ids), parents))

    def _embedded(self, ids: Tensor) -> Tensor:
        return self.dropout(self.embedding(ids) * math.sqrt(self.config.width))

    def _scores(self, hidden: Tensor) -> Tensor:
        return functional.linear(self.dropout(hidden), self.embedding.weight, self.bias)

    @abstractmethod
    def _read(self, x: Tensor, state: State) -> tuple[Tensor, State]: ...

    @abstractmethod
    def _read_tree(self, x: Tensor, parents: list[int]) -> Tensor: ...


class Transformer(Network):
    """Blocks of attention over the latest symbols, each followed by two layers at every symbol.

    Press et al. (2022), "Train short, test long": attention falls linearly with distance, so that positions need no
    code and a stream has no end.
    """

    def __init__(self, config: NetworkConfig, symbols: int) -> None:
        super().__init__(config, symbols)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        slopes = 2.0 ** (-8.0 * torch.arange(1, config.heads + 1) / config.heads)
        self.register_buffer("slopes", slopes, persistent=False)

    def start(self, batch: int) -> State:
        config, like = self.config, self.embedding.weight
        shape = (config.layers, batch, config.heads, 0, config.width // config.heads)
        return State(like.new_zeros(shape), like.new_zeros(shape))

    def _read(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        remembered, count = state.first.shape[3], x.shape[1]
        place = torch.arange(remembered + count, device=x.device)
        distance = place[remembered:, None] - place
        x, keys, values = self._through(x, self._bias(distance, distance >= 0), state)
        keep = min(self.config.history - 1, remembered + count)
        first = remembered + count - keep
        return x, State(keys[:, :, :, first:], values[:, :, :, first:])

    def _read_tree(self, x: Tensor, parents: list[int]) -> Tensor:
        depth, within = _ancestors(parents)
        bias = self._bias((depth[:, None] - depth).to(x.device), within.to(x.device))
        return self._through(x[None], bias, self.start(1))[0][0]

    def _through(self, x: Tensor, bias: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor]:
        keys, values = [], []
        for number, block in enumerate(self.blocks):
            x, key, value = block(x, bias, state.first[number], state.second[number])
            keys.append(key)
            values.append(value)
        return self.norm(x), torch.stack(keys), torch.stack(values)

    def _bias(self, distance: Tensor, seen: Tensor) -> Tensor:
        """(H, T, S + T) what attention adds to its scores: less with distance, nothing beyond the history."""
        assert isinstance(self.slopes, Tensor)
        bias = -self.slopes[:, None, None] * distance
        return bias.masked_fill(~(seen & (distance < self.config.history)), -math.inf)


class _Block(nn.Module):
    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.before_attention, self.before_layers = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, bias: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Read x (B, T, width) behind remembered keys and values (B, H, S, K); return it with all keys and values."""
        batch, count, width = x.shape
        each = self.project(self.before_attention(x)).view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, keys, values = each[0], torch.cat([keys, each[1]], 2), torch.cat([values, each[2]], 2)
        found = functional.scaled_dot_product_attention(query, keys, values, attn_mask=bias[None].to(query.dtype))
        x = x + self.dropout(self.join(found.transpose(1, 2).reshape(batch, count, width)))
        return x + self.dropout(self.narrow(functional.gelu(self.widen(self.before_layers(x))))), keys, values


class Recurrent(Network):
    """Layers of gated recurrent units."""

    def __init__(self, config: NetworkConfig, symbols: int) -> None:
        super().__init__(config, symbols)
        dropout = config.dropout if config.layers > 1 else 0.0
        self.units = nn.GRU(config.width, config.width, config.layers, batch_first=True, dropout=dropout)

    def start(self, batch: int) -> State:
        empty = self.embedding.weight.new_zeros(self.config.layers, batch, self.config.width)
        return State(empty, empty)

    def _read(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        found, units = self.units(x, state.first.contiguous())
        return found, State(units, units)

    def _read_tree(self, x: Tensor, parents: list[int]) -> Tensor:
        depth, _ = _ancestors(parents, with_matrix=False)
        chain = 1  # the nodes before the first fork follow one another
        while chain < len(parents) and parents[chain] == chain - 1 and int((depth == chain).sum()) == 1:
            chain += 1
        found = x.new_zeros(len(x), self.config.width)
        units = x.new_zeros(self.config.layers, len(x), self.config.width)
        line, units[:, chain - 1] = self._units(x[None, :chain], self.start(1).first)
        found[:chain] = line[0]
        above = torch.tensor(parents)
        for level in range(chain, int(depth.max()) + 1):
            nodes = torch.nonzero(depth == level)[:, 0]
            line, last = self.units(x[nodes][:, None], units[:, above[nodes]].contiguous())
            found[nodes], units[:, nodes] = line[:, 0], last
        return found

    def _units(self, x: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        line, last = self.units(x, first)
        return line, last[:, 0]


def make_network(config: NetworkConfig, symbols: int) -> Network:
    """Return a network of the configured kind with new weights.

    Raises:
        ConfigError: It would have more parameters than a small model may.
    """
    config.check_size(symbols)
    return (Transformer if config.kind == "transformer" else Recurrent)(config, symbols)


def _ancestors(parents: list[int], with_matrix: bool = True) -> tuple[Tensor, Tensor]:
    """(N,) the depth of each node, and (N, N) whether a column's node is the row's or one of its ancestors."""
    depth = torch.zeros(len(parents), dtype=torch.long)
    within = torch.eye(len(parents) if with_matrix else 0, dtype=torch.bool)
    for node, parent in enumerate(parents):
        if parent >= 0:
            depth[node] = depth[parent] + 1
            if with_matrix:
                within[node] |= within[parent]
    return depth, within
