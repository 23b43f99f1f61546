"""An evaluation in; a result for everybody and for each subject, results.json and hypotheses.jsonl out."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.confidence.judging import Judged as Believed
from emgasr.evaluation.evaluate import GREEDY, Evaluation, Judged, Reading
from emgasr.evaluation.executions import Together, together
from emgasr.evaluation.naming import ACCURACY, Naming, naming_of
from emgasr.evaluation.repeats import Repeats
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.frontend.session import NOTHING_HEARD, Unlabelled
from emgasr.lm.lexicon import Coverage
from emgasr.score import Counts, bootstrap_interval, hits_of, mean_interval, per_subject, total, wilson_interval
from emgasr.tokens import Tokens

ALL = "all"  # the subject of the result over everybody

Blocks = Callable[[Reading], list[Counts]]


def rates_of(tokens: Tokens) -> dict[str, Blocks]:
    """Return the rates that a model of these symbols has, by name: the first is of the symbols themselves.

    Text says nothing new where each symbol is a whole word; of letters it is what the symbols are.
    """
    naming = naming_of(tokens)
    found: dict[str, Blocks] = {naming.rate: lambda reading: reading.of_symbols}
    if naming.noun in ("key", "character", "token"):
        found["cer_rendered"] = lambda reading: reading.of_characters
    if naming.noun != "word":
        found["wer"] = lambda reading: reading.of_words
    return found


@dataclass(frozen=True)
class Rate:
    """An error rate as a fraction, with the edits behind it and its 95 % bootstrap interval over blocks.

    A block is a prompt's worth of symbols: the interval speaks of these people, not of others.
    """

    counts: Counts
    interval: tuple[float, float]

    @property
    def value(self) -> float:
        """Errors per reference symbol."""
        return self.counts.rate


@dataclass(frozen=True)
class Accuracy:
    """How many takes of exactly one symbol a forced choice gives to the right one, with Wilson's 95 % interval."""

    right: int
    count: int

    @property
    def value(self) -> float:
        """Share that is right."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share, takes being independent: it speaks of these people, not of others."""
        return wilson_interval(self.right, self.count)


@dataclass(frozen=True)
class Way:
    """What one way of reading the emissions gave; `rates` lacks what has no reference."""

    rates: Mapping[str, Rate]
    symbols_at_rest: int = 0  # read in items of which nothing was to be read
    false_symbols_per_minute: float = 0.0  # of rest
    repeats: Repeats | None = None  # where a reference has equal neighbors


@dataclass(frozen=True)
class Spread:
    """A figure's mean over people, each counted once, its two standard deviations and the worst person's value."""

    mean: float
    population_std: float
    sample_std: float
    worst: float


