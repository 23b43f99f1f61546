"""Results of run.sh in; the published protocol's table and ours, and results.json, out: table.py OUT.

The published one: raw keystrokes, a CER a user, then mean and population standard deviation over the users. Ours adds
the worst user, the rendered text and a bootstrap interval over people.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.evaluation.results import write_results
from emgasr.score import mean_interval

WAYS = {"greedy": "cer_greedy", "published_lm": "cer_lm", "lm": "cer_lm"}


def people_of(paths: list[Path]) -> list[dict[str, Any]]:
    """The rows of single people."""
    found = [row for path in paths for row in json.loads(path.read_text(encoding="utf-8"))["rows"]]
    return [row for row in found if row["subject"] != "all"]


def line(system: str, part: str, way: str, people: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures over people of one system."""
    values = np.array([row[WAYS[way]] for row in people])
    rendered = [row[WAYS[way].replace("cer", "cer_rendered")] for row in people]
    return {
        "system": system,
        "split": part,
        "way": way,
        "subject": "all",
        "subjects": len(people),
        "cer_subject_mean": float(values.mean()),
        "cer_population_std": float(values.std()),
        "cer_worst_subject": float(values.max()),
        "cer_rendered_subject_mean": statistics.fmean(rendered),
        "interval": list(mean_interval(values)),
        "interval_of": "cer_subject_mean",
    }


out = Path(sys.argv[1])
rows: list[dict[str, Any]] = []
print(f"{'system':16} {'part':10} {'search':13} {'CER, mean ± population std':>28} {'worst':>7} {'rendered':>9}   95 %")
for folder in sorted(path for path in out.iterdir() if (path / "generic").is_dir()):
    for way in WAYS:
        parts = {"zero-shot": [folder / "generic" / way / "results.json"]}
        parts["personal"] = sorted(set(folder.glob(f"*/{way}/results.json")) - set(parts["zero-shot"]))
        for part, paths in parts.items():
            if people := people_of([path for path in paths if path.is_file()]):
                row = line(folder.name, part, way, people)
                rows += [row, *({**person, "split": part, "way": way} for person in people)]
                mean, spread = 100 * row["cer_subject_mean"], 100 * row["cer_population_std"]
                worst, rendered = 100 * row["cer_worst_subject"], 100 * row["cer_rendered_subject_mean"]
                low, high = (100 * bound for bound in row["interval"])
                print(
                    f"{folder.name:16} {part:10} {way:13} {mean:20.2f} ± {spread:5.2f} {worst:7.2f} {rendered:9.2f}"
                    f"   {low:.2f}–{high:.2f}, {row['subjects']} people"
                )
write_results(out / "results.json", rows)
print(out / "results.json")
