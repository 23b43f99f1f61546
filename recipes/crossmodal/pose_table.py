"""What pose_zero_shot.py wrote for each draw and variant in; POSE.md of a run out.

    pose_table.py OUT

Balanced accuracy of takes of test people among movements that neither teacher nor encoder was trained on, by muscles
alone; beside it the same among movements that were. Means over draws, in brackets the lowest and the highest.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import DataError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_json

FULL = "full"
COLUMNS = (("unseen", "centroids"), ("unseen", "nearest"), ("seen", "centroids"), ("seen", "nearest"))


def run(argv: list[str]) -> int:
    """Write POSE.md and print it."""
    parser = ArgumentParser(prog="pose_table.py", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of pose.sh")
    options = parser.parse_args(argv)
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(options.out.glob("draw*/*.json")):
        row = read_json(path, ModelError, "remove it, and run pose.sh again")
        found.setdefault(path.stem, {})[path.parent.name] = row
    if FULL not in found:
        raise DataError(options.out, "holds no result of the full method", "run pose.sh")
    text = "\n".join(_lines(found))
    with replacing(options.out / "POSE.md") as path:
        path.write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


def _lines(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    draws = found[FULL]
    lines = [f"- {draw}: {', '.join(row['unseen'])} are unseen" for draw, row in draws.items()]
    everyone = sorted({draw for one in found.values() for draw in one})
    for variant, own in sorted(found.items()):
        if missing := sorted(set(everyone) - set(own)):
            lines.append(f"- not done: {variant} in {', '.join(missing)}")
    lines += ["", "| variant | " + " | ".join(f"{kind}, {by}" for kind, by in COLUMNS) + " |"]
    lines += ["| --- |" + " --- |" * len(COLUMNS)]
    for variant in sorted(found, key=lambda one: (one != FULL, one)):
        cells = [spread([row[f"{kind}_figures"][by] for row in found[variant].values()]) for kind, by in COLUMNS]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    chances = [spread([row[f"{kind}_figures"]["chance"] for row in draws.values()]) for kind, _ in COLUMNS]
    lines.append("| chance | " + " | ".join(chances) + " |")
    unseen = [row["unseen_figures"] for row in draws.values()]
    worst, who = min((value, who) for one in unseen for who, value in one["centroids_of_people"].items())
    takes = " / ".join(str(one["takes"]) for one in unseen)
    lines += ["", f"Takes of unseen movements: {takes}. Worst person in a draw: {100 * worst:.1f} ({who})."]
    return lines


def spread(values: Sequence[float]) -> str:
    """Return the mean in %, with the lowest and the highest of several."""
    mean = f"{100 * float(np.mean(values)):.1f}"
    return mean if len(values) == 1 else f"{mean} ({100 * min(values):.1f} to {100 * max(values):.1f})"


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
