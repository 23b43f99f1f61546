"""What a fit is made of: an objective, a batch sampler and a validator, as three contracts.

The loop knows no losses, no labels and no error rate: these bring them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import Tensor, nn

from emgasr.data.batches import Batch

Model = TypeVar("Model", bound=nn.Module)
Judged = TypeVar("Judged", bound=nn.Module, contravariant=True)


class Objective(nn.Module, Generic[Model], ABC):
    """What a fit minimizes: a padded batch in, the named parts of its loss out, through the model that it holds.

    An implementation is an nn.Module, because the loop saves its state, moves it, spreads it over processes and fits
    all its parameters. Any randomness comes from torch's global generator, which the loop seeds by the step. Padding of
    a batch must not change a loss; an item shorter than an output frame must not break one.
    """

    @property
    @abstractmethod
    def model(self) -> Model:
        """The part that is validated and kept; the rest serves training alone."""

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Measure what the losses need on the first training batches, before the first step; most need nothing."""

    @abstractmethod
    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted parts of the loss of a batch at `step` (from 0), scalars; their sum is minimized."""


class BatchSampler(Protocol):
    """Padded training batches, each a function of the sampler's seed and the batch's number alone.

    So a step is the whole state of a sampler: a resumed run draws what the stopped one would have drawn, and worker
    processes and torchrun's processes may make batches in any order.
    """

    def batch(self, step: int) -> Batch:
        """Return batch number `step`, on the CPU. The loop calls it from a thread or from worker processes."""
        ...


@dataclass(frozen=True)
class Judgement:
    """What a validator finds.

    Args:
        figures: numbers by name, as the log holds them behind `validation_`; the lowest `chooses` wins.
        warning: a line for people if training seems to go wrong.
        plateau: what the model writes whatever it is given ("nothing but blanks"), if that is so; empty if not.
        latest: whether nothing says which weights are best, so that the latest ones are kept.
    """

    figures: Mapping[str, float]
    warning: str = ""
    plateau: str = ""
    latest: bool = False


class Validator(Protocol[Judged]):
    """A model in, named figures out; the one called `chooses` decides which checkpoint is the best (lower is better).

    The judgement is a function of the weights alone, and NaN in them must not end the run.
    """

    chooses: str

    def __call__(self, model: Judged) -> Judgement:
        """Judge `model` on held-out data. The loop calls it between two steps, in the first process alone."""
        ...
