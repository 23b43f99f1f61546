"""Items of people in; for each operating point of a grid its false activations in rest and its misses, out.

An activation belongs to the moment of its first frame. In rest it is false. An execution is missed if its label is not
activated within it. Of tokens a false word is one with a key that is read in rest, and a miss is a true symbol that is
not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from emgasr.confidence.beside import Fitting
from emgasr.decoding import BeamSearch, greedy
from emgasr.decoding.held import HELD, TOKENS, Held, OperatingPoint, activations, leading, moving_mean
from emgasr.errors import DataError
from emgasr.evaluation.executions import at_rest
from emgasr.evaluation.items import Item
from emgasr.evaluation.operating.poisson import check_support, lower, upper
from emgasr.score import keys_at_rest, matched
from emgasr.tokens import Tokens
from emgasr.transcript import word_places

# Even in log-odds, from even odds on.
THRESHOLDS = tuple(float(round(1 / (1 + np.exp(-odds)), 5)) for odds in np.linspace(0, 6, 19))
FRAMES_S = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0)
REFRACTORY_S = (0.0, 1.0, 2.0)
MEANS_S = (0.0, 0.3, 0.6, 1.0, 2.0)


@dataclass(frozen=True)
class Costs:
    """What an operating point does on some people.

    Args:
        point: the point.
        false: activations, or words, in rest.
        rest_hours: of rest.
        missed: executions, or true symbols, that were not read.
        meant: their number.
    """

    point: OperatingPoint
    false: int
    rest_hours: float
    missed: int
    meant: int

    @property
    def an_hour(self) -> float:
        """False ones an hour of rest."""
        return self.false / self.rest_hours if self.rest_hours else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """The exact bounds of the rate an hour, 95 % each."""
        return lower(self.false, self.rest_hours), upper(self.false, self.rest_hours)

    @property
    def misses(self) -> float:
        """Share that is missed."""
        return self.missed / self.meant if self.meant else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        return {
            "threshold": self.point.threshold,
            "frames": self.point.frames,
            "refractory_s": self.point.refractory_s,
            "mean_frames": self.point.mean_frames,
            "false": self.false,
            "rest_hours": self.rest_hours,
            "false_an_hour": self.an_hour,
            "false_an_hour_bounds": list(self.bounds) if self.rest_hours else None,
            "missed": self.missed,
            "meant": self.meant,
            "misses": self.misses,
        }


Count = Callable[[OperatingPoint], tuple[int, int]]  # false ones and missed ones of an item


@dataclass(frozen=True, eq=False)
class Heard:
    """An item without its emissions: how it is read, how much was meant and rested, and what a point does on it."""

    reads: str
    meant: int
    rest_s: float
    count: Count


def heard_of(
    items: Iterable[Item], tokens: Tokens, resting: Sequence[int], search: BeamSearch | None, sure: Fitting
) -> list[Heard]:
    """Return items as they are counted on: held labels where executions have times and nothing searches, else tokens.

    Args:
        items: of people.
        tokens: the model's.
        resting: ids that mark rest.
        search: what reads the emissions; None: greedily.
        sure: the calibrated confidence of that, if there is one.
    """
    items = [item for item in items if item.frame_times_s is not None]
    held = search is None and tokens.noun != "key" and any(item.executions for item in items)
    found = []
    for item in items:
        meant = [one for one in item.executions if not at_rest(one[2])]
        rest = [*item.rest, *((start, end) for start, end, label in item.executions if at_rest(label))]
        rest_s = keys_at_rest((), rest)[1]
        if held:
            found.append(Heard(HELD, len(meant), rest_s, _held(item, meant, rest, tokens, resting)))
        else:
            found.append(Heard(TOKENS, len(item.reference), rest_s, _tokens(item, rest, tokens, search, sure)))
    return found


def grid(reads: str, frame_rate_hz: float, tokens: Tokens) -> list[OperatingPoint]:
    """Return the points that are tried, the least strict one first."""
    if reads == TOKENS:
        waits = REFRACTORY_S if tokens.noun == "word" else (0.0,)
        least = (0.0, *THRESHOLDS)
        return [OperatingPoint(TOKENS, threshold, 1, wait) for threshold, wait in product(least, waits)]
    counts = sorted({max(1, round(seconds * frame_rate_hz)) for seconds in FRAMES_S})
    means = sorted({max(1, round(seconds * frame_rate_hz)) for seconds in MEANS_S})
    return [OperatingPoint(HELD, *each) for each in product(THRESHOLDS, counts, REFRACTORY_S, means)]


def costs_of(heard: Sequence[Heard], points: Sequence[OperatingPoint]) -> list[Costs]:
    """Return what each point costs on these people."""
    hours, meant = sum(one.rest_s for one in heard) / 3600, sum(one.meant for one in heard)
    found = []
    for point in points:
        counts = [one.count(point) for one in heard]
        found.append(Costs(point, sum(false for false, _ in counts), hours, sum(missed for _, missed in counts), meant))
    return found


def choose(costs: Sequence[Costs], wanted: float) -> Costs:
    """Return the point with the fewest misses among those whose upper bound is at most `wanted` false ones an hour.

    Of equals it is the one with fewer false ones, then the one that needs fewer frames.

    Raises:
        DataError: The hours of rest cannot prove the rate, or no point is that quiet, or nothing was meant.
    """
    hours, meant = costs[0].rest_hours, costs[0].meant
    check_support(wanted, hours)
    if not meant:
        raise DataError("operating point", "the validation people mean nothing", "give labelled recordings too")
    quiet = [one for one in costs if one.bounds[1] <= wanted]
    if not quiet:
        best = min(costs, key=lambda one: one.bounds[1])
        wrong = f"no point is as quiet as {wanted:g} an hour: the quietest has {best.false} in {hours:.2g} h"
        raise DataError("operating point", wrong, f"ask for {best.bounds[1]:.2g} or more an hour")
    return min(quiet, key=lambda one: (one.missed, one.false, one.point.frames, one.point.refractory_s))


def front(costs: Iterable[Costs]) -> list[Costs]:
    """Return the points that no other beats in both, by false ones."""
    found: list[Costs] = []
    for one in sorted(costs, key=lambda each: (each.false, each.missed)):
        if not found or one.missed < found[-1].missed:
            found.append(one)
    return found


def _held(
    item: Item,
    meant: Sequence[tuple[float, float, str]],
    rest: Sequence[tuple[float, float]],
    tokens: Tokens,
    resting: Sequence[int],
) -> Count:
    probabilities = np.exp(item.emissions.astype(np.float64))
    times_s = np.asarray(item.frame_times_s)[: len(probabilities)]
    led: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    rate_hz = 1 / float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    known = {symbol: number for number, symbol in enumerate(tokens.symbols)}
    asked = [(start, end, known.get(symbol, -1)) for start, end, symbol in meant]

    def count(point: OperatingPoint) -> tuple[int, int]:
        held = Held(tokens, point, rate_hz, tuple(resting))
        before = np.zeros((point.mean_frames - 1, probabilities.shape[1]))
        if point.mean_frames not in led:
            means = moving_mean(np.concatenate([before, probabilities]), point.mean_frames)
            led[point.mean_frames] = leading(means, resting)
        label, probability, lead = led[point.mean_frames]
        state = held.begun().run
        places, _, _ = activations(label, probability, lead, state, point.threshold, point.frames, held.refractory)
        begun_s, labels = times_s[places - point.frames + 1], label[places]
        false, _ = keys_at_rest(begun_s, rest)
        missed = 0
        for start, end, number in asked:
            first, last = np.searchsorted(begun_s, (start, end))
            missed += not (labels[first:last] == number).any()
        return false, missed

    return count


def _tokens(
    item: Item, rest: Sequence[tuple[float, float]], tokens: Tokens, search: BeamSearch | None, sure: Fitting
) -> Count:
    hypothesis = greedy(item.emissions) if search is None else search.whole(item.emissions)[0]
    confidences = hypothesis.confidences
    if sure.confidence is not None:
        confidences = sure.confidence.tokens(confidences, hypothesis.evidence)
    times_s = np.asarray(item.frame_times_s)[list(hypothesis.frames)]
    certain, ids = np.array(confidences), np.array(hypothesis.ids, int)
    reference = list(item.reference)
    resting = np.zeros(len(ids), bool)
    for start, end in rest:
        resting |= (times_s >= start) & (times_s < end)

    def count(point: OperatingPoint) -> tuple[int, int]:
        kept = np.flatnonzero(certain >= point.threshold).tolist()
        if point.refractory_s:
            spaced: list[int] = []
            for place in kept:
                if not spaced or times_s[place] - times_s[spaced[-1]] >= point.refractory_s:
                    spaced.append(place)
            kept = spaced
        read = ids[kept].tolist()
        false = sum(resting[[kept[place] for place in places]].any() for _, places in word_places(read, tokens))
        return int(false), len(reference) - len(matched(reference, tokens.symbols_of(read)))

    return count


def with_model(costs: Costs, model_sha256: str, calibrated: bool) -> OperatingPoint:
    """Return the point of costs, said to belong to the weights, and to confidences that are calibrated or not."""
    return replace(costs.point, model_sha256=model_sha256, calibrated=calibrated)
