"""The table of armbands: every set and person counts alike, differences are paired by person, and gaps are named."""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from emgasr.cli import exit_code

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("armbands_table", ROOT / "recipes" / "armbands" / "table.py")
assert spec
assert spec.loader
table = importlib.util.module_from_spec(spec)
sys.modules["armbands_table"] = table  # its dataclasses look their module up
spec.loader.exec_module(table)

# Of each set and system: executions right of each person.
READ = {
    ("big", "lda"): [0.5, 0.6, 0.7, 0.8, 0.4, 0.6],
    ("big", "tcn"): [0.7, 0.6, 0.7, 0.8, 0.6, 0.6],
    ("big", "pretrained"): [0.7, 0.7, 0.9, 0.8, 0.6, 0.7],
    ("small", "lda"): [0.9, 0.8],
    ("small", "pretrained"): [0.8, 1.0],
}


def write(out: Path, kind: str = "whole") -> Path:
    for chosen in {chosen for chosen, _ in READ}:
        rows = []
        for (name, system), accuracy in READ.items():
            for person, value in enumerate(accuracy if name == chosen else ()):
                row = {"system": system, "sessions": "test", "method": "none", "minutes": 0.0, "subject": f"p{person}"}
                row |= {"execution_accuracy": value, "window_accuracy": value / 2, "train_hours": 1.5}
                own = row | {"method": "all", "execution_accuracy": min(1.0, value + 0.1)}
                rows += [row, own | {"amount": "1 repetition"}, own | {"minutes": 0.5}]
        networks = [row for row in rows if row["system"] == "tcn"]
        for folder, own in ((chosen, [row for row in rows if row not in networks]), (f"{chosen}.networks", networks)):
            if own:
                place = out / kind / folder
                place.mkdir(parents=True)
                (place / "rows.json").write_text(json.dumps({"rows": own}))
                command = f"emgasr protocol run {out.resolve()}/sets/{chosen}.jsonl --out {place.resolve()}"
                (place / "run.json").write_text(json.dumps({"command": command}))
    return out


def test_sets_count_alike_and_what_a_system_did_not_read_is_named(tmp_path: Path) -> None:
    assert exit_code(table.run, [str(write(tmp_path))]) == 0
    text = (tmp_path / "RESULTS.md").read_text()
    assert "Not read: tcn: small." in text
    assert str(tmp_path) not in text
    assert "big, small:\n\n    emgasr protocol run OUT/sets/SET.jsonl --out OUT/whole/SET\n" in text
    assert "| tcn | 66.7 (60.0 p1) | – | 66.7 |" in text  # one set alone was read by all three
    assert "| pretrained | 73.3 (60.0 p4) | 90.0 (80.0 p0) | 73.3 |" in text
    assert "| lda | nothing | 2 | 8 | +9.2 |" in text  # 13.3 points on six people, 5 on two
    assert "small +5.0 |" in text
    assert "| lda | 30.0, 60.0, no rest | 42.5, 85.0, no rest |" in text
    assert "| pretrained | 81.7 (2 sets) | – | 89.2 (2 sets) | 89.2 (2 sets) | – | – |" in text
    assert "the best other of each set | nothing | 2 | 8 | +5.8 |" in text  # tcn of big, lda of small
    found = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert {row["set"] for row in found if "set" in row} == {"big", "small"}
    assert (tmp_path / "whole.png").read_bytes()[:4] == b"\x89PNG"


def test_the_p_is_that_of_all_flips_of_signs_and_the_interval_that_of_people_drawn_anew(tmp_path: Path) -> None:
    made = table.read_table(write(tmp_path) / "whole")
    found = table.compare(made, "pretrained", {"big": "lda", "small": "lda"})
    apart = [
        np.subtract(READ[chosen, "pretrained"], READ[chosen, "lda"]) for chosen in ("big", "small")
    ]  # every flip of eight people
    mean = np.mean([values.mean() for values in apart])
    flips = [
        abs(np.mean([(apart[0] * signs[:6]).mean(), (apart[1] * signs[6:]).mean()])) >= abs(mean) - 1e-12
        for signs in itertools.product((-1, 1), repeat=8)
    ]
    assert found.p == pytest.approx(np.mean(flips), abs=0.015)
    draws = [
        np.mean([np.mean([values[i] for i in rng.integers(len(values), size=len(values))]) for values in apart])
        for rng in map(np.random.default_rng, range(4000))
    ]
    np.testing.assert_allclose((found.low, found.high), np.quantile(draws, (0.025, 0.975)), atol=0.01)
    assert found.difference == pytest.approx(mean)


def test_a_folder_without_a_finished_table_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(table.run, [str(tmp_path)]) == 2
    assert "holds no finished table of a set" in capsys.readouterr().err
