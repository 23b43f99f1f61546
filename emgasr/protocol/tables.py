"""Results of people in; the table over people, differences between systems and the minutes that calibration needs out.

Every person counts alike, and intervals resample people: they speak of others like them, not of more sessions of these.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import scipy  # scipy.stats is imported when it is first used: it takes a second

from emgasr.evaluation.evaluate import GREEDY, WITH_LM
from emgasr.evaluation.executions import EXECUTION
from emgasr.evaluation.naming import ACCURACY
from emgasr.frontend.session import Unlabelled
from emgasr.manifests.manifest import TEST
from emgasr.protocol.config import NONE
from emgasr.protocol.results import (
    FIGURES,
    MORE_IS_BETTER,
    TOGETHER,
    TRAINING,
    Cell,
    Ladder,
    Pair,
    PeopleFigure,
    PeopleResult,
    PersonResult,
    Reached,
    of_symbols,
)
from emgasr.score import mean_interval


def headline(results: Iterable[PersonResult]) -> str:
    """Return the figure that results of one list are judged by; accuracy only where every recording is isolated."""
    results = list(results)
    names = {name for result in results for name in result.figures if name in FIGURES}
    if len(names) > 1 and not all(result.isolated for result in results):
        names.discard(ACCURACY)
    return next(name for name in FIGURES if name in names)


def over_people(results: Sequence[PersonResult], seed: int = 0) -> list[PeopleResult]:
    """Return the figures of each cell over its people; a person's rate is the mean over seeds of training."""
    return [_over_people(cell, members, seed) for cell, members in _cells(results).items()]


def between_systems(results: Sequence[PersonResult]) -> list[Pair]:
    """Return each pair of systems in each cell, by the headline and by those of TOGETHER that both have.

    p is two-sided, and not corrected for how many pairs there are.
    """
    cells = _cells(results)
    headlines = {
        name: headline(result for result in results if result.cell.list_name == name)
        for name in {cell.list_name for cell in cells}
    }
    found = []
    for place in dict.fromkeys(cell[1:] for cell in cells):
        systems = [cell.system for cell in cells if cell[1:] == place]
        for first, second in combinations(systems, 2):
            cell = Cell(first, *place)
            for name in _compared(headlines[cell.list_name]):
                one, other = (by_person(cells[Cell(system, *place)], name) for system in (first, second))
                people = sorted(one.keys() & other.keys())
                differences = [one[person] - other[person] for person in people]
                if not people:
                    continue
                p = float(scipy.stats.wilcoxon(differences).pvalue) if any(differences) else 1.0
                found.append(Pair(first, second, cell, name, len(people), statistics.fmean(differences), p))
    return found


def by_person(results: Iterable[PersonResult], name: str) -> dict[str, float]:
    """Return a figure of each person who has it, the mean over seeds of training."""
    rates: dict[str, list[float]] = {}
    for result in results:
        if name in result.figures:
            rates.setdefault(result.subject, []).append(result.figures[name])
    return {person: statistics.fmean(values) for person, values in sorted(rates.items())}


def minutes_to(results: Sequence[PersonResult], target: float) -> list[Reached]:
    """Return for each ladder after how many minutes the error rate is at most `target`.

    Between two steps the rate falls along a line. The mean leaves out people who lack a step.
    """
    found = []
    for ladder, steps in _ladders(results).items():
        figure = next((name for name in FIGURES[1:] if all(name in result.figures for result in steps)), None)
        if figure is None:
            continue
        by_step: dict[float, dict[str, float]] = {}
        for minutes in sorted({result.cell.minutes for result in steps}):
            by_step[minutes] = by_person([r for r in steps if r.cell.minutes == minutes], figure)
        whole = set.intersection(*(set(people) for people in by_step.values()))
        everybody = sorted(set.union(*(set(people) for people in by_step.values())))
        curve = [(m, statistics.fmean(people[p] for p in whole)) for m, people in by_step.items()] if whole else []
        each = {
            person: _first_below([(m, people[person]) for m, people in by_step.items() if person in people], target)
            for person in everybody
        }
        found.append(Reached(ladder, figure, target, _first_below(curve, target), each))
    return found


