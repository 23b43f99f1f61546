"""The runs of run.sh, ablation.sh or adaptation.sh in; their tables, and RESULTS.md and results.json in OUT, out.

    table.py OUT [--split test] [--as table|ablation|adaptation]

The figures are those of `emgasr evaluate`; whether a run ended at a plateau is told by what its model wrote.
"""

from __future__ import annotations

import re
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import DataError
from emgasr.evaluation.results import write_results
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_lines, read_json
from emgasr.training.validator import plateau_of

LDA = {
    "lda": "LDA",
    "lda_centered": "LDA, session mean removed",
    "lda_covariance": "covariance LDA",
    "lda_covariance_centered": "covariance LDA, mean removed",
}
SECONDS = ("0", "2", "8", "30")  # of a session, unlabelled, before anything is read
HEADS = (
    "set|system|symbols|wrong|put in|lost beside an equal one|lost elsewhere|ratio|at a plateau|restarted|times read"
)
RATES = {"words": "wer", "letters": "ler"}  # what strings consist of, and the error rate over that
Table = list[list[str]]


@dataclass(frozen=True)
class Run:
    """What one model read: figures of single takes, and of strings.

    Args:
        set: name of the set.
        system: name of the configuration.
        seed: of the training.
        reading: what was read, and how.
        takes: single takes read.
        accuracy: share of the single takes whose label was the likeliest.
        session_accuracy: the same when all of the session was heard before, unlabelled; None: not read so.
        symbols: words, gestures or letters in the strings.
        error: edits of the strings for each of them.
        inserted: those that put something in.
        beside: symbols with an equal neighbor, and how many of them were deleted.
        elsewhere: the same of all others.
        plateau: what is written whatever is heard; "" where that depends on it.
        restarts: how often training began anew by itself.
    """

    set: str
    system: str
    seed: int
    reading: str
    takes: int
    accuracy: float
    session_accuracy: float | None
    symbols: int
    error: float
    inserted: float
    beside: tuple[int, float]
    elsewhere: tuple[int, float]
    plateau: str
    restarts: int


def run(argv: list[str]) -> int:
    """Print the tables and write them to RESULTS.md, the rows behind them to results.json."""
    parser = ArgumentParser(prog="table.py", description=__doc__)
    parser.add_argument("out", type=Path, help="OUT of run.sh")
    parser.add_argument("--split", choices=("test", "validation"), default="test", help="what was read (test)")
    parser.add_argument("--as", choices=("table", "ablation", "adaptation"), default="table", dest="kind")
    options = parser.parse_args(argv)
    readings = [f"{options.split}-{s}s" for s in SECONDS] if options.kind == "adaptation" else [options.split]
    runs = [run for reading in readings for run in found_runs(options.out, reading)]
    lda = _lda(options.out, options.split) if options.kind == "table" else []
    if not runs and not lda:
        raise DataError(options.out, f"holds no finished run read on {options.split!r}", "give the OUT of run.sh")
    if options.kind == "table":
        reads = _reads(options.out, options.split)
        tables = {"Single takes, right in %": single(runs, lda)}
        tables |= {"Strings, wrong in %": strings(runs, reads)} if runs else {}
    elif options.kind == "ablation":
        tables = {"Strings, wrong in %; in brackets how many runs ended at a plateau": ablation(runs)}
    else:
        tables = {
            "Strings, wrong in %": adaptation(runs, lambda run: 100 * run.error),
            "Single takes, right in %": adaptation(runs, lambda run: 100 * run.accuracy),
        }
    text = "\n".join(f"## {title}, {options.split}\n\n{markdown(table)}\n" for title, table in tables.items())
    name = "RESULTS" if options.kind == "table" else options.kind.upper()
    name += "" if options.split == "test" else "_validation"
    with replacing(options.out / f"{name}.md") as path:
        path.write_text(text, encoding="utf-8")
    rows = [*(asdict(run) for run in runs), *lda]
    write_results(options.out / f"{name.lower()}.json", rows)
    print(text + str(options.out / f"{name}.md"))
    return 0


