"""Rows of JSON in, results of a protocol out, and back: of a person, over people, between systems, on the way down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from emgasr.config.fields import fields_of
from emgasr.errors import OutputError
from emgasr.evaluation.evaluate import GREEDY, WITH_LM
from emgasr.evaluation.executions import ACTIVATED, BALANCED, EXECUTION, FALSE_ACTIVATIONS, WINDOW
from emgasr.evaluation.naming import ACCURACY, NAMINGS, Naming
from emgasr.files.plain_data import LARGEST_TABLE, read_json
from emgasr.frontend.session import Unlabelled

# The first that a list has is its headline; of ACCURACY more is better, and it is none where there are strings too.
FIGURES = (
    ACCURACY,
    *(f"{rate}_{way}" for rate in ("cer", "ler", "ter", "cer_rendered", "wer") for way in (WITH_LM, GREEDY)),
)
# Shown together or not at all; none is a headline. Of the first four more is better.
TOGETHER = (EXECUTION, BALANCED, WINDOW, ACTIVATED, FALSE_ACTIVATIONS)
MORE_IS_BETTER = (ACCURACY, EXECUTION, BALANCED, WINDOW, ACTIVATED)
RENAMED = {"rung": "method", "calibration": "adaptation"}  # keys of rows that an earlier release wrote
TRAINING = ("parameters", "train_people", "train_minutes", "train_hours")
UNLABELLED = ("unlabelled_seconds_median", "unlabelled_seconds_most")
ROWS_NAME = "rows.json"
CELL = {"system": str, "list": str, "sessions": str, "method": str, "minutes": float}
_FALSE = {(naming, way): f"false_{naming.plural}_per_minute_{way}" for naming in NAMINGS for way in (GREEDY, WITH_LM)}
_COUNTS = ("isolated", "items", "items_at_rest")
_FIELDS: dict[str, Any] = {
    **CELL,
    **{"subject": str, "adaptation": dict[str, Any] | None},
    **dict.fromkeys(UNLABELLED, float | None),
    **dict.fromkeys((*(naming.plural for naming in NAMINGS), *_COUNTS), int | None),
    **dict.fromkeys((*FIGURES, *TOGETHER, *_FALSE.values(), *TRAINING, "rest_minutes", "test_hours"), float | None),
    "amount": str | None,
}


def of_symbols(naming: Naming | None) -> tuple[str, ...]:
    """Return those of FIGURES that are rates over symbols themselves, not over the text they leave: the headline first.

    Without a naming there are none.
    """
    return () if naming is None else tuple(f"{naming.rate}_{way}" for way in (WITH_LM, GREEDY))


class Cell(NamedTuple):
    """What results are averaged within, over people; `amount` says how much was adapted to where minutes do not."""

    system: str
    list_name: str
    sessions: str
    method: str
    minutes: float
    amount: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as it stands in a row."""
        return dict(zip(CELL, self, strict=False)) | ({"amount": self.amount} if self.amount else {})


class Ladder(NamedTuple):
    """What a recovery curve is of: a system on a list, adapted by one method with more and more minutes."""

    system: str
    list_name: str
    method: str


@dataclass(frozen=True)
class PersonResult:
    """One person's figures by one training of a system.

    Args:
        cell: where it stands in the table.
        subject: whose.
        figures: those of FIGURES and TOGETHER that it has, as fractions, false activations as a number a minute.
        naming: what the symbols and their error rate are called; None where the row does not say (accuracy alone).
        symbols: of the references.
        isolated: whether each recording holds exactly one symbol, so that accuracy is what counts.
        rest_minutes: rest in what was read.
        false_symbols_per_minute: of rest, by way of reading.
        kept: whether the fit was better on what it held out, so that it was kept; None without a fit.
        test_hours: of what was read.
        unlabelled: seconds of the person's signal in the statistics before what was read; None: the row does not say.
        training: what the model was trained on, and its size.
        row: all of it as the job wrote it.
    """

    cell: Cell
    subject: str
    figures: Mapping[str, float]
    naming: Naming | None
    symbols: int
    isolated: bool = True
    rest_minutes: float = 0.0
    false_symbols_per_minute: Mapping[str, float] = field(default_factory=dict)
    kept: bool | None = None
    test_hours: float | None = None
    training: Mapping[str, float] = field(default_factory=dict)
    unlabelled: Unlabelled | None = None
    row: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(row: Mapping[str, Any], where: str | Path = "results") -> PersonResult:
        """Return the result that a row of `where` holds; an OutputError if the row lacks a figure or garbles one."""
        row = {RENAMED.get(name, name): value for name, value in row.items()}
        advice = "run `emgasr protocol run` to its end"
        found = fields_of(row, _FIELDS, where, OutputError, advice, "a row")
        adaptation = fields_of(found["adaptation"] or {}, {"kept": bool | None}, where, OutputError, advice, "a row")
        figures = {name: found[name] for name in (*FIGURES, *TOGETHER) if found[name] is not None}
        naming = next((naming for naming in NAMINGS if found[naming.plural] is not None), None)
        if lacking := _lacking(figures, naming):
            raise OutputError(where, f"a row: lacks the field {lacking!r}", advice)
        items = (found["items"] or 0) - (found["items_at_rest"] or 0)
        return PersonResult(
            Cell(
                **{"list_name" if name == "list" else name: found[name] for name in CELL}, amount=found["amount"] or ""
            ),
            found["subject"],
            figures,
            naming,
            found[naming.plural] if naming is not None else 0,
            found["isolated"] is None or found["isolated"] == items,
            found["rest_minutes"] or 0.0,
            {way: rate for (_, way), name in _FALSE.items() if (rate := found[name]) is not None},
            adaptation["kept"],
            found["test_hours"],
            {name: found[name] for name in TRAINING if found[name] is not None},
            _unlabelled(*(found[name] for name in UNLABELLED)),
            row,
        )


