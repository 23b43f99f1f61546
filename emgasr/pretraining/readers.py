"""Corpora of several layouts in; a recognizer for each, all with the weights of one encoder, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from torch import nn

from emgasr.errors import ConfigError
from emgasr.models.recognizer import Recognizer, RecognizerConfig
from emgasr.recording import Signal
from emgasr.tokens import Tokens


class Readers(nn.Module):
    """A recognizer for each corpus, with front end, statistics and head of its own, and the encoder of all.

    Raises:
        ConfigError: the encoder's weights depend on the layout of electrodes.
    """

    def __init__(self, configs: Sequence[RecognizerConfig], corpora: Sequence[tuple[Signal, Tokens]]) -> None:
        super().__init__()
        pairs = zip(configs, corpora, strict=True)
        made = [Recognizer(config, signal, tokens) for config, (signal, tokens) in pairs]
        for other in made[1:]:
            share_weights(cast(nn.Module, made[0].encoder), cast(nn.Module, other.encoder))
        self.recognizers = nn.ModuleList(made)

    @property
    def encoder(self) -> nn.Module:
        """The encoder that all share, as the first corpus' layout reads it."""
        return cast(nn.Module, self[0].encoder)

    def __getitem__(self, place: int) -> Recognizer:
        return cast(Recognizer, self.recognizers[place])

    def __len__(self) -> int:
        return len(self.recognizers)

    def __iter__(self) -> Iterator[Recognizer]:
        return iter(cast(Sequence[Recognizer], self.recognizers))


def share_weights(source: nn.Module, target: nn.Module) -> None:
    """Let `target` have the parameters of `source`, not copies of them: what is trained in one is in the other.

    Raises:
        ConfigError: their parameters differ in names or sizes.
    """
    wanted = dict(target.named_parameters())
    given = dict(source.named_parameters())
    if {name: value.shape for name, value in wanted.items()} != {name: value.shape for name, value in given.items()}:
        wrong = "has weights that depend on the layout of electrodes"
        raise ConfigError("encoder", wrong, "choose mixing any, and features of shared_axis")
    for name, value in given.items():
        place, _, own = name.rpartition(".")
        setattr(target.get_submodule(place), own, value)
