"""Rows of people in; the table over people, differences between systems and the ladder's milestones out.

Every person counts alike, and intervals resample people: they speak of others like them, not of more sessions of these.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import wilcoxon

from emgasr.score import mean_interval

Row = dict[str, Any]

# Figures of a row, the first that a list has being its headline; of "accuracy" more is better.
FIGURES = ("accuracy", "cer_lm", "cer_greedy", "cer_rendered_lm", "cer_rendered_greedy", "wer_lm", "wer_greedy")
CELL = ("system", "list", "sessions", "rung", "minutes")


def headline(rows: Iterable[Row]) -> str:
    """The figure that rows of one list are judged by."""
    names = set.union(set(), *(row.keys() for row in rows))
    return next(name for name in FIGURES if name in names)


def over_people(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """A row for each system, list and step of a rung: mean, worst person, 95 % interval and spread over people.

    A person's rate is the mean over seeds of training; `base_kept` counts those for whom calibration was no better, or
    had no labels to learn from, so that the model stayed as it was. `pooled` is the rate over all
    symbols, of everybody together.
    """
    return [_cell(cell, members, seed) for cell, members in _cells(rows).items()]


def between_systems(rows: Sequence[Row]) -> list[Row]:
    """For each pair of systems, list and step of a rung: their mean difference and Wilcoxon's signed-rank p, two-sided.

    People are the pairs, those whom both systems have; p is not corrected for how many pairs are compared.
    """
    cells = _cells(rows)
    found = []
    for cell in dict.fromkeys(key[1:] for key in cells):
        systems = [system for system, *rest in cells if tuple(rest) == cell]
        for first, second in combinations(systems, 2):
            both = [cells[key] for key in ((first, *cell), (second, *cell))]
            name = headline(row for row in rows if row["list"] == cell[0])
            one, other = (_by_person(members, name) for members in both)
            people = sorted(one.keys() & other.keys())
            differences = [one[person] - other[person] for person in people]
            if not people:
                continue
            p = float(wilcoxon(differences).pvalue) if any(differences) else 1.0
            pair = {"first": first, "second": second, **dict(zip(CELL[1:], cell, strict=True))}
            mean = statistics.fmean(differences)
            found.append(pair | {"figure": name, "people": len(people), "mean_difference": mean, "wilcoxon_p": p})
    return found


def minutes_to(rows: Sequence[Row], target: float) -> list[Row]:
    """For each system, list and rung: after how many minutes of calibration the error rate is at most `target`.

    Of the mean over people, and of each person; between two steps the rate is taken to fall along a line. None: not
    within the ladder. People who lack a step of it are left out of the mean's.
    """
    table = []
    for (system, name, rung), steps in _ladders(rows).items():
        figure = next((n for n in FIGURES[1:] if all(n in row for row in steps)), None)
        if figure is None:
            continue
        by_step: dict[float, dict[str, float]] = {}
        for minutes in sorted({row["minutes"] for row in steps}):
            by_step[minutes] = _by_person([row for row in steps if row["minutes"] == minutes], figure)
        whole = set.intersection(*(set(people) for people in by_step.values()))
        everybody = sorted(set.union(*(set(people) for people in by_step.values())))
        curve = [(m, statistics.fmean(people[p] for p in whole)) for m, people in by_step.items()] if whole else []
        reached = {
            person: _first_below([(m, people[person]) for m, people in by_step.items() if person in people], target)
            for person in everybody
        }
        row = {"system": system, "list": name, "rung": rung, "figure": figure, "target": target}
        count = sum(minutes is not None for minutes in reached.values())
        people = {"people": len(everybody), "people_who_reach_it": count, "by_person": reached}
        table.append(row | {"minutes": _first_below(curve, target)} | people)
    return table


def _cell(cell: tuple[Any, ...], members: Sequence[Row], seed: int) -> Row:
    row: Row = dict(zip(CELL, cell, strict=True)) | {"subject": "all"}
    people = sorted({member["subject"] for member in members})
    row |= {"subjects": len(people), "headline": headline(members)}
    intervals = {}
    for name in FIGURES:
        rates = _by_person(members, name)
        if not rates:
            continue
        values = np.array(list(rates.values()))
        worst = (min if name == "accuracy" else max)(rates, key=lambda person: rates[person])
        row[name] = float(values.mean())
        row[f"{name}_worst"], row[f"{name}_worst_subject"] = rates[worst], worst
        row[f"{name}_population_std"] = float(values.std())
        if len(values) > 1:
            row[f"{name}_sample_std"] = float(values.std(ddof=1))
            intervals[name] = list(mean_interval(values, seed))
        if name.startswith("cer_") and not name.startswith("cer_rendered"):
            keys = sum(member["keys"] for member in members if name in member)
            row[f"{name}_pooled"] = sum(member[name] * member["keys"] for member in members if name in member) / keys
    row["intervals"] = intervals
    if row["headline"] in intervals:
        row |= {"interval": intervals[row["headline"]], "interval_of": row["headline"]}
    rest = sum(member.get("rest_minutes", 0.0) for member in members)
    for way in ("greedy", "lm"):
        name = f"false_keys_per_minute_{way}"
        if rest and any(name in member for member in members):
            row[name] = sum(member.get(name, 0.0) * member.get("rest_minutes", 0.0) for member in members) / rest
    if rest:
        row["rest_minutes"] = rest
    if any("kept" in member.get("calibration", {}) for member in members):
        row["base_kept"] = len({m["subject"] for m in members if m.get("calibration", {}).get("kept") is False})
    for name in ("parameters", "train_people"):
        row |= {name: members[0][name]} if name in members[0] else {}
    for name in ("train_minutes", "train_hours"):  # of one fold, on average
        row |= {name: statistics.fmean(m[name] for m in members)} if name in members[0] else {}
    if all("test_hours" in member for member in members):
        row["test_hours"] = sum({m["subject"]: m["test_hours"] for m in members}.values())
    return row


def _cells(rows: Iterable[Row]) -> dict[tuple[Any, ...], list[Row]]:
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row[name] for name in CELL), []).append(row)
    return cells


def _by_person(rows: Iterable[Row], name: str) -> dict[str, float]:
    """Each person's rate, the mean over seeds."""
    rates: dict[str, list[float]] = {}
    for row in rows:
        if name in row:
            rates.setdefault(str(row["subject"]), []).append(float(row[name]))
    return {person: statistics.fmean(values) for person, values in sorted(rates.items())}


