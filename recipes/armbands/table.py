"""What run.sh left in OUT in; RESULTS.md, results.json and a picture over all sets out.

    table.py OUT

Each set counts alike, and so does each person of a set. Systems are compared on the sets that all of them read: what a
set lacks is said. Differences are paired by person; their intervals draw people anew within each set, and their p comes
from flipping the signs of people at random.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.display.pictures import label, missing, plain, png
from emgasr.display.visible import markdown_text
from emgasr.errors import DataError
from emgasr.evaluation.executions import EXECUTION, FALSE_ACTIVATIONS, WINDOW
from emgasr.evaluation.results import write_results
from emgasr.files.output import replacing
from emgasr.files.plain_data import LARGEST_TABLE, read_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS = "pretrained"
NETWORKS = ".networks"  # behind a set's name: the folder of the networks, which are adapted to less
RIVALS = ("lda", "conformer_s")  # beside the best other system of each set
DRAWS = 10_000  # of the bootstrap, and of the signs
KINDS = {
    "whole": "all seconds of a session, unlabelled, set its level and spread",
    "causal": "what was heard so far sets level and spread",
}
NOTHING, ONCE, FEW, FULL = "nothing", "1 repetition", "5 % of takes", "100 % of takes"
AMOUNTS = (NOTHING, FEW, "30 s", ONCE, "60 s", FULL)
Figures = dict[str, float]  # of people


@dataclass
class Table:
    """What the systems read of the sets, in one way of taking statistics.

    Args:
        figures: by set, system, amount and name of a figure: those of each person.
        notes: of each set, the people, the hours that a fold trains on, and the commands.
    """

    figures: dict[tuple[str, str, str, str], Figures] = field(default_factory=dict)
    notes: dict[str, tuple[int, float, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def sets(self) -> list[str]:
        """The sets, in order of their names."""
        return sorted(self.notes)

    def systems(self, chosen: str | None = None) -> list[str]:
        """Those that read a set, or any set, in the order in which they came; ours last."""
        names = dict.fromkeys(key[1] for key in self.figures if chosen in (None, key[0]))
        return sorted(names, key=lambda name: name == OURS)

    def mean(self, chosen: str, system: str, amount: str = NOTHING, figure: str = EXECUTION) -> float:
        """Return the mean over people of a set; NaN where there is nothing."""
        found = self.figures.get((chosen, system, amount, figure))
        return float(np.mean(list(found.values()))) if found else float("nan")

    def shared(self, systems: Sequence[str], amount: str = NOTHING) -> list[str]:
        """Return the sets that all of these read, after this amount."""
        return [one for one in self.sets if all((one, name, amount, EXECUTION) in self.figures for name in systems)]


@dataclass(frozen=True)
class Compared:
    """One system less another: the mean over sets, its 95 % interval, p, and each set's difference."""

    difference: float
    low: float
    high: float
    p: float
    people: int
    by_set: Mapping[str, float]


