"""What retrieval.py wrote for each draw and variant in; RESULTS.md of a run out: recall beside gallery and chance.

    table.py OUT

OUT/draw*/VARIANT.json are read; variants that a draw lacks are named. A figure is the mean over draws, each with unseen
gestures, weights and batches of its own; in brackets the lowest and the highest draw.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import DataError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json

Rows = list[dict[str, Any]]
FULL, ALL = "full", "all sets"
UNSEEN = (
    ("people", "people"),
    ("people, texts", "people and texts"),
    ("people, set", "people and set"),
    ("people, classes", "people and gestures"),
    ("people, trained", "people, unseen ones in the gallery"),
)
KS = (1, 5, 10)


def run(argv: list[str]) -> int:
    """Write RESULTS.md and print it."""
    parser = ArgumentParser(prog="table.py", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of run.sh")
    options = parser.parse_args(argv)
    found: dict[str, dict[str, Rows]] = {}
    left_out: dict[str, list[str]] = {}
    for path in sorted(options.out.glob("draw*/*.json")):
        content = read_json(path, ModelError, "remove it, and run the stage retrieve again")
        found.setdefault(path.stem, {})[path.parent.name] = content["rows"]
        left_out[path.parent.name] = content["left_out"]
    if FULL not in found:
        raise DataError(options.out, "holds no result of the full method", "run the stages align and retrieve")
    text = "\n".join(_lines(found))
    with replacing(options.out / "RESULTS.md") as path:
        path.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def _lines(found: dict[str, dict[str, Rows]]) -> list[str]:
    draws = sorted({draw for one in found.values() for draw in one})
    lines = [f"{len(draws)} draws: {', '.join(draws)}."]
    for variant, own in sorted(found.items()):
        if missing := sorted(set(draws) - set(own)):
            lines.append(f"Not done: {variant} in {', '.join(missing)}.")
    lines += ["", "## The full method", ""]
    lines += ["| unseen | set | asked by | queries | gallery | R@1 | R@5 | R@10 | chance of R@1 | times chance |"]
    lines += ["| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for unseen, shown in UNSEEN:
        for name in _sets(found[FULL], unseen):
            for way in ("takes ask", "texts ask"):
                for alone in (False, True) if unseen == "people, classes" else (False,):
                    lines += _row(_matching(found[FULL], unseen, name, way, alone), shown, name, way, alone)
    lines += ["", "## Parts left out, and controls: R@1 in %", ""]
    lines += ["Mean over sets with the gallery of each; unseen gestures alone, over all sets together.", ""]
    columns = [(unseen, way) for unseen, _ in UNSEEN for way in ("takes ask", "texts ask")]
    lines += ["| variant | " + " | ".join(f"{dict(UNSEEN)[unseen]}, {way}" for unseen, way in columns) + " |"]
    lines += ["| --- |" + " --- |" * len(columns)]
    for variant in sorted(found, key=lambda one: (one != FULL, one)):
        cells = []
        for unseen, way in columns:
            means = [mean for rows in found[variant].values() if (mean := _mean_of_sets(rows, unseen, way)) is not None]
            cells.append(_spread(means))
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    chances = []
    for unseen, way in columns:
        means = [_mean_of_sets(rows, unseen, way, "chance@1") for rows in found[FULL].values()]
        chances.append(_spread([one for one in means if one is not None]))
    lines.append("| chance | " + " | ".join(chances) + " |")
    return lines


def _sets(draws: dict[str, Rows], unseen: str) -> list[str]:
    names = {row["set"] for rows in draws.values() for row in rows if row["unseen"] == unseen}
    return sorted(names, key=lambda name: (name == ALL, name))


def _matching(draws: dict[str, Rows], unseen: str, name: str, way: str, alone: bool) -> Rows:
    """Return a row of each draw; `alone` tells the gallery of unseen gestures alone from that of all."""
    found = []
    for rows in draws.values():
        own = [row for row in rows if (row["unseen"], row["set"], row["way"]) == (unseen, name, way)]
        own.sort(key=lambda row: -row["gallery"])
        if unseen == "people, classes" and alone:
            own = own[1:]
        found += own[:1]
    return found


def _row(rows: Rows, unseen: str, name: str, way: str, alone: bool) -> list[str]:
    if not rows:
        return []
    among = " alone" if alone else " among all" if "gestures" in unseen else ""
    chance = float(np.mean([row["chance@1"] for row in rows]))
    first = float(np.mean([row["r@1"] for row in rows]))
    cells = [unseen + among, name, way.split()[0], _range([row["queries"] for row in rows])]
    cells += [_range([row["gallery"] for row in rows])]
    cells += [_spread([row[f"r@{k}"] for row in rows if f"r@{k}" in row]) for k in KS]
    cells += [f"{100 * chance:.1f}", f"{first / chance:.1f}"]
    return ["| " + " | ".join(cells) + " |"]


def _mean_of_sets(rows: Rows, unseen: str, way: str, figure: str = "r@1") -> float | None:
    together = unseen == "people, classes"
    own = [row for row in rows if (row["unseen"], row["way"], row["set"] == ALL) == (unseen, way, together)]
    if together:  # the larger gallery is that of all gestures
        own = sorted(own, key=lambda row: row["gallery"])[:1]
    return float(np.mean([row[figure] for row in own])) if own else None


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    if len(values) == 1:
        return f"{100 * values[0]:.1f}"
    return f"{100 * np.mean(values):.1f} ({100 * min(values):.1f} to {100 * max(values):.1f})"


def _range(values: Sequence[int]) -> str:
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
