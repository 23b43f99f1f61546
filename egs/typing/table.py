"""Every person's results in; the mean over people with a bootstrap interval, and results.json, out: table.py OUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.evaluation.results import write_results
from emgasr.score import mean_interval

FIGURES = ("cer_greedy", "cer_lm", "cer_rendered_greedy", "cer_rendered_lm", "wer_lm")
out = Path(sys.argv[1])
rows: list[dict[str, Any]] = []
print(f"{'system':10} {'part':11}" + "".join(f"{name:>21}" for name in FIGURES) + "   95 % interval (cer_greedy)")
for part in ("zero_shot", "calibrated"):
    for system in ("linear", "tds", "conformer"):
        people: list[dict[str, Any]] = []
        for path in sorted(out.glob(f"{system}/{part}/*/results.json")):
            found = json.loads(path.read_text(encoding="utf-8"))["rows"]
            people += [{**row, "split": part} for row in found if row["subject"] != "all"]
        means = {name: float(np.mean([row[name] for row in people])) for name in FIGURES}
        values = np.array([row["cer_greedy"] for row in people])
        interval = list(mean_interval(values))
        kept = {key: people[0][key] for key in ("train_minutes", "parameters", "seed")}
        everyone = {"system": system, "split": part, "subject": "all"}
        rows += [{**everyone, **means, "interval": interval, "interval_of": "cer_greedy", **kept}, *people]
        numbers = "".join(f"{100 * means[name]:19.2f} %" for name in FIGURES)
        print(f"{system:10} {part:11}{numbers}   {100 * interval[0]:.2f}–{100 * interval[1]:.2f}, {len(people)} people")
write_results(out / "results.json", rows)
print(out / "results.json")
