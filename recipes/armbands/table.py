"""What run.sh left in OUT in, finished or not; RESULTS.md, results.json and a picture over all sets out.

    table.py OUT

Sets count alike, and people of a set. A mean over sets is of those that all systems read; what is missing is named.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.display.pictures import label, missing, plain, png
from emgasr.display.visible import markdown_text
from emgasr.display.wording import counted
from emgasr.errors import DataError
from emgasr.evaluation.executions import EXECUTION, FALSE_ACTIVATIONS, WINDOW
from emgasr.evaluation.results import write_results
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.protocol.over_sets import NOTHING, Difference, SetsTable, mean
from emgasr.protocol.side_by_side import NOTE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OURS, RIVALS = "pretrained", ("lda", "conformer_s")  # beside the best of each set
KINDS = {
    "whole": "all seconds of a session, unlabelled, set its level and spread",
    "causal": "what was heard so far sets level and spread",
}
ONCE, FEW, FULL = "1 repetition", "5 % of takes", "100 % of takes"
FIGURES = (WINDOW, EXECUTION, FALSE_ACTIVATIONS)
COUNTED = """\

Each set counts alike, and each person of a set. Differences are paired by person: 95 % intervals draw people anew in
each set, p flips people's signs (two-sided, not corrected for the number of comparisons). Spread, intervals and single
sessions of each set stand in whole/SET/RESULTS.md and causal/SET/RESULTS.md.
"""


def run(argv: list[str]) -> int:
    """Write the tables, and say where they are."""
    parser = ArgumentParser(prog="table.py", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder that run.sh wrote")
    out = parser.parse_args(argv).out
    prepared = [path.stem for path in out.glob("sets/*.jsonl")]
    tables = {kind: SetsTable(out / kind, prepared, last=OURS) for kind in KINDS}
    if not any(table.sets for table in tables.values()):
        raise DataError(out, "holds no finished table of a set", "run the stages whole or causal of run.sh first")
    lines = ["# Armbands: people never seen, then with little of their own", "", NOTE, COUNTED]
    rows: list[dict[str, Any]] = []
    for kind, table in tables.items():
        found = pairs(table)
        lines += [f"## {kind.capitalize()}: {KINDS[kind]}", "", *_missing(table)]
        if table.sets:
            lines += [*_head(table, out), *_zero_shot(table), *_beside(table)]
            lines += [*(_pairs(table, found) if found else []), *_amounts(table)]
            if draw(table, out / f"{kind}.png"):
                lines += [f"![Executions right after an amount of one's own]({kind}.png)", ""]
        rows += [{"kind": kind} | row for row in (*table.rows(), *map(asdict, found))]
    with replacing(out / "RESULTS.md") as path:
        path.write_text("\n".join(lines), encoding="utf-8")
    write_results(out / "results.json", rows)
    counts = ", ".join(f"{kind} {len(table.sets)} of {len(table.expected)} sets" for kind, table in tables.items())
    print(f"{out / 'RESULTS.md'}: {counts}")
    return 0


def pairs(table: SetsTable) -> list[Difference]:
    """Return what OURS is compared with, after nothing and after a repetition."""
    others = [name for name in table.systems if name != OURS]
    settings = [item for runs in table.runs.values() for run in runs for item in run.get("systems", {}).items()]
    classifiers = {name for name, own in settings if "classifier" in own}
    rivals = {name: [name] for name in RIVALS}
    rivals["the best classifier of each set"] = [name for name in others if name in classifiers]
    if not classifiers.issuperset(others):
        rivals["the best other of each set"] = others
    found = [table.compare(OURS, name, among, amount) for amount in (NOTHING, ONCE) for name, among in rivals.items()]
    return [pair for pair in found if pair is not None]


def draw(table: SetsTable, path: Path) -> bool:
    """Draw curves over amounts of a person's labels; return False without matplotlib, or people with every amount."""
    if missing() or not table.kept or table.amounts == [NOTHING]:
        return False
    with replacing(path) as temporary:
        temporary.write_bytes(plain(lambda: png(_curves(table)))())
    return True