def found_runs(out: Path, reading: str) -> list[Run]:
    """Return every run in OUT whose single takes and strings have been read so."""
    return [_run(path.parents[1], out) for path in sorted(out.glob(f"*/*/seed*/{reading}/isolated/results.json"))]


def _run(place: Path, out: Path) -> Run:
    (isolated, strings) = (read_json(place / name / "results.json")["rows"][0] for name in ("isolated", "strings"))
    noun, rate = next((noun, rate) for noun, rate in RATES.items() if noun in strings)
    asked, written = Counter[str](), Counter[str]()
    for _, line in json_lines(place / "strings" / "hypotheses.jsonl", DataError):
        asked.update(line[f"reference_{noun}"])
        written.update(line[f"{noun}_greedy"])
    log = place.parent / "run" / "log.jsonl"
    entries = [entry for _, entry in json_lines(log, DataError)] if log.is_file() else []
    session = place / "session" / "results.json"
    if (repeats := strings.get("repeats_greedy")) is None:  # no label stands beside its equal
        beside, elsewhere = (0, 0.0), (strings[noun], strings["deletions_greedy"] * strings[noun])
    else:
        beside, elsewhere = ((part[noun], part["deleted"]) for part in (repeats["beside_equal"], repeats["elsewhere"]))
    name, system, seed, reading = place.relative_to(out).parts
    return Run(
        name,
        system,
        int(seed.removeprefix("seed")),
        reading,
        isolated["items"],
        isolated["accuracy"],
        read_json(session)["rows"][0]["accuracy"] if session.is_file() else None,
        strings[noun],
        strings[f"{rate}_greedy"],
        strings["insertions_greedy"],
        beside,
        elsewhere,
        plateau_of(written, asked),
        sum("plateau" in entry for entry in entries),  # written where training begins anew
    )


def single(runs: Sequence[Run], lda: Sequence[Mapping[str, Any]]) -> Table:
    """Return a line for each set and one for their mean: each system, mean ± deviation over seeds, and each LDA."""
    systems, groups = _systems(runs), _groups([*(run.set for run in runs), *(row["set"] for row in lda)])
    discriminants = [name for name in LDA if any(row["system"] == name for row in lda)]
    heard = {name: f"{name}, session heard" for name in systems}
    table = [["set", "takes", *systems, *heard.values(), *(LDA[name] for name in discriminants)]]
    means: dict[str, list[float]] = {name: [] for name in (*systems, *heard.values(), *discriminants)}
    for group in groups:
        own = [run for run in runs if group_of(run.set) == group]
        plain = [row for row in lda if group_of(row["set"]) == group]
        takes = {run.set: run.takes for run in own} | {row["set"]: row["items"] for row in plain}
        line = [group, str(sum(takes.values()))]
        for name in systems:
            values = by_seed([run for run in own if run.system == name], lambda run: 100 * run.accuracy)
            line.append(spread(values))
            means[name] += [statistics.fmean(values)] if values else []
        for name in systems:
            whole = [run for run in own if run.system == name and run.session_accuracy is not None]
            values = by_seed(whole, lambda run: 100 * (run.session_accuracy or 0.0))
            line.append(spread(values))
            means[heard[name]] += [statistics.fmean(values)] if values else []
        for name in discriminants:
            values = [100 * row["accuracy"] for row in plain if row["system"] == name]
            line.append(f"{statistics.fmean(values):.1f}" if values else "")
            means[name] += [statistics.fmean(values)] if values else []
        table.append(line)
    of_all = [f"{statistics.fmean(values):.1f}" if len(values) == len(groups) else "" for values in means.values()]
    return [*table, ["mean", "", *of_all]]