def read_results(path: Path) -> list[PersonResult]:
    """Return the results that a file of rows holds, as a protocol wrote it; an OutputError if it holds none."""
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        content = read_json(path, OutputError, "run `emgasr protocol run` to its end", LARGEST_TABLE)
        rows = content["rows"] if isinstance(content, dict) else content
        return [PersonResult.of(dict(row), path) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(path, "holds no rows of a protocol", "run `emgasr protocol run` to its end") from error


def _unlabelled(median: float | None, most: float | None) -> Unlabelled | None:
    return None if median is None or most is None else Unlabelled(median, most)


def _lacking(figures: Mapping[str, float], naming: Naming | None) -> str:
    """Return the number of symbols that a row should have: what an error rate over symbols is pooled by."""
    for rate in ("cer", "ler", "ter"):
        if any(f"{rate}_{way}" in figures for way in (GREEDY, WITH_LM)) and (naming is None or naming.rate != rate):
            return next(one.plural for one in NAMINGS if one.rate == rate)
    return ""


@dataclass(frozen=True)
class PeopleFigure:
    """One figure over people: their mean, spread and worst, and the 95 % interval of the mean.

    `pooled` is the error rate over all symbols of everybody together.
    """

    mean: float
    worst: float
    worst_subject: str
    population_std: float
    sample_std: float | None = None
    interval: tuple[float, float] | None = None
    pooled: float | None = None


@dataclass(frozen=True)
class PeopleResult:
    """A cell's figures over people; `base_kept` counts those whose model stayed as it was after a fit."""

    cell: Cell
    people: int
    headline: str
    figures: Mapping[str, PeopleFigure]
    naming: Naming | None = None
    rest_minutes: float = 0.0
    false_symbols_per_minute: Mapping[str, float] = field(default_factory=dict)
    base_kept: int | None = None
    training: Mapping[str, float] = field(default_factory=dict)
    test_hours: float | None = None
    unlabelled: Unlabelled | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON, whose subject is "all"."""
        row = self.cell.as_dict() | {"subject": "all", "subjects": self.people, "headline": self.headline}
        intervals = {}
        for name, figure in self.figures.items():
            row |= {name: figure.mean, f"{name}_worst": figure.worst, f"{name}_worst_subject": figure.worst_subject}
            row[f"{name}_population_std"] = figure.population_std
            if figure.sample_std is not None:
                row[f"{name}_sample_std"] = figure.sample_std
            if figure.interval is not None:
                intervals[name] = list(figure.interval)
            if figure.pooled is not None:
                row[f"{name}_pooled"] = figure.pooled
        row["intervals"] = intervals
        if self.headline in intervals:
            row |= {"interval": intervals[self.headline], "interval_of": self.headline}
        if self.naming is not None:
            row |= {_FALSE[self.naming, way]: rate for way, rate in self.false_symbols_per_minute.items()}
        if self.rest_minutes:
            row["rest_minutes"] = self.rest_minutes
        if self.base_kept is not None:
            row["base_kept"] = self.base_kept
        row |= {**self.training, **({} if self.unlabelled is None else self.unlabelled.as_dict())}
        return row | ({} if self.test_hours is None else {"test_hours": self.test_hours})


@dataclass(frozen=True)
class Pair:
    """Two systems in one cell: the mean difference over people whom both have, and Wilcoxon's signed-rank p."""

    first: str
    second: str
    cell: Cell  # of the first
    figure: str
    people: int
    mean_difference: float
    wilcoxon_p: float

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        place = {name: value for name, value in self.cell.as_dict().items() if name != "system"}
        figures = {"mean_difference": self.mean_difference, "wilcoxon_p": self.wilcoxon_p}
        named = {"first": self.first, "second": self.second}
        return {**named, **place, "figure": self.figure, "people": self.people, **figures}


@dataclass(frozen=True)
class Reached:
    """After how many minutes of calibration an error rate is at most `target`; None: not within the ladder.

    `minutes` is of the mean over the people who have every step, `by_person` of each.
    """

    ladder: Ladder
    figure: str
    target: float
    minutes: float | None
    by_person: Mapping[str, float | None]

    @property
    def people_who_reach_it(self) -> int:
        """How many of the people get there."""
        return sum(minutes is not None for minutes in self.by_person.values())

    def __str__(self) -> str:
        mean = "not within the ladder" if self.minutes is None else f"{self.minutes:.1f} min"
        return f"{mean} ({self.people_who_reach_it} of {len(self.by_person)} people reach it)"

    def as_dict(self) -> dict[str, Any]:
        """Return a row for JSON."""
        place = dict(zip(("system", "list", "method"), self.ladder, strict=True))
        people = {"people": len(self.by_person), "people_who_reach_it": self.people_who_reach_it}
        row = {**place, "figure": self.figure, "target": self.target, "minutes": self.minutes}
        return row | people | {"by_person": dict(self.by_person)}
