"""An evaluation in; a result for everybody and for each subject, results.json and hypotheses.jsonl out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.evaluation.evaluate import GREEDY, Evaluation, Judged, Reading
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.frontend.session import NOTHING_HEARD, Unlabelled
from emgasr.lm.lexicon import Coverage
from emgasr.score import Counts, bootstrap_interval, hits_of, per_subject, total

ALL = "all"  # the subject of the result over everybody
CER, ACCURACY = "cer", "accuracy"

# name of a rate -> the blocks of counts that it is the rate of
RATES: dict[str, Callable[[Reading], list[Counts]]] = {
    CER: lambda reading: reading.keys,
    "cer_rendered": lambda reading: reading.characters,
    "wer": lambda reading: reading.words,
}


@dataclass(frozen=True)
class Rate:
    """An error rate as a fraction, with the edits behind it and its 95 % bootstrap interval over blocks.

    A block is one prompt's worth of symbols: the interval speaks of these people, not of others.
    """

    counts: Counts
    interval: tuple[float, float]

    @property
    def value(self) -> float:
        """Errors per reference symbol."""
        return self.counts.rate


@dataclass(frozen=True)
class Way:
    """What one way of reading the emissions gave; `rates` lacks what has no reference."""

    rates: Mapping[str, Rate]
    keys_at_rest: int = 0  # read in items of which nothing was to be read
    false_keys_per_minute: float = 0.0  # of rest


@dataclass(frozen=True)
class Spread:
    """A figure's mean over people, each counted once, its two standard deviations and the worst person's value."""

    mean: float
    population_std: float
    sample_std: float
    worst: float


@dataclass(frozen=True)
class People:
    """A result's spread over subjects: of figures that all of them have; `interval` is of the mean of the headline."""

    count: int
    spreads: Mapping[str, Spread] = field(default_factory=dict)  # by the names of `Result.as_dict`
    interval: tuple[float, float] | None = None  # people resampled, so it speaks of others like them


