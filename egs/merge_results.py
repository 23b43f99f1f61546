"""Joins OUT/<part>/results/results.json of several parts and prints the table: merge_results.py OUT PART..."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from emgasr.cli.read.evaluate import table_of
from emgasr.evaluation.results import write_results

out, parts = Path(sys.argv[1]), sys.argv[2:]
rows = []
for part in parts:
    for row in json.loads((out / part / "results" / "results.json").read_text(encoding="utf-8"))["rows"]:
        rows.append({**row, "split": part})
write_results(out / "results.json", rows)
print(table_of(rows))
print(out / "results.json")