def _ladders(rows: Sequence[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """The rows of each system's list and rung on the test sessions, those of no calibration as its step 0."""
    ladders: dict[tuple[str, str, str], list[Row]] = {}
    tested = [row for row in rows if row["sessions"] == "test"]
    for row in tested:
        if row["rung"] != "none":
            ladders.setdefault((row["system"], row["list"], row["rung"]), []).append(row)
    for (system, name, _), steps in ladders.items():
        people = {row["subject"] for row in steps}
        steps += [
            row
            for row in tested
            if (row["system"], row["list"], row["rung"]) == (system, name, "none") and row["subject"] in people
        ]
    return ladders


def curves(rows: Sequence[Row], seed: int = 0) -> dict[tuple[str, str, str], list[Row]]:
    """The steps of each system's list and rung, over the people who have all of them, from no calibration on."""
    found = {}
    for (system, name, rung), steps in _ladders(rows).items():
        every = {row["minutes"] for row in steps}
        people = [
            p for p in {row["subject"] for row in steps} if {r["minutes"] for r in steps if r["subject"] == p} == every
        ]
        kept = [{**row, "rung": rung} for row in steps if row["subject"] in people]
        if kept:
            found[system, name, rung] = sorted(over_people(kept, seed), key=lambda row: float(row["minutes"]))
    return found


def _first_below(curve: Sequence[tuple[float, float]], target: float) -> float | None:
    before: tuple[float, float] | None = None
    for minutes, rate in curve:
        if rate <= target:
            if before is None or before[1] == rate:
                return minutes
            return before[0] + (minutes - before[0]) * (before[1] - target) / (before[1] - rate)
        before = (minutes, rate)
    return None


def minutes_told(found: Mapping[str, Any]) -> str:
    """How `minutes_to` reads in a table."""
    minutes = found["minutes"]
    mean = "not within the ladder" if minutes is None else f"{minutes:.1f} min"
    return f"{mean} ({found['people_who_reach_it']} of {found['people']} people reach it)"