def strings(runs: Sequence[Run], reads: dict[str, int]) -> Table:
    """Return a line for each set and system: errors, what is put in, what is lost beside equal ones and elsewhere."""
    table = [HEADS.split("|")]
    for group in _groups(run.set for run in runs):
        for system in _systems(runs):
            own = [run for run in runs if group_of(run.set) == group and run.system == system]
            if not own:
                continue
            of, lost = (sum(run.beside[i] for run in own) for i in (0, 1))
            of_others, lost_others = (sum(run.elsewhere[i] for run in own) for i in (0, 1))
            ratio = f"{(lost / of) / (lost_others / of_others):.2f}" if of and lost_others else ""
            line = [group, system, str(sum(run.symbols for run in own))]
            line += [spread(by_seed(own, lambda run: 100 * run.error))]
            line += [spread(by_seed(own, lambda run: 100 * run.inserted))]
            line += [f"{lost:.1f} of {of}", f"{lost_others:.1f} of {of_others}", ratio]
            line += [f"{sum(bool(run.plateau) for run in own)} of {len(own)}", str(sum(run.restarts for run in own))]
            table.append([*line, str(reads.get(f"{group} {system}", 0))])
    return table


def ablation(runs: Sequence[Run]) -> Table:
    """Return a line for each system and a column for each set."""
    groups = _groups(run.set for run in runs)
    table = [["system", *groups, "mean"]]
    for system in _systems(runs):
        line, means = [system], []
        for group in groups:
            own = [run for run in runs if group_of(run.set) == group and run.system == system]
            values = by_seed(own, lambda run: 100 * run.error)
            line.append(f"{spread(values)} ({sum(bool(run.plateau) for run in own)} of {len(own)})" if own else "")
            means += [statistics.fmean(values)] if values else []
        table.append([*line, f"{statistics.fmean(means):.1f}" if len(means) == len(groups) else ""])
    return table


def adaptation(runs: Sequence[Run], figure: Callable[[Run], float]) -> Table:
    """Return a line for each set and system, and a column for each number of unlabelled seconds."""
    table = [["set", "system", *(f"{seconds} s" for seconds in SECONDS)]]
    for group in _groups(run.set for run in runs):
        for system in _systems(runs):
            own = [run for run in runs if group_of(run.set) == group and run.system == system]
            if own:
                parts = [[run for run in own if run.reading.endswith(f"-{seconds}s")] for seconds in SECONDS]
                table.append([group, system, *(spread(by_seed(part, figure)) for part in parts)])
    return table


def by_seed(runs: Iterable[Run], figure: Callable[[Run], float]) -> list[float]:
    """Return for each seed the mean of a figure over the sets of a group, such as one person's each."""
    seeds: dict[int, list[float]] = {}
    for run in runs:
        seeds.setdefault(run.seed, []).append(figure(run))
    return [statistics.fmean(values) for _, values in sorted(seeds.items())]


def spread(values: Sequence[float]) -> str:
    """Return "mean ± sample deviation" over seeds."""
    if not values:
        return ""
    return f"{statistics.fmean(values):.1f}" + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")


def group_of(name: str) -> str:
    """Return the set that one person's set is part of, else its own name."""
    return re.sub(r"_sub\d+$", "", name)


def markdown(table: Table) -> str:
    """Return a table in Markdown, its columns as wide as their content."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in table
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _groups(sets: Iterable[str]) -> list[str]:
    return sorted({group_of(name) for name in sets})


def _systems(runs: Iterable[Run]) -> list[str]:
    return sorted({run.system for run in runs}, key=lambda name: (name != "emgasr", len(name), name))


def _lda(out: Path, split: str) -> list[dict[str, Any]]:
    """The rows of lda.py of every set, each with its set's name."""
    paths = sorted(out.glob(f"*/lda/{split}/results.json"))
    return [{"set": path.relative_to(out).parts[0], **row} for path in paths for row in read_json(path)["rows"]]


def _reads(out: Path, split: str) -> dict[str, int]:
    """How often each system read the split of a set, runs that were stopped and read again included."""
    found: dict[str, int] = {}
    for path in sorted(out.glob(f"*/{split}.reads")):
        for line in path.read_text(encoding="utf-8").splitlines():
            key = f"{group_of(path.parent.name)} {line.split()[0]}"
            found[key] = found.get(key, 0) + 1
    return found


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
