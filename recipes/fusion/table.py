"""Results of several folds in; a row a system out: over all people, what is right or wrong, with an interval.

    table.py OUT

OUT holds */results/<system>/results.json and hypotheses.jsonl, or results/<system>/ itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import DataError

DRAWS, SEED = 2000, 0


def run(argv: list[str]) -> int:
    """Print the table as Markdown."""
    parser = ArgumentParser(prog="table.py", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of a recipe's results")
    out = parser.parse_args(argv).out
    systems: dict[str, list[dict[str, float]]] = {}
    for path in sorted(out.rglob("results/*/results.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))
        rows = rows["rows"] if isinstance(rows, dict) else rows
        systems.setdefault(path.parent.name, []).extend(row for row in rows if row["subject"] != "all")
    if not systems:
        raise DataError(out, "holds no results", "run the recipe first")
    figures = [name for name in ("accuracy", "cer_greedy", "wer_greedy") if any(name in r for r in _all(systems))]
    print(f"| system | people | {' | '.join(figures)} |\n|---|---|{'---|' * len(figures)}")
    for name, rows in systems.items():
        cells = [_cell([row[figure] for row in rows if figure in row]) for figure in figures]
        print(f"| {name} | {len(rows)} | {' | '.join(cells)} |")
    return 0


def _all(systems: dict[str, list[dict[str, float]]]) -> list[dict[str, float]]:
    return [row for rows in systems.values() for row in rows]


def _cell(values: list[float]) -> str:
    """Return the mean over people in percent, and its 95 % interval by drawing people again."""
    if not values:
        return ""
    draws = np.random.default_rng(SEED).choice(values, (DRAWS, len(values))).mean(1)
    low, high = np.quantile(draws, (0.025, 0.975))
    return f"{100 * float(np.mean(values)):.1f} % ({100 * low:.1f}–{100 * high:.1f})"


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