def curves(results: Sequence[PersonResult], seed: int = 0) -> dict[Ladder, list[PeopleResult]]:
    """Return the steps of each ladder over the people who have all of them, from no calibration on."""
    found = {}
    for ladder, steps in _ladders(results).items():
        every = {result.cell.minutes for result in steps}
        minutes_of: dict[str, set[float]] = {}
        for result in steps:
            minutes_of.setdefault(result.subject, set()).add(result.cell.minutes)
        kept = [
            replace(result, cell=result.cell._replace(method=ladder.method))
            for result in steps
            if minutes_of[result.subject] == every
        ]
        if kept:
            found[ladder] = sorted(over_people(kept, seed), key=lambda step: step.cell.minutes)
    return found


def _compared(headline: str) -> list[str]:
    """Return the figures that systems are compared by; accuracy of single takes is that of executions already."""
    return [headline, *(name for name in TOGETHER if (headline, name) != (ACCURACY, EXECUTION))]


def _over_people(cell: Cell, members: Sequence[PersonResult], seed: int) -> PeopleResult:
    figures = {}
    naming = members[0].naming
    for name in (*FIGURES, *TOGETHER):
        rates = by_person(members, name)
        if not rates:
            continue
        values = np.array(list(rates.values()))
        worst = (min if name in MORE_IS_BETTER else max)(rates, key=lambda person: rates[person])
        several = len(values) > 1
        figures[name] = PeopleFigure(
            float(values.mean()),
            rates[worst],
            worst,
            float(values.std()),
            float(values.std(ddof=1)) if several else None,
            mean_interval(values, seed) if several else None,
            _pooled(members, name) if name in of_symbols(naming) else None,
        )
    rest = sum(member.rest_minutes for member in members)
    false_symbols = {
        way: sum(member.false_symbols_per_minute.get(way, 0.0) * member.rest_minutes for member in members) / rest
        for way in (GREEDY, WITH_LM)
        if rest and any(way in member.false_symbols_per_minute for member in members)
    }
    fitted = any(member.kept is not None for member in members)
    training = {name: members[0].training[name] for name in TRAINING if name in members[0].training}
    for name in ("train_minutes", "train_hours"):  # of one fold, on average
        if name in training:
            training[name] = statistics.fmean(m.training[name] for m in members if name in m.training)
    hours = {member.subject: member.test_hours for member in members if member.test_hours is not None}
    return PeopleResult(
        cell,
        len({member.subject for member in members}),
        headline(members),
        figures,
        naming,
        rest,
        false_symbols,
        len({member.subject for member in members if member.kept is False}) if fitted else None,
        training,
        sum(hours.values()) if all(member.test_hours is not None for member in members) else None,
        _unlabelled([member.unlabelled for member in members if member.unlabelled is not None]),
    )


def _unlabelled(of_people: Sequence[Unlabelled]) -> Unlabelled | None:
    """Return the median over people of their medians, and the most of any; None where no row says."""
    if not of_people:
        return None
    return Unlabelled(statistics.median(one.median for one in of_people), max(one.most for one in of_people))


def _pooled(members: Iterable[PersonResult], name: str) -> float:
    having = [member for member in members if name in member.figures]
    symbols = sum(member.symbols for member in having)
    return sum(member.figures[name] * member.symbols for member in having) / symbols


def _cells(results: Iterable[PersonResult]) -> dict[Cell, list[PersonResult]]:
    cells: dict[Cell, list[PersonResult]] = {}
    for result in results:
        cells.setdefault(result.cell, []).append(result)
    return cells


def _ladders(results: Sequence[PersonResult]) -> dict[Ladder, list[PersonResult]]:
    """Return each ladder's results on the test sessions, those without adaptation as its first step."""
    ladders: dict[Ladder, list[PersonResult]] = {}
    tested = [result for result in results if result.cell.sessions == TEST and not result.cell.amount]
    for result in tested:
        if result.cell.method != NONE:
            ladder = Ladder(result.cell.system, result.cell.list_name, result.cell.method)
            ladders.setdefault(ladder, []).append(result)
    for ladder, steps in ladders.items():
        people = {result.subject for result in steps}
        plain = (ladder.system, ladder.list_name, NONE)
        steps += [
            result
            for result in tested
            if (result.cell.system, result.cell.list_name, result.cell.method) == plain and result.subject in people
        ]
    return ladders


def _first_below(curve: Sequence[tuple[float, float]], target: float) -> float | None:
    before: tuple[float, float] | None = None
    for minutes, rate in curve:
        if rate <= target:
            if before is None or before[1] == rate:
                return minutes
            return before[0] + (minutes - before[0]) * (before[1] - target) / (before[1] - rate)
        before = (minutes, rate)
    return None
