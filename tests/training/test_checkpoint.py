"""A run's checkpoint and log: cut back to the step it goes on from, or refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from emgasr.errors import ModelError
from emgasr.training.checkpoint import checkpoint_step
from emgasr.training.log import cut_log


@pytest.mark.parametrize(
    "rest", ["[" * 100_000, '{"step": 1e999}', '{"step": "3"}', "{}", "[]", "3", '{"step": 2', "\0"]
)
def test_a_log_is_cut_back_to_the_checkpoint_and_what_is_no_entry_goes(rest: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join([json.dumps({"step": 2}), rest, json.dumps({"step": 3}), json.dumps({"step": 4})]) + "\n")
    cut_log(path, 3)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 2}, {"step": 3}]


@pytest.mark.parametrize("step", [float("inf"), float("nan"), None, [], "x", torch.zeros(2)])
def test_a_checkpoint_without_a_step_is_refused_by_its_name(step: Any, tmp_path: Path) -> None:
    torch.save({"progress": {"step": step}}, tmp_path / "checkpoint.pt")
    with pytest.raises(ModelError, match=r"checkpoint\.pt: cannot be resumed from"):
        checkpoint_step(tmp_path)
