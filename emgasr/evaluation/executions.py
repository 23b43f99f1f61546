"""Emissions and when each label was performed in; what is right a window, right an execution and false at rest out.

The same rules hold for every system, whatever its frames; a frame belongs to the moment of its newest sample.

A window: every 100 ms of an execution, the label whose log-probability is highest on the mean of the frames since the
window before. The blank is left out. Where no frame is new, the last decision stays; none counts before the first one.
An execution: the forced choice of its frames (`emgasr.decoding.classify`), all labels being as likely before.
An activation: every 100 ms a label is active if its probability over the last 300 ms is above one half on the mean. It
counts when it begins, in rest as a false one. Blank and labels that mark rest (`emgasr.corpora.kinds.REST`) are rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from emgasr.corpora.kinds import marks_rest
from emgasr.decoding import classify
from emgasr.evaluation.items import Item
from emgasr.tokens import Tokens

WINDOW_S, ACTIVE_S, CERTAIN = 0.1, 0.3, 0.5
LEAST = -30.0  # natural log-probability that any lower one counts as
EXECUTION, BALANCED, WINDOW = "execution_accuracy", "balanced_accuracy", "window_accuracy"
ACTIVATED, FALSE_ACTIVATIONS = "activated", "false_activations_per_minute"


class JudgedExecution(NamedTuple):
    """One execution of a label.

    Args:
        label: performed.
        guess: the forced choice; None: it holds no frame.
        windows_right: of `windows`.
        windows: decisions within it.
        activated: whether the right label was active in it; None of labels that mark rest.
    """

    label: str
    guess: str | None
    windows_right: int
    windows: int
    activated: bool | None


class Activity(NamedTuple):
    """What was judged of one item: its executions, and the activations in its minutes of rest."""

    executions: tuple[JudgedExecution, ...] = ()
    false_activations: int = 0
    rest_minutes: float = 0.0


@dataclass(frozen=True)
class Together:
    """Figures that are shown together or not at all, of many items.

    Args:
        executions: their number.
        windows: decisions within them.
        execution: share of executions whose forced choice is right.
        balanced: the mean of that share over labels.
        window: share of windows that are right.
        activated: share of executions in which the right label was active; None: all labels mark rest.
        rest_minutes: of rest, in labelled rest and in executions of labels that mark it.
        false_activations_per_minute: of rest; None without rest.
    """

    executions: int
    windows: int
    execution: float
    balanced: float
    window: float | None
    activated: float | None
    rest_minutes: float
    false_activations_per_minute: float | None

    @property
    def right(self) -> int:
        """Executions whose forced choice is right."""
        return round(self.execution * self.executions)

    @property
    def false_activations(self) -> int | None:
        """Activations in all minutes of rest; None without rest."""
        rate = self.false_activations_per_minute
        return None if rate is None else round(rate * self.rest_minutes)

    def as_dict(self) -> dict[str, Any]:
        """Return the part of a row for JSON."""
        figures = {
            EXECUTION: self.execution,
            BALANCED: self.balanced,
            WINDOW: self.window,
            ACTIVATED: self.activated,
            FALSE_ACTIVATIONS: self.false_activations_per_minute,
        }
        row = {name: value for name, value in figures.items() if value is not None}
        return {"executions": self.executions, "windows": self.windows, **row}


def together(items: Iterable[Activity]) -> Together | None:
    """Return the figures of items; None if they hold no execution."""
    items = list(items)
    executions = [execution for item in items for execution in item.executions]
    if not executions:
        return None
    right: dict[str, list[bool]] = {}
    for execution in executions:
        right.setdefault(execution.label, []).append(execution.guess == execution.label)
    windows = sum(execution.windows for execution in executions)
    active = [execution.activated for execution in executions if execution.activated is not None]
    rest_minutes = sum(item.rest_minutes for item in items)
    return Together(
        len(executions),
        windows,
        float(np.mean([one for each in right.values() for one in each])),
        float(np.mean([np.mean(each) for each in right.values()])),
        sum(execution.windows_right for execution in executions) / windows if windows else None,
        float(np.mean(active)) if active else None,
        rest_minutes,
        sum(item.false_activations for item in items) / rest_minutes if rest_minutes else None,
    )


def judged(item: Item, tokens: Tokens) -> Activity:
    """Return what was judged of an item whose frames have times; nothing of one without, or of a model of keys."""
    if item.frame_times_s is None or tokens.noun == "key" or len(tokens) < 2:
        return Activity()
    emissions = np.maximum(item.emissions, LEAST)
    times_s = np.asarray(item.frame_times_s)[: len(emissions)]
    ids = {symbol: number for number, symbol in enumerate(tokens.symbols_of(range(1, len(tokens))), 1)}
    resting = [number for symbol, number in ids.items() if at_rest(symbol)]
    executions = []
    for start, end, label in item.executions:
        first, last = _frames_within(times_s, start, end)
        decided = _windows(emissions[first:last, 1:], times_s[first:last], start, end)
        guess = tokens.symbols_of([classify(item.emissions[first:last])])[0] if last > first else None
        active: bool | None = None
        if not at_rest(label):
            active = ids.get(label, -1) in _active(emissions[first:last], times_s[first:last], start, end, resting)
        executions.append(JudgedExecution(label, guess, int((decided == ids.get(label)).sum()), len(decided), active))
    rests = [*item.rest, *((start, end) for start, end, label in item.executions if at_rest(label))]
    begun = 0
    for start, end in rests:
        first, last = _frames_within(times_s, start, end)
        active_ids = _active(emissions[first:last], times_s[first:last], start, end, resting)
        begun += int(((active_ids > 0) & (active_ids != np.append(0, active_ids[:-1]))).sum())
    return Activity(tuple(executions), begun, sum(end - start for start, end in rests) / 60)


def at_rest(label: str) -> bool:
    """Return whether a label marks rest."""
    return marks_rest(label)


def _frames_within(times_s: np.ndarray, start_s: float, end_s: float) -> tuple[int, int]:
    """Return the first frame later than `start_s`, and the first one later than `end_s`."""
    first, last = np.searchsorted(times_s, (start_s + 1e-6, end_s + 1e-6))
    return int(first), int(last)


def _decision_times(start_s: float, end_s: float) -> np.ndarray:
    return start_s + WINDOW_S * np.arange(1, max(1, int((end_s - start_s) / WINDOW_S + 1e-6)) + 1)


def _windows(log_probs: np.ndarray, times_s: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """Return the label decided on (n,) in each window from the first frame on, of log-probabilities (F, labels)."""
    ends = np.searchsorted(times_s, _decision_times(start_s, end_s) + 1e-6)
    ends = ends[ends > 0]
    begins = np.minimum(np.append(0, ends[:-1]), ends - 1)  # where no frame is new, the last one
    given = log_probs - np.logaddexp.reduce(log_probs, axis=1, keepdims=True)
    return 1 + _means(given, begins, ends).argmax(1) if len(ends) else np.zeros(0, int)


def _active(
    emissions: np.ndarray, times_s: np.ndarray, start_s: float, end_s: float, resting: Sequence[int]
) -> np.ndarray:
    """Return the label that is active at each decision (n,), 0 for none, of emissions (F, V)."""
    moments = _decision_times(start_s, end_s)
    ends = np.searchsorted(times_s, moments + 1e-6)
    begins = np.searchsorted(times_s, moments - ACTIVE_S + 1e-6)
    some = ends > begins
    active = np.zeros(len(moments), int)
    if some.any():
        probable = _means(np.exp(emissions), begins[some], ends[some])
        probable[:, [0, *resting]] = 0
        active[some] = np.where(probable.max(1) > CERTAIN, probable.argmax(1), 0)
    return active


def _means(values: np.ndarray, begins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the means of rows [begin, end) of values (F, V), a row each."""
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    return (sums[ends] - sums[begins]) / (ends - begins)[:, None]