@dataclass(frozen=True)
class People:
    """A result's spread over subjects, of figures that all of them have; both by the names of `Result.as_dict`.

    The intervals are of means over people: people are resampled, so they speak of others like them.
    """

    count: int
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The figures of one subject, of one of a subject's sessions, or of everybody (ALL).

    Args:
        system: name of what was evaluated.
        split: of the manifest.
        subject: whose recordings, or ALL.
        seed: of the intervals.
        naming: what the symbols and their error rate are called.
        ways: by GREEDY and WITH_LM; the last is the headline's.
        symbols: of the references.
        items: recordings or stretches; at rest, those of which nothing was to be read.
        accuracy: of the items that hold exactly one symbol; of keys only where all items do.
        unknown_symbols: of the references: the model cannot write them.
        rest_minutes: rest in the items.
        time_error_ms: median distance between a symbol's true time and where it was read.
        lexicon: its size and what it lacks of the references, where the language model has one.
        people: of ALL only.
        unlabelled: seconds of the person's signal that had entered the statistics before each item was read.
        session: of the subject; "" for all.
        together: figures a window, an execution and at rest, where labels have times.
        sessions: of a subject: each session's result, where sessions have names and symbols are no keys.
        reliability: of ALL: how far confidences of the headline's way are to be believed, by level.
        more: what the caller adds (parameters, train_minutes, …).
    """

    system: str
    split: str
    subject: str
    seed: int
    naming: Naming
    ways: Mapping[str, Way]
    symbols: int
    items: int
    items_at_rest: int = 0
    accuracy: Accuracy | None = None
    unknown_symbols: int = 0
    rest_minutes: float = 0.0
    time_error_ms: float | None = None
    lexicon: Coverage | None = None
    people: People | None = None
    unlabelled: Unlabelled = NOTHING_HEARD
    session: str = ""
    together: Together | None = None
    sessions: tuple[Result, ...] = ()
    reliability: Mapping[str, Believed] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)

    def rate(self, name: str, way: str) -> Rate | None:
        """Return one of `rates_of` by one way; None where there was nothing to compare with."""
        return self.ways[way].rates.get(name) if way in self.ways else None

    @property
    def headline(self) -> str:
        """The way that the result is judged by."""
        return list(self.ways)[-1]

    @property
    def isolated(self) -> bool:
        """Whether each item that is not rest holds exactly one symbol, so that a forced choice is what counts."""
        return self.accuracy is not None and self.accuracy.count == self.items - self.items_at_rest

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON: rates as fractions, named as `wer_greedy`; what does not apply is left out."""
        row: dict[str, Any] = {"system": self.system, "split": self.split, "subject": self.subject}
        row |= self._figures() | self._over_people()
        if self.sessions:
            row["by_session"] = [{"session": result.session} | result._figures() for result in self.sessions]
        if self.reliability:
            row["confidence"] = {level: one.as_dict() for level, one in self.reliability.items()}
        return row | {"seed": self.seed} | dict(self.more)

    def _figures(self) -> dict[str, Any]:
        symbols, rate_name = self.naming.plural, self.naming.rate
        row: dict[str, Any] = {}
        intervals: dict[str, list[float]] = {}
        for way, read in self.ways.items():
            for name, rate in read.rates.items():
                row[f"{name}_{way}"] = rate.value
                intervals[f"{name}_{way}"] = list(rate.interval)
                if name == rate_name:
                    for kind in ("substitutions", "insertions", "deletions"):
                        row[f"{kind}_{way}"] = getattr(rate.counts, kind) / rate.counts.reference_length
            if read.repeats is not None:
                row[f"repeats_{way}"] = read.repeats.as_dict(symbols)
            if self.items_at_rest:
                row[f"{symbols}_at_rest_{way}"] = read.symbols_at_rest
            if self.rest_minutes:
                row[f"false_{symbols}_per_minute_{way}"] = read.false_symbols_per_minute
        if self.accuracy is not None:
            row |= {ACCURACY: self.accuracy.value, "isolated": self.accuracy.count}
            intervals[ACCURACY] = list(self.accuracy.interval)
        name = ACCURACY if self.isolated and self.naming.noun != "key" else f"{rate_name}_{self.headline}"
        if name in intervals:
            row |= {"interval": intervals[name], "interval_of": name}
        row |= {"intervals": intervals, symbols: self.symbols, "items": self.items}
        if self.items_at_rest:
            row["items_at_rest"] = self.items_at_rest
        if self.lexicon is not None:
            row["lexicon"] = self.lexicon.as_dict()
        if self.unknown_symbols:
            row[f"{symbols}_unknown_to_the_model"] = self.unknown_symbols
        if self.rest_minutes:
            row["rest_minutes"] = self.rest_minutes
        if self.time_error_ms is not None:
            row[f"{self.naming.noun}_time_error_ms_median"] = self.time_error_ms
        if self.together is not None:
            row |= self.together.as_dict()
        return row | self.unlabelled.as_dict()

    def _over_people(self) -> dict[str, Any]:
        if self.people is None:
            return {}
        row: dict[str, Any] = {"subjects": self.people.count}
        for name, spread in self.people.spreads.items():
            row[f"{name}_subject_mean"] = spread.mean
            row[f"{name}_population_std"] = spread.population_std
            row[f"{name}_sample_std"] = spread.sample_std
            row[f"{name}_worst_subject"] = spread.worst
        for name, interval in self.people.intervals.items():
            row[f"{name}_subject_mean_interval"] = list(interval)
        return row


def results_of(evaluation: Evaluation, **more: object) -> list[Result]:
    """Return the result of everybody, then one for each subject; `more` joins each.

    Where nothing was to be read, what is read counts as inserted.
    """
    single = [_of_subject(evaluation, subject, more) for subject in evaluation.subjects]
    everybody = _result(evaluation, ALL, evaluation.items, _people(evaluation, single), more)
    return [replace(everybody, reliability=evaluation.reliability()), *single]


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


def _of_subject(evaluation: Evaluation, subject: str, more: Mapping[str, object]) -> Result:
    items = [item for item in evaluation.items if item.subject == subject]
    whole = _result(evaluation, subject, items, None, more)
    names = sorted({item.session for item in items})
    if whole.naming.noun == "key" or not all(names):
        return whole
    parts = [_result(evaluation, subject, [i for i in items if i.session == name], None, more) for name in names]
    sessions = tuple(replace(part, session=name) for part, name in zip(parts, names, strict=True))
    return replace(whole, sessions=sessions)


