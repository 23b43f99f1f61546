"""What models make of held-out people, and what was really typed, in; temperatures, delays and weights out.

All are fitted by the negative log-likelihood of the labels under CTC, summed over alignments: that is what the models
were trained by, and labels say which symbols came, and not in which frames. Temperatures come first, each model's by
itself; then the delays, whole frames; then the weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emgasr.errors import DataError

COLDEST, HOTTEST = 0.2, 10.0  # temperatures that are looked at
STEPS = 24  # of the search for one: its log is known to 1e-5 of the range
IMPOSSIBLE = -1e4  # log-probability in place of minus infinity, so that weights of zero have a product


@dataclass(frozen=True, eq=False)
class Stretch:
    """A stretch of a held-out person: (F, N, V) log-probabilities of N models, which of them answer, and the labels."""

    rows: np.ndarray
    inside: np.ndarray
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Fitted:
    """What was found, and what each symbol costs (nats of negative log-likelihood) by it.

    Args:
        kind: of the mean.
        temperatures: of the models.
        shifts: by how many frames the rows of each come later than those of the first.
        weights: of the models, which sum to one.
        alone: what a symbol costs each model by itself, at its temperature.
        equal: what it costs the mean with equal weights.
        together: what it costs the mean with these weights.
        left_out: stretches that a model cannot write in so few frames.
    """

    kind: str
    temperatures: tuple[float, ...]
    shifts: tuple[int, ...]
    weights: tuple[float, ...]
    alone: tuple[float, ...]
    equal: float
    together: float
    left_out: int


def fit(stretches: Sequence[Stretch], kind: str, most_shift: int) -> Fitted:
    """Return the temperatures, delays and weights by which models answer best together.

    Args:
        stretches: of held-out people, cut at pauses.
        kind: "geometric" or "arithmetic".
        most_shift: most frames by which a model's rows may come later or earlier.

    Raises:
        DataError: There is no label, or no stretch that the models can write.
    """
    possible = [one for one in stretches if one.ids and _possible(one)]
    if not possible:
        raise DataError("fusion", "has no labels to fit on", "give a split of held-out people with labels")
    models = possible[0].rows.shape[1]
    symbols = sum(len(one.ids) for one in possible)
    data = _Data.of(possible)
    temperatures, alone = [], []
    for model in range(models):
        cost, best = _least(lambda t, m=model: data.alone(m, math.exp(t)), math.log(COLDEST), math.log(HOTTEST))  # type: ignore[misc]
        temperatures.append(round(math.exp(best), 4))
        alone.append(cost / symbols)
    data = data.tempered(temperatures)
    equal = torch.full((models,), 1 / models, dtype=torch.float64)
    shifts = [0] * models
    for model in range(1, models):
        costs = {}
        for shift in sorted(range(-most_shift, most_shift + 1), key=abs):  # of equals, the least
            costs[shift] = float(data.shifted([*shifts[:model], shift, *shifts[model + 1 :]]).cost(equal, kind))
        shifts[model] = min(costs, key=lambda shift: costs[shift])
    data = data.shifted(shifts)
    weights = _weights(data, models, kind)
    before, after = (float(data.cost(one, kind)) / symbols for one in (equal, weights))
    if not after < before:
        weights, after = equal, before
    rounded = [round(float(one), 4) for one in weights]
    left_out = len(stretches) - len(possible)
    return Fitted(kind, tuple(temperatures), tuple(shifts), tuple(rounded), tuple(alone), before, after, left_out)


@dataclass(frozen=True, eq=False)
class _Data:
    """All stretches, padded: rows (F, B, N, V), which models answer (F, B, N), frames (B,), labels and their number."""

    rows: Tensor
    inside: Tensor
    lengths: Tensor
    labels: Tensor
    counts: Tensor

    @staticmethod
    def of(stretches: Sequence[Stretch]) -> _Data:
        rows = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(one.rows).double() for one in stretches])
        inside = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(one.inside) for one in stretches])
        lengths = torch.tensor([len(one.rows) for one in stretches])
        labels = torch.tensor([number for one in stretches for number in one.ids])
        return _Data(rows.clamp(min=IMPOSSIBLE), inside, lengths, labels, torch.tensor([len(s.ids) for s in stretches]))

    def alone(self, model: int, temperature: float) -> float:
        """Return what all labels cost one model at a temperature."""
        return float(self._ctc(torch.log_softmax(self.rows[:, :, model] / temperature, -1)))

    def tempered(self, temperatures: Sequence[float]) -> _Data:
        """Return the same with the rows at temperatures."""
        divided = self.rows / torch.tensor(temperatures, dtype=torch.float64)[:, None]
        return _Data(torch.log_softmax(divided, -1), self.inside, self.lengths, self.labels, self.counts)

    def shifted(self, shifts: Sequence[int]) -> _Data:
        """Return the same with the rows of each model that come so many frames later; at edges it does not answer."""
        if not any(shifts):
            return self
        rows, inside = self.rows.clone(), self.inside.clone()
        frames = torch.arange(len(rows))
        for model, shift in enumerate(shifts):
            place = frames + shift
            there = (place >= 0)[:, None] & (place[:, None] < self.lengths)
            place = place.clamp(0, len(rows) - 1)
            rows[:, :, model] = self.rows[place, :, model]
            inside[:, :, model] = self.inside[place, :, model] & there
        return _Data(rows, inside, self.lengths, self.labels, self.counts)

    def cost(self, weights: Tensor, kind: str) -> Tensor:
        """Return what all labels cost the mean of the models by weights (N,)."""
        answers = torch.where(self.inside.any(-1, keepdim=True), self.inside, torch.ones_like(self.inside))
        shares = weights * answers
        shares = shares / shares.sum(-1, keepdim=True).clamp(min=1e-12)
        if kind == "arithmetic":
            mean = torch.logsumexp(self.rows + shares.clamp(min=1e-12).log()[..., None], 2)
        else:
            mean = torch.log_softmax((self.rows * shares[..., None]).sum(2), -1)
        return self._ctc(mean)

    def _ctc(self, rows: Tensor) -> Tensor:
        return torch.nn.functional.ctc_loss(rows, self.labels, self.lengths, self.counts, reduction="sum")


def _weights(data: _Data, models: int, kind: str) -> Tensor:
    """Return the weights (N,) of least cost, by descent from equal ones."""
    logits = torch.zeros(models, dtype=torch.float64, requires_grad=True)
    descent = torch.optim.LBFGS([logits], max_iter=30, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        descent.zero_grad()
        cost = data.cost(torch.softmax(logits, 0), kind) / max(1, len(data.labels))
        cost.backward()
        return cost

    descent.step(closure)
    return torch.softmax(logits.detach(), 0)


def _possible(stretch: Stretch) -> bool:
    """Whether there are frames enough for the labels, with a blank between equal ones."""
    repeats = sum(a == b for a, b in zip(stretch.ids, stretch.ids[1:], strict=False))
    return len(stretch.ids) + repeats <= len(stretch.rows)


def _least(cost: Callable[[float], float], low: float, high: float) -> tuple[float, float]:
    """Return the least cost and where it is, by golden sections: a temperature has one valley."""
    ratio = (math.sqrt(5) - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(STEPS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = cost(right)
    return min((at_left, left), (at_right, right))
