"""The table of armbands: figures side by side, differences of the pretrained encoder, amounts, and what is missing."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from emgasr.cli import exit_code
from tests.helpers.sets_read import person_row, write_protocol

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "armbands"
spec = importlib.util.spec_from_file_location("armbands_table", RECIPE / "table.py")
assert spec
assert spec.loader
table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)

# Of each set and system: executions right of each person.
READ = {
    ("big", "lda"): [0.5, 0.6, 0.7, 0.8, 0.4, 0.6],
    ("big", "tcn"): [0.7, 0.6, 0.7, 0.8, 0.6, 0.6],
    ("big", "pretrained"): [0.7, 0.7, 0.9, 0.8, 0.6, 0.7],
    ("small", "lda"): [0.9, 0.8],
    ("small", "pretrained"): [0.8, 1.0],
}
NETWORK = {"fit": {"minutes": 1.5, "clock": "cpu", "device": "cpu", "steps": 0}, "seed": 3}


def write(out: Path) -> Path:
    encoder = out / "pretrained" / "{fold}" / "encoder"
    lda = {"classifier": {"kind": "lda"}, "features": {"encoder": ""}, "seed": 0}
    settings = {"lda": lda, "pretrained": lda | {"features": {"encoder": str(encoder)}}}
    for fold in range(2):
        place = out / "pretrained" / f"group{fold}"
        place.mkdir(parents=True)
        (place / "training.yaml").write_text("seed: 5\nfit: {minutes: 8, clock: wall, device: cuda, steps: 0}\n")
    for (chosen, system), right in READ.items():
        rows = []
        for person, value in ((f"{chosen}_p{n}", value) for n, value in enumerate(right)):
            rest = {"false_activations_per_minute": 2.5} if chosen == "big" else {}
            rows.append(person_row(system, person, value, **rest))
            rows.append(person_row(system, person, value if person == "big_p0" else 1.0, 20, amount="1 repetition"))
            if system != "tcn":
                rows.append(person_row(system, person, value * 0.9, 4, amount="5 % of takes"))
                rows.append(person_row(system, person, value, 90, amount="100 % of takes"))
        # A folder a system, as run.sh parts the networks from the others.
        own = {system: settings.get(system, NETWORK)}
        write_protocol(out / "whole" / f"{chosen}.{system}", rows, own)
        (out / "sets").mkdir(exist_ok=True)
        (out / "sets" / f"{chosen}.jsonl").touch()
    return out


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = write(tmp_path_factory.mktemp("out"))
    (out / "sets" / "late.jsonl").touch()
    assert exit_code(table.run, [str(out)]) == 0
    found = json.loads((out / "results.json").read_text())["rows"]
    assert {row["set"] for row in found if "set" in row} == {"big", "small"}
    assert any(row.get("first") == "pretrained" and row["second"] == "lda" for row in found)
    assert (out / "whole.png").read_bytes()[:4] == b"\x89PNG"
    assert not (out / "causal.png").exists()
    return (out / "RESULTS.md").read_text().replace(str(out.resolve()), "A MACHINE")


def test_what_is_missing_is_named_first(text: str) -> None:
    assert "2 of 3 sets read, 3 systems. Missing:\n\n- not done: late\n- tcn: not in 1 set (small)" in text
    assert "0 of 3 sets read, 0 systems. Missing:\n\n- not done: big, late, small" in text


def test_the_head_has_people_hours_seeds_budgets_and_commands_without_a_machines_paths(text: str) -> None:
    assert "| big | 6 | 1.50 | 4, 1.50 | 7; 0 |" in text
    assert "- tcn: 1.5 min of cpu time on cpu, seed 3" in text
    assert "- pretrained: an encoder for all sets, 2 in all: 8 min of wall time on cuda, seed 5" in text
    assert "- lda: seconds, without a limit" in text
    assert "big, small:\n\n    emgasr protocol run --out OUT/whole/SET.lda" in text
    assert "A MACHINE" not in text


def test_single_executions_with_the_worst_person_and_a_mean_of_the_sets_that_all_read(text: str) -> None:
    assert "| tcn | 66.7 (60.0 p1) | – | 66.7 |" in text
    assert "| pretrained | 73.3 (60.0 p4) | 90.0 (80.0 p0) | 73.3 |" in text
    assert "| system | big | small | mean of 1 set |" in text


def test_windows_executions_and_rest_stand_side_by_side(text: str) -> None:
    assert "| lda | 30.0, 60.0, 2.5 | 42.5, 85.0, no rest | 30.0, 60.0, 2.5 |" in text
    assert "| tcn | 33.3, 66.7, 2.5 | – | 33.3, 66.7, 2.5 |" in text


def test_differences_are_over_sets_with_those_of_each_set_and_the_lowest(text: str) -> None:
    assert "| lda | nothing | 2 | 8 | +9.2 |" in text  # 13.3 points on six people, 5 on two
    assert "| the best classifier of each set | nothing | 2 | 8 | +9.2 |" in text
    assert "| the best other of each set | nothing | 2 | 8 | +5.8 |" in text  # tcn of big, lda of small
    assert "| the best other of each set | nothing | +6.7 tcn | +5.0 lda |" in text
    assert "| +5.0 small |" in text
    assert "| lda | 1 repetition | 2 | 8 | +1.7 |" in text  # 20 points of one of six people


def test_amounts_are_in_order_of_their_seconds_and_a_share_of_takes_is_set_against_all(text: str) -> None:
    head = "| system | nothing | 5 % of takes (4 s) | 1 repetition (20 s) | 100 % of takes (90 s) |"
    assert head in text
    assert "mean of 1 set\n\nOf the people read after every amount by all systems: big 6 of 6; not in: small." in text
    assert "| tcn | 66.7 | – | 95.0 | – |" in text
    assert "| pretrained | 73.3 | 66.0 | 95.0 | 73.3 |" in text
    assert "pretrained with 5 % of takes, of its accuracy with 100 % of takes: big 90.0 %, small 90.0 %." in text


def test_a_folder_without_a_finished_table_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(table.run, [str(tmp_path)]) == 2
    assert "holds no finished table of a set" in capsys.readouterr().err