@dataclass(frozen=True)
class Result:
    """The figures of one subject, or of everybody (ALL).

    Args:
        system: name of what was evaluated.
        split: of the manifest.
        subject: whose recordings, or ALL.
        seed: of the intervals.
        ways: by GREEDY and WITH_LM; the last is the headline's.
        keys: symbols of the references.
        items: recordings or stretches; at rest, those of which nothing was to be read.
        accuracy: share of single labels that are right, where each reference is a single one.
        unknown_keys: symbols of the references that the model cannot write.
        rest_minutes: rest in the items.
        key_time_error_ms: median distance between a key's true time and where it was read.
        lexicon: its size and what it lacks of the references, where the language model has one.
        people: of ALL only.
        unlabelled: seconds of the person's signal that had entered the statistics before each item was read.
        more: what the caller adds (parameters, train_minutes, …).
    """

    system: str
    split: str
    subject: str
    seed: int
    ways: Mapping[str, Way]
    keys: int
    items: int
    items_at_rest: int = 0
    accuracy: float | None = None
    unknown_keys: int = 0
    rest_minutes: float = 0.0
    key_time_error_ms: float | None = None
    lexicon: Coverage | None = None
    people: People | None = None
    unlabelled: Unlabelled = NOTHING_HEARD
    more: Mapping[str, object] = field(default_factory=dict)

    def rate(self, name: str, way: str) -> Rate | None:
        """Return one of RATES by one way; None where there was nothing to compare with."""
        return self.ways[way].rates.get(name) if way in self.ways else None

    @property
    def headline(self) -> str:
        """The way that the result is judged by."""
        return list(self.ways)[-1]

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON: rates as fractions, named as `cer_greedy`; what does not apply is left out."""
        row: dict[str, Any] = {"system": self.system, "split": self.split, "subject": self.subject}
        intervals: dict[str, list[float]] = {}
        for way, read in self.ways.items():
            for name, rate in read.rates.items():
                row[f"{name}_{way}"] = rate.value
                intervals[f"{name}_{way}"] = list(rate.interval)
                if name == CER:
                    for kind in ("substitutions", "insertions", "deletions"):
                        row[f"{kind}_{way}"] = getattr(rate.counts, kind) / rate.counts.reference_length
            if self.items_at_rest:
                row[f"keys_at_rest_{way}"] = read.keys_at_rest
            if self.rest_minutes:
                row[f"false_keys_per_minute_{way}"] = read.false_keys_per_minute
        if self.accuracy is not None:
            row[ACCURACY] = self.accuracy
        if (name := f"{CER}_{self.headline}") in intervals:
            row |= {"interval": intervals[name], "interval_of": name}
        row |= {"intervals": intervals, "keys": self.keys, "items": self.items}
        if self.items_at_rest:
            row["items_at_rest"] = self.items_at_rest
        if self.lexicon is not None:
            row["lexicon"] = self.lexicon.as_dict()
        if self.unknown_keys:
            row["keys_unknown_to_the_model"] = self.unknown_keys
        if self.rest_minutes:
            row["rest_minutes"] = self.rest_minutes
        if self.key_time_error_ms is not None:
            row["key_time_error_ms_median"] = self.key_time_error_ms
        row |= self.unlabelled.as_dict()
        return row | self._over_people() | {"seed": self.seed} | dict(self.more)

    def _over_people(self) -> dict[str, Any]:
        if self.people is None:
            return {}
        row: dict[str, Any] = {"subjects": self.people.count}
        for name, spread in self.people.spreads.items():
            row[f"{name}_subject_mean"] = spread.mean
            row[f"{name}_population_std"] = spread.population_std
            row[f"{name}_sample_std"] = spread.sample_std
            row[f"{name}_worst_subject"] = spread.worst
        if self.people.interval is not None:
            row[f"{CER}_{self.headline}_subject_mean_interval"] = list(self.people.interval)
        return row


def results_of(evaluation: Evaluation, **more: object) -> list[Result]:
    """Return the result of everybody, then one for each subject; `more` joins each.

    Where nothing was to be read, what is read counts as inserted.
    """
    single = [
        _result(evaluation, subject, [item for item in evaluation.items if item.subject == subject], None, more)
        for subject in evaluation.subjects
    ]
    return [_result(evaluation, ALL, evaluation.items, _people(evaluation, single), more), *single]


def write_results(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows (see `Result.as_dict`) as results.json, `{"rows": [...]}`; the old file stays if this fails."""
    with replacing(path) as temporary:
        temporary.write_text(as_json({"rows": list(rows)}, indent=1) + "\n", encoding="utf-8")


