"""The folds' results in; mean over people, worst person and a bootstrap interval over people out: table.py OUT."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.evaluation.results import write_results
from emgasr.score import mean_interval

FIGURES = {"strings": "wer_greedy", "isolated": "accuracy"}
out = Path(sys.argv[1])
rows: list[dict[str, Any]] = []
print(f"{'system':10} {'list':9} {'figure':22} {'mean':>8} {'worst':>8}   95 % interval over people")
for system in ("lda", "tds", "conformer"):
    for split, figure in FIGURES.items():
        people: list[dict[str, Any]] = []
        for path in sorted(out.glob(f"fold*/{system}/{split}/results.json")):
            found = json.loads(path.read_text(encoding="utf-8"))["rows"]
            people += [{**row, "split": split} for row in found if row["subject"] != "all"]
        if not people:
            continue
        values = np.array([row[figure] for row in people])
        low, high = mean_interval(values)
        worst = values.max() if figure == "wer_greedy" else values.min()
        kept = {key: people[0][key] for key in ("train_minutes", "parameters", "seed") if key in people[0]}
        everyone = {"system": system, "split": split, "subject": "all", figure: float(values.mean())}
        rows += [{**everyone, "worst": float(worst), "interval": [float(low), float(high)], **kept}, *people]
        name = "WER" if figure == "wer_greedy" else "accuracy"
        numbers = f"{100 * values.mean():6.2f} % {100 * worst:6.2f} %   {100 * low:.2f}–{100 * high:.2f}"
        print(f"{system:10} {split:9} {name + f', {len(values)} people':22} {numbers}")
write_results(out / "results.json", rows)
print(out / "results.json")