def _curves(table: SetsTable) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.8), layout="constrained")
    timed = [amount for amount in table.amounts if amount.endswith(" s")]  # these may lack labels
    others = [amount for amount in table.amounts if amount not in timed]
    panels = {"takes of the person (and their seconds)": others, "first seconds of the person": [NOTHING, *timed]}
    for place, (title, amounts) in zip(figure.subplots(1, 2, sharey=True), panels.items(), strict=True):
        for number, system in enumerate(table.systems):
            style = (
                (2.8, "black", "-") if system == OURS else (1.2, f"C{number % 10}", ("-", "--", ":")[number // 10 % 3])
            )
            own: dict[str, Any] = dict(zip(("linewidth", "color", "linestyle"), style, strict=True))
            curve = dict(zip(table.amounts, table.curve(system), strict=True))
            points = [(at, 100 * curve[one]) for at, one in enumerate(amounts) if not math.isnan(curve[one])]
            place.plot(*zip(*points, strict=True), marker="o", markersize=3, label=label(system), **own)
        place.set_xticks(range(len(amounts)), [_amount(table, amount, "\n") for amount in amounts])
        place.set_title(title, fontsize=9)
        place.grid(axis="y", alpha=0.3)
    figure.get_axes()[0].set_ylabel(f"executions right, % (mean of {counted(len(table.kept), 'set')})")
    figure.legend(*figure.get_axes()[0].get_legend_handles_labels(), fontsize=8, loc="outside right upper")
    return figure


def _missing(table: SetsTable) -> list[str]:
    lacking = table.missing()
    said = f"{len(table.sets)} of {counted(len(table.expected), 'set')} read, {len(table.systems)} systems."
    return [f"{said} {'Missing:' if lacking else 'Nothing is missing.'}", "", *(f"- {one}" for one in lacking), ""]


def _head(table: SetsTable, out: Path) -> list[str]:
    lines = [["set", "people", "hours read", "people, hours that a fold trains on", "seeds of folds; of training"]]
    commands: dict[str, list[str]] = {}
    budgets: dict[str, dict[str, None]] = {}
    for name, runs in table.runs.items():
        row = table.facts(name)
        trained = f"{row.training.get('train_people', 0):g}, {row.training.get('train_hours', 0):.2f}"
        seeds = " and ".join(dict.fromkeys(f"{r['rule']['seed']}; {' '.join(map(str, r['seeds']))}" for r in runs))
        lines.append([name, str(row.people), _number(row.test_hours, ".2f"), trained, seeds])
        for run in runs:  # paths of a machine say nothing to others
            command = re.sub(r"[^\s'\"=]*(recipes/armbands/)", r"\1", run["command"].replace(str(out.resolve()), "OUT"))
            commands.setdefault(re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "SET", command), []).append(name)
            for system in run.get("systems", {}).keys() & table.systems:
                budgets.setdefault(_budget(run["systems"][system]), {})[system] = None
    said = [f"- {', '.join(name for name in table.systems if name in own)}: {one}" for one, own in budgets.items()]
    for command, sets in commands.items():
        said += ["", f"{', '.join(sets)}:", "", f"    {command}"]
    return [*_table(lines), "", "What a fold may compute:", "", *said, ""]


def _budget(settings: Mapping[str, Any]) -> str:
    """Return what a fold of a system may compute, by run.json and by what pretraining wrote."""
    if "fit" in settings:
        return _limit(settings)
    encoder = Path(settings.get("features", {}).get("encoder", ""))
    if not encoder.name:
        return "seconds, without a limit"
    pattern = encoder.with_name("training.yaml").relative_to(encoder.anchor).as_posix().replace("{fold}", "*")
    each = [_limit(read_yaml(path)) for path in sorted(Path(encoder.anchor).glob(pattern))]
    return f"an encoder for all sets, {len(each)} in all: {'; '.join(sorted(set(each))) or 'made elsewhere'}"


def _limit(settings: Mapping[str, Any]) -> str:
    fit = settings["fit"]
    limit = f"{fit['minutes']:g} min of {fit['clock']} time" if fit["minutes"] else f"{fit['steps']} steps"
    return f"{limit} on {fit['device']}, seed {settings['seed']}"


def _zero_shot(table: SetsTable) -> list[str]:
    shared = table.shared(table.systems)
    lines = [["system", *table.sets, f"mean of {counted(len(shared), 'set')}"]]
    for system in table.systems:
        cells = [_worst(table, name, system) for name in table.sets]
        lines.append([system, *cells, _percent(mean(table.mean(name, system) for name in shared))])
    return ["### Nothing of the person labelled: executions right in %, worst person", "", *_table(lines), ""]


def _worst(table: SetsTable, name: str, system: str) -> str:
    if not (people := table.people(name, system)):
        return "–"
    worst = min(people, key=people.__getitem__)
    return f"{_percent(mean(people.values()))} ({_percent(people[worst])} {worst.removeprefix(f'{name}_')})"


def _beside(table: SetsTable) -> list[str]:
    shared = table.shared(table.systems)
    at_rest = {name: [table.mean(name, one, NOTHING, FALSE_ACTIVATIONS) for one in table.systems] for name in shared}
    rest = [name for name, found in at_rest.items() if not math.isnan(sum(found))]
    lines = [["system", *table.sets, f"mean of {len(shared)}, {len(shared)}, {counted(len(rest), 'set')}"]]
    for system in table.systems:
        found = [[table.mean(name, system, NOTHING, figure) for figure in FIGURES] for name in table.sets]
        sets = dict(zip(FIGURES, (shared, shared, rest), strict=True))
        found.append([mean(table.mean(name, system, NOTHING, figure) for name in own) for figure, own in sets.items()])
        lines.append([system, *(_together(*figures) for figures in found)])
    return ["### Windows and executions right in %, false activations a minute of rest", "", *_table(lines), ""]


def _together(window: float, execution: float, false: float) -> str:
    rest = "no rest" if math.isnan(false) else f"{false:.1f}"
    return "–" if math.isnan(execution) else f"{_percent(window)}, {_percent(execution)}, {rest}"


def _pairs(table: SetsTable, found: Sequence[Difference]) -> list[str]:
    lines = [["less", "after", "sets", "people", "difference", "95 % interval", "p", "lowest on a set"]]
    each = [["less", "after", *table.sets]]
    for pair in found:
        worst = min(pair.by_set, key=pair.by_set.__getitem__)
        low, high = (f"{100 * edge:+.1f}" for edge in pair.interval)
        lines.append([pair.second, pair.amount, str(len(pair.by_set)), str(pair.people), f"{100 * pair.mean:+.1f}"])
        lines[-1] += [f"{low} to {high}", f"{pair.p:.2g}", f"{100 * pair.by_set[worst]:+.1f} {worst}"]
        named = {name: "" if rival == pair.second else f" {rival}" for name, rival in pair.rivals.items()}
        cells = [f"{100 * pair.by_set[name]:+.1f}{named[name]}" if name in named else "–" for name in table.sets]
        each.append([pair.second, pair.amount, *cells])
    title = f"### {OURS} less others: executions right, points"
    said = "The best of each set is chosen by the mean on the people tested, which favors it."
    return [title, "", *_table(lines), "", *_table(each), "", said, ""]


def _amounts(table: SetsTable) -> list[str]:
    people = ", ".join(f"{name} {len(own)} of {len(table.everybody(name))}" for name, own in table.kept.items())
    absent = ", ".join(name for name in table.sets if name not in table.kept)
    said = f"Of the people read after every amount by all systems: {people or 'nobody'}; not in: {absent or 'no set'}."
    lines = [["system", *(_amount(table, amount) for amount in table.amounts)]]
    lines += [[name, *(map(_percent, table.curve(name)))] for name in table.systems]
    head = f"### After some of the person's own: executions right in %, mean of {counted(len(table.kept), 'set')}"
    text = [head, "", markdown_text(said), "", *(_table(lines) if table.kept else [])]
    accuracies = {name: (table.mean(name, OURS, FEW), table.mean(name, OURS, FULL)) for name in table.sets}
    shares = {name: few / full if full else float("nan") for name, (few, full) in accuracies.items()}
    each = ", ".join(f"{name} {_percent(share)} %" for name, share in shares.items() if not math.isnan(share))
    return [*text, "", *([f"{OURS} with {FEW}, of its accuracy with {FULL}: {each}.", ""] if each else [])]


def _amount(table: SetsTable, amount: str, between: str = " ") -> str:
    return amount if amount == NOTHING or amount.endswith(" s") else f"{amount}{between}({table.seconds[amount]:.0f} s)"


def _number(value: float | None, form: str = ".1f") -> str:
    return "–" if value is None or math.isnan(value) else format(value, form)


def _percent(share: float) -> str:
    return _number(100 * share)


def _table(lines: Sequence[Sequence[str]]) -> list[str]:
    rows = [f"| {' | '.join(map(markdown_text, line))} |" for line in lines]
    return [rows[0], f"|{' --- |' * len(lines[0])}", *rows[1:]]


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