def write_hypotheses(path: str | Path, evaluations: Iterable[Evaluation]) -> None:
    """Write hypotheses.jsonl, one item a line: reference, and for each way text, keys, times and confidences."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for evaluation in evaluations:
            for item in evaluation.items:
                file.write(as_json(_line(evaluation, item)) + "\n")


def _result(
    evaluation: Evaluation, subject: str, items: Sequence[Judged], people: People | None, more: Mapping[str, object]
) -> Result:
    labelled = [item for item in items if not item.at_rest]
    single = bool(labelled) and all(len(item.reference) == 1 for item in labelled)
    known = set(evaluation.tokens.symbols)
    delays, words = _delays_s(items), evaluation.word_model
    return Result(
        evaluation.system,
        evaluation.split,
        subject,
        evaluation.seed,
        {way: _way(evaluation, way, items) for way in evaluation.ways},
        keys=sum(len(item.reference) for item in items),
        items=len(items),
        items_at_rest=len(items) - len(labelled),
        accuracy=statistics.fmean((item.label,) == item.reference for item in labelled) if single else None,
        unknown_keys=sum(symbol not in known for item in items for symbol in item.reference),
        rest_minutes=sum(item.rest_minutes for item in items),
        key_time_error_ms=1e3 * float(np.median(np.abs(delays))) if len(delays) else None,
        lexicon=None if words is None else words.coverage(item.text for item in items),
        people=people,
        unlabelled=Unlabelled.of(item.unlabelled_s for item in items),
        more=more,
    )


def _way(evaluation: Evaluation, way: str, items: Sequence[Judged]) -> Way:
    readings = [item.readings[way] for item in items]
    rates = {}
    for name in _rates_of(evaluation):
        parts = [block for reading in readings for block in RATES[name](reading)]
        whole = total(parts)
        if whole.reference_length:
            rates[name] = Rate(whole, bootstrap_interval(parts, seed=evaluation.seed))
    rest_minutes = sum(item.rest_minutes for item in items)
    false_keys = sum(reading.false_keys for reading in readings)
    keys_at_rest = sum(len(item.readings[way].symbols) for item in items if item.at_rest)
    return Way(rates, keys_at_rest, false_keys / rest_minutes if rest_minutes else 0.0)


def _rates_of(evaluation: Evaluation) -> Iterable[str]:
    """Rendered text says nothing new where each symbol is a whole word, such as the name of a gesture."""
    return (CER,) if evaluation.tokens.kind == "words" else RATES


def _people(evaluation: Evaluation, single: Sequence[Result]) -> People:
    labelled = [result for result in single if result.keys]  # who only rested has no rate
    if len(labelled) < 2:
        return People(len(single))
    spreads = {}
    for name in RATES:
        for way in evaluation.ways:
            rates = [rate.value for result in labelled if (rate := result.rate(name, way))]
            if len(rates) == len(labelled):
                spreads[f"{name}_{way}"] = _spread(rates, max)
    accuracies = [result.accuracy for result in labelled if result.accuracy is not None]
    if len(accuracies) == len(labelled):
        spreads[ACCURACY] = _spread(accuracies, min)
    way = evaluation.ways[-1]
    rated = {item.subject for item in evaluation.items if not item.at_rest}
    counts = [(total(item.readings[way].keys), item.subject) for item in evaluation.items if item.subject in rated]
    interval = per_subject([c for c, _ in counts], [s for _, s in counts], seed=evaluation.seed).interval
    return People(len(single), spreads, interval if np.isfinite(interval).all() else None)


def _spread(values: Sequence[float], worst: Callable[[Sequence[float]], float]) -> Spread:
    return Spread(statistics.fmean(values), statistics.pstdev(values), statistics.stdev(values), worst(values))


def _delays_s(items: Sequence[Judged]) -> np.ndarray:
    """Return how long after its true time each rightly read key was placed, where its time is known."""
    delays = []
    for item in items:
        reading = item.readings[GREEDY]
        if item.times_s is not None and reading.times_s is not None:
            delays += [reading.times_s[read] - item.times_s[true] for true, read in hits_of(reading.pairs)]
    together = np.array(delays)
    return together[np.isfinite(together)]


def _line(evaluation: Evaluation, item: Judged) -> dict[str, Any]:
    line: dict[str, Any] = {
        "system": evaluation.system,
        "split": evaluation.split,
        "subject": item.subject,
        "name": item.name,
        "reference": item.text,
        "reference_keys": list(item.reference),
    }
    if item.times_s is not None and np.isfinite(item.times_s).all():
        line["reference_times_s"] = [round(float(time), 4) for time in item.times_s]
    if item.label is not None:
        line["label"] = item.label
    if item.notes:
        line["notes"] = list(item.notes)
    line["unlabelled_seconds"] = round(item.unlabelled_s, 3)
    for way, reading in item.readings.items():
        line[way] = reading.text
        line[f"keys_{way}"] = list(reading.symbols)
        if reading.times_s is not None:
            line[f"times_s_{way}"] = [round(float(time), 4) for time in reading.times_s]
        line[f"confidences_{way}"] = [round(float(value), 4) for value in reading.hypothesis.confidences]
        line[f"cer_{way}"] = total(reading.keys).rate if item.reference else None
    return line