def run(argv: list[str]) -> int:
    """Write the tables, and say where they are."""
    parser = ArgumentParser(prog="table.py", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that run.sh wrote")
    out = parser.parse_args(argv).out
    tables = {kind: read_table(out / kind) for kind in KINDS}
    tables = {kind: table for kind, table in tables.items() if table.sets}
    if not tables:
        raise DataError(out, "holds no finished table of a set", "run the stages whole or causal of run.sh first")
    lines = ["# Armbands: people never seen, then with little of their own", ""]
    rows: list[dict[str, Any]] = []
    for kind, table in tables.items():
        lines += [
            f"## {kind.capitalize()}: {KINDS[kind]}",
            "",
            *_head(table),
            *_zero_shot(table),
            *_pairs(table, rows, kind),
        ]
        lines += [*_beside(table), *_amounts(table)]
        if draw(table, out / f"{kind}.png"):
            lines += [f"![Executions right after an amount of one's own]({kind}.png)", ""]
        for (chosen, system, amount, figure), people in table.figures.items():
            place = {"kind": kind, "set": chosen, "system": system, "amount": amount, "figure": figure}
            rows.append(place | {"mean": float(np.mean(list(people.values()))), "people": people})
    with replacing(out / "RESULTS.md") as path:
        path.write_text("\n".join(lines), encoding="utf-8")
    write_results(out / "results.json", rows)
    counts = ", ".join(
        f"{kind} {len(table.sets)} sets, {len(table.systems())} systems" for kind, table in tables.items()
    )
    print(f"{out / 'RESULTS.md'}: {counts}")
    return 0


def read_table(folder: Path) -> Table:
    """Return what protocols in the folders of sets found; a set whose protocol is not done is left out."""
    table = Table()
    for path in sorted(folder.glob("*/rows.json")):
        advice = "run its stage of run.sh again"
        found: Any = read_json(path, DataError, advice, LARGEST_TABLE)
        rows = found["rows"] if isinstance(found, dict) else found
        chosen, hours = path.parent.name.removesuffix(NETWORKS), []
        for row in rows:
            if row["sessions"] != "test":
                continue
            hours.append(row["train_hours"])
            amount = row.get("amount") or (NOTHING if row["method"] == "none" else f"{60 * row['minutes']:g} s")
            for figure in (EXECUTION, WINDOW, FALSE_ACTIVATIONS):
                if row.get(figure) is not None:
                    people = table.figures.setdefault((chosen, row["system"], amount, figure), {})
                    people[row["subject"]] = row[figure]
        # Paths of a machine say nothing to others.
        command = read_json(path.with_name("run.json"), DataError, advice)["command"]
        command = (
            command.replace(str(folder.parent.resolve()), "OUT")
            .replace(f"/{chosen}", "/SET")
            .replace(f"{chosen},", "SET,")
        )
        count = len({row["subject"] for row in rows})
        *_, commands = table.notes.get(chosen, (0, 0.0, ()))
        table.notes[chosen] = (count, float(np.median(hours)), (*commands, command))
    return table


def compare(table: Table, first: str, second: Mapping[str, str], amount: str = NOTHING, seed: int = 0) -> Compared:
    """Return a system less another, which may be another in each set: executions right, paired by person."""
    apart: dict[str, np.ndarray] = {}
    for chosen, other in second.items():
        one, two = (table.figures[chosen, name, amount, EXECUTION] for name in (first, other))
        apart[chosen] = np.array([one[person] - two[person] for person in sorted(one.keys() & two.keys())])
    rng = np.random.default_rng(seed)
    drawn, flipped = np.zeros(DRAWS), np.zeros(DRAWS)
    for values in apart.values():
        drawn += values[rng.integers(len(values), size=(DRAWS, len(values)))].mean(1) / len(apart)
        flipped += (values * rng.choice([-1.0, 1.0], (DRAWS, len(values)))).mean(1) / len(apart)
    difference = float(np.mean([values.mean() for values in apart.values()]))
    p = (1 + int((np.abs(flipped) >= abs(difference) - 1e-12).sum())) / (1 + DRAWS)
    low, high = (float(edge) for edge in np.quantile(drawn, (0.025, 0.975)))
    people = sum(map(len, apart.values()))
    return Compared(difference, low, high, p, people, {name: float(values.mean()) for name, values in apart.items()})


def draw(table: Table, path: Path) -> bool:
    """Draw executions right, mean of the sets that all systems read, against what a system had of the person.

    Returns whether there is a picture: none without matplotlib.
    """
    if missing():
        return False
    with replacing(path) as temporary:
        temporary.write_bytes(plain(lambda: png(_curves(table)))())
    return True


def _curves(table: Table) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.2), layout="constrained")
    place = figure.subplots()
    sets = table.shared(table.systems())
    for number, system in enumerate(table.systems()):
        amounts = [amount for amount in AMOUNTS if set(sets) <= set(table.shared([system], amount))]
        means = [100 * np.mean([table.mean(one, system, amount) for one in sets]) for amount in amounts]
        style: dict[str, Any] = (
            {"linewidth": 2.5, "color": "black"} if system == OURS else {"linewidth": 1.0, "color": f"C{number}"}
        )
        places = [AMOUNTS.index(amount) for amount in amounts]
        place.plot(places, means, marker="o", markersize=3, label=label(system), **style)
    place.set_xticks(range(len(AMOUNTS)), AMOUNTS, rotation=15)
    place.set_xlabel("labelled signal of the person")
    place.set_ylabel(f"executions right, % (mean of {len(sets)} sets)")
    figure.legend(fontsize=8, loc="outside right upper")
    return figure


def _head(table: Table) -> list[str]:
    lines = ["| set | people | hours a fold trains on |", "| --- | --- | --- |"]
    commands: dict[str, list[str]] = {}
    for chosen in table.sets:
        people, hours, run_by = table.notes[chosen]
        lines.append(f"| {chosen} | {people} | {hours:.2f} |")
        for command in run_by:
            commands.setdefault(command, []).append(chosen)
    for command, sets in commands.items():
        lines += ["", f"{', '.join(sets)}:", "", f"    {command}"]
    every = table.systems()
    lacking = {
        name: [one for one in table.sets if (one, name, NOTHING, EXECUTION) not in table.figures] for name in every
    }
    missing = "; ".join(f"{name}: {', '.join(sets)}" for name, sets in lacking.items() if sets)
    return [*lines, "", f"Not read: {missing}." if missing else "Every system read every set.", ""]