def _result(
    evaluation: Evaluation, subject: str, items: Sequence[Judged], people: People | None, more: Mapping[str, object]
) -> Result:
    labelled = [item for item in items if not item.at_rest]
    naming = naming_of(evaluation.tokens)
    known = set(evaluation.tokens.symbols)
    delays, words = _delays_s(items), evaluation.word_model
    return Result(
        evaluation.system,
        evaluation.split,
        subject,
        evaluation.seed,
        naming,
        {way: _way(evaluation, way, items) for way in evaluation.ways},
        symbols=sum(len(item.reference) for item in items),
        items=len(items),
        items_at_rest=len(items) - len(labelled),
        accuracy=_accuracy(labelled, naming),
        unknown_symbols=sum(symbol not in known for item in items for symbol in item.reference),
        rest_minutes=sum(item.rest_minutes for item in items),
        time_error_ms=1e3 * float(np.median(np.abs(delays))) if len(delays) else None,
        lexicon=None if words is None else words.coverage(item.text for item in items),
        people=people,
        unlabelled=Unlabelled.of(item.unlabelled_s for item in items),
        together=together(item.activity for item in items),
        more=more,
    )


def _accuracy(labelled: Sequence[Judged], naming: Naming) -> Accuracy | None:
    single = [item for item in labelled if item.isolated]
    if not single or (naming.noun == "key" and len(single) < len(labelled)):
        return None
    return Accuracy(sum((item.label,) == item.reference for item in single), len(single))


def _way(evaluation: Evaluation, way: str, items: Sequence[Judged]) -> Way:
    readings = [item.readings[way] for item in items]
    rates = {}
    for name, blocks_of in rates_of(evaluation.tokens).items():
        parts = [block for reading in readings for block in blocks_of(reading)]
        whole = total(parts)
        if whole.reference_length:
            rates[name] = Rate(whole, bootstrap_interval(parts, seed=evaluation.seed))
    rest_minutes = sum(item.rest_minutes for item in items)
    false_symbols = sum(reading.false_symbols for reading in readings)
    at_rest = sum(len(item.readings[way].symbols) for item in items if item.at_rest)
    counted = [reading.repeats for reading in readings if reading.repeats is not None]
    repeats = sum(counted, Repeats())
    return Way(
        rates, at_rest, false_symbols / rest_minutes if rest_minutes else 0.0, repeats if repeats.beside else None
    )


def _people(evaluation: Evaluation, single: Sequence[Result]) -> People:
    labelled = [result for result in single if result.symbols]  # who only rested has no rate
    if len(labelled) < 2:
        return People(len(single))
    spreads, intervals = {}, {}
    for name in rates_of(evaluation.tokens):
        for way in evaluation.ways:
            rates = [rate.value for result in labelled if (rate := result.rate(name, way))]
            if len(rates) == len(labelled):
                spreads[f"{name}_{way}"] = _spread(rates, max)
    way = evaluation.ways[-1]
    rated = {item.subject for item in evaluation.items if not item.at_rest}
    counts = [
        (total(item.readings[way].of_symbols), item.subject) for item in evaluation.items if item.subject in rated
    ]
    interval = per_subject([c for c, _ in counts], [s for _, s in counts], seed=evaluation.seed).interval
    if np.isfinite(interval).all():
        intervals[f"{naming_of(evaluation.tokens).rate}_{way}"] = interval
    accuracies = [result.accuracy.value for result in labelled if result.accuracy is not None]
    if len(accuracies) == len(labelled):
        spreads[ACCURACY] = _spread(accuracies, min)
        intervals[ACCURACY] = mean_interval(accuracies, evaluation.seed)
    return People(len(single), spreads, intervals)


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
    naming = naming_of(evaluation.tokens)
    line: dict[str, Any] = {
        "system": evaluation.system,
        "split": evaluation.split,
        "subject": item.subject,
        "name": item.name,
        "reference": item.text,
        f"reference_{naming.plural}": list(item.reference),
    }
    if item.session:
        line["session"] = item.session
    if item.times_s is not None and np.isfinite(item.times_s).all():
        line["reference_times_s"] = [round(float(time), 4) for time in item.times_s]
    if item.label is not None:
        line["label"] = item.label
    if item.notes:
        line["notes"] = list(item.notes)
    line["unlabelled_seconds"] = round(item.unlabelled_s, 3)
    for way, reading in item.readings.items():
        line[way] = reading.text
        line[f"{naming.plural}_{way}"] = list(reading.symbols)
        if reading.times_s is not None:
            line[f"times_s_{way}"] = [round(float(time), 4) for time in reading.times_s]
        sure = reading.confidences or reading.hypothesis.confidences
        line[f"confidences_{way}"] = [round(float(value), 4) for value in sure]
        line[f"{naming.rate}_{way}"] = total(reading.of_symbols).rate if item.reference else None
    return line
