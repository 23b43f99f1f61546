"""The commands are those of the ordinary verbs, and a record says which of them are done."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from emgasr.errors import OutputError
from emgasr.quickstart.splitting import Split
from emgasr.quickstart.steps import TASKS, Plan, Record
from tests.helpers.verbs import parsers

SPLIT = Split(("--test-sessions", "day 2", "--validation-every", "5"), "another day")


def plan(folder: Path, **changes: object) -> Plan:
    values = {"split": SPLIT, "task": "words", "minutes": 5.0, "reading": ("--unit", "uV"), "seed": 3, "quiet": True}
    return Plan(folder / "my takes", folder / "out", **(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("task", TASKS)
def test_every_command_is_taken_by_its_verb_as_a_shell_gives_it(tmp_path: Path, task: str) -> None:
    known = parsers()
    made = plan(tmp_path, task=task)
    for line in [*map(str, made.steps()), *made.next_commands("yes 1.wav")]:
        program, verb, *words = shlex.split(line)
        assert program == "emgasr"
        known[verb].parse_args(words)
    assert [step.name for step in made.steps()] == ["manifest", "strings", "train", "evaluate", "evaluate_strings"]
    assert [step.name for step in plan(tmp_path, strings=False).steps()] == ["manifest", "train", "evaluate"]


def test_a_second_run_goes_on_with_the_same_words_alone(tmp_path: Path) -> None:
    table = tmp_path / "metadata.csv"
    table.write_text("file,text\n")
    steps = plan(tmp_path).steps()
    record = Record.read(tmp_path)
    record.add(steps[0], table)
    again = Record.read(tmp_path)
    assert again.done == {"manifest": steps[0].words}
    again.check(steps, table)
    again.check(plan(tmp_path, minutes=9.0).steps(), table)  # training has not begun
    with pytest.raises(OutputError, match=r"other answers \(uV before, mV now\)"):
        again.check(plan(tmp_path, reading=("--unit", "mV")).steps(), table)
    table.write_text("file,text\nx,y\n")
    with pytest.raises(OutputError, match=r"another metadata\.csv"):
        again.check(steps, table)


def test_a_training_that_has_begun_goes_on_with_another_budget_but_for_no_other_task(tmp_path: Path) -> None:
    table = tmp_path / "metadata.csv"
    table.write_text("file,text\n")
    train = next(step for step in plan(tmp_path).steps() if step.name == "train")
    record = Record.read(tmp_path)
    record.begin(train, table)
    letters = plan(tmp_path, task="letters").steps()
    record.check(letters, table)  # nothing was kept of it
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"")
    Record.read(tmp_path).check(plan(tmp_path, minutes=9.0).steps(), table)
    with pytest.raises(OutputError, match=r"which has begun \(words before, letters now\)"):
        Record.read(tmp_path).check(letters, table)


def test_a_damaged_record_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "steps.json").write_text('{"table": 1}')
    with pytest.raises(OutputError, match=r"steps\.json"):
        Record.read(tmp_path)