def _zero_shot(table: Table) -> list[str]:
    systems, sets = table.systems(), table.sets
    all_read = table.shared(systems)
    lines = ["### Nothing of the person labelled: executions right, worst person", ""]
    lines += [f"| system | {' | '.join(sets)} | mean of {len(all_read)} |", f"|{' --- |' * (len(sets) + 2)}"]
    for system in systems:
        cells = [_worst(table, chosen, system) for chosen in sets]
        mean = np.mean([table.mean(one, system) for one in all_read]) if all_read else float("nan")
        lines.append(f"| {system} | {' | '.join(cells)} | {_percent(float(mean))} |")
    return [*lines, ""]


def _worst(table: Table, chosen: str, system: str) -> str:
    people = table.figures.get((chosen, system, NOTHING, EXECUTION))
    if not people:
        return "–"
    worst = min(people, key=people.__getitem__)
    return f"{_percent(table.mean(chosen, system))} ({_percent(people[worst])} {markdown_text(worst)})"


def _pairs(table: Table, rows: list[dict[str, Any]], kind: str) -> list[str]:
    if OURS not in table.systems():
        return []
    lines = [f"### {OURS} less others, executions right, points", ""]
    lines += ["| less | after | sets | people | difference | 95 % interval | p | worst set |", f"|{' --- |' * 8}"]
    others = [name for name in table.systems() if name != OURS]
    for amount in (NOTHING, ONCE):
        choices = {name: {one: name for one in table.shared([OURS, name], amount)} for name in RIVALS if name in others}
        best = {}
        for one in table.shared([OURS], amount):
            known = [name for name in others if (one, name, amount, EXECUTION) in table.figures]
            if known:
                best[one] = max(known, key=lambda name, one=one: table.mean(one, name, amount))  # type: ignore[misc]
        for name, second in {**choices, "the best other of each set": best}.items():
            if not second:
                continue
            found = compare(table, OURS, second, amount)
            worst = min(found.by_set, key=found.by_set.__getitem__)
            cells = [name, amount, str(len(second)), str(found.people), f"{100 * found.difference:+.1f}"]
            cells += [f"{100 * found.low:+.1f} to {100 * found.high:+.1f}", f"{found.p:.2g}"]
            lines.append(f"| {' | '.join(cells)} | {worst} {100 * found.by_set[worst]:+.1f} |")
            rows.append(
                {"kind": kind, "pair": [OURS, name], "amount": amount, "by_set": dict(found.by_set), "p": found.p}
            )
    return [*lines, ""]


def _beside(table: Table) -> list[str]:
    lines = ["### Windows and executions right, and false activations a minute of rest", ""]
    lines += [f"| system | {' | '.join(table.sets)} |", f"|{' --- |' * (len(table.sets) + 1)}"]
    for system in table.systems():
        cells = []
        for chosen in table.sets:
            rest = table.mean(chosen, system, figure=FALSE_ACTIVATIONS)
            figures = [_percent(table.mean(chosen, system, figure=name)) for name in (WINDOW, EXECUTION)]
            cells.append(f"{figures[0]}, {figures[1]}, {'no rest' if np.isnan(rest) else f'{rest:.1f}'}")
        lines.append(f"| {system} | {' | '.join(cells)} |")
    return [*lines, ""]


def _amounts(table: Table) -> list[str]:
    lines = ["### After some of the person's own: executions right, mean over the sets that have the amount", ""]
    lines += [f"| system | {' | '.join(AMOUNTS)} |", f"|{' --- |' * (len(AMOUNTS) + 1)}"]
    for system in table.systems():
        cells = []
        for amount in AMOUNTS:
            sets = table.shared([system], amount)
            mean = float(np.mean([table.mean(one, system, amount) for one in sets])) if sets else float("nan")
            cells.append(f"{_percent(mean)} ({len(sets)} sets)" if sets else "–")
        lines.append(f"| {system} | {' | '.join(cells)} |")
    shares = {one: table.mean(one, OURS, FEW) / table.mean(one, OURS, FULL) for one in table.shared([OURS], FULL)}
    said = ", ".join(f"{one} {100 * share:.1f} %" for one, share in shares.items() if not np.isnan(share))
    return [*lines, "", *([f"{OURS}, with {FEW}, of its accuracy with {FULL}: {said}.", ""] if said else [])]


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f}"


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
