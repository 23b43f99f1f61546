"""A training run's checkpoint and log: files in, what they hold out, or one line on what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from emgasr.errors import ModelError
from emgasr.files.checkpoint_file import read_checkpoint
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_of

CHECKPOINT_NAME, LOG_NAME = "checkpoint.pt", "log.jsonl"


def checkpoint_step(folder: Path) -> int:
    """The step that a run's checkpoint was written at; a ModelError if there is none to resume from."""
    path = folder / CHECKPOINT_NAME
    try:
        return int(load_checkpoint(path, torch.device("cpu"))["progress"]["step"])
    except (KeyError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise ModelError(path, "cannot be resumed from: damaged", "restart") from error


def load_checkpoint(path: Path, device: torch.device) -> Any:
    """What a checkpoint holds, on `device`; a ModelError if it is not there or damaged."""
    if not path.is_file():
        raise ModelError(path, "is not there to resume from", "start the run without --resume")
    try:
        return read_checkpoint(path, device=device)
    except ModelError as error:
        raise ModelError(path, f"cannot be resumed from: {error.wrong}", "restart") from error


def cut_log(path: Path, step: int) -> None:
    """Take the steps behind the checkpoint out of a log: a run that was killed did them, and they are done again."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_bytes().split(b"\n"):
        try:
            if json_of(line, path, ModelError)["step"] <= step:
                kept.append(line + b"\n")
        except (ModelError, KeyError, TypeError):  # cut off in the middle, or empty
            continue
    with replacing(path) as temporary:
        temporary.write_bytes(b"".join(kept))
