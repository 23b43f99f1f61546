"""The shape of a neural language model, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError

MOST_PARAMETERS = 10_000_000
SymbolKind = Literal["keystrokes", "characters", "words", "sentencepiece"]


@dataclass(frozen=True)
class NetworkConfig:
    """A causal network over symbols.

    Args:
        kind: transformer: attention over the latest symbols, whose weight falls with distance (ALiBi). gru: gated
            recurrent units, whose memory has no bound.
        width: features of a symbol.
        layers: blocks of attention, or layers of units.
        heads: of attention; `width` is a multiple of them.
        history: symbols that a block attends to, the current one included.
        dropout: share of features that training sets to zero.
    """

    kind: Literal["transformer", "gru"] = "transformer"
    width: Annotated[int, Within(4, 4096)] = 192
    layers: Annotated[int, Within(1, 24)] = 4
    heads: Annotated[int, Within(1, 64)] = 4
    history: Annotated[int, Within(2, 4096)] = 128
    dropout: Annotated[float, Within(0, 0.9)] = 0.1

    def __post_init__(self) -> None:
        check_within(self, "network")
        if self.width % self.heads:
            wrong = f"{self.width} is no multiple of {self.heads} heads"
            raise ConfigError("network.width", wrong, "give a multiple of them")

    def parameters(self, symbols: int) -> int:
        """Return how many parameters a network of so many symbols has."""
        width = self.width
        block = 12 * width**2 + 13 * width if self.kind == "transformer" else 6 * width**2 + 6 * width
        ends = 2 * width if self.kind == "transformer" else 0
        return symbols * (width + 1) + self.layers * block + ends

    def check_size(self, symbols: int) -> None:
        """Raise a ConfigError for more parameters than `MOST_PARAMETERS`."""
        if (count := self.parameters(symbols)) > MOST_PARAMETERS:
            wrong = f"{count:,} parameters with {symbols:,} symbols are more than {MOST_PARAMETERS:,}"
            raise ConfigError("network", wrong, "give a smaller network.width, fewer layers or fewer symbols")
