"""What a run has come to in, checkpoint.pt out, and back, or one line on what is wrong with it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from emgasr.errors import ModelError
from emgasr.files.checkpoint_file import read_checkpoint
from emgasr.files.output import replacing

CHECKPOINT_NAME = "checkpoint.pt"


def write_checkpoint(state: Mapping[str, Any], folder: Path) -> None:
    """Write the checkpoint of the run in `folder`; the one before stays if this fails."""
    content = io.BytesIO()  # PyTorch would report a full disk as a fault of its own
    torch.save(dict(state), content)
    with replacing(folder / CHECKPOINT_NAME) as path:
        path.write_bytes(content.getbuffer())


def checkpoint_step(folder: Path) -> int:
    """Return the step that a run's checkpoint was written at; a ModelError if there is none to resume from."""
    path = folder / CHECKPOINT_NAME
    try:
        return int(load_checkpoint(path, torch.device("cpu"))["progress"]["step"])
    except (KeyError, TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise ModelError(path, "cannot be resumed from: damaged", "restart") from error


def load_checkpoint(path: Path, device: torch.device) -> Any:
    """Return what a checkpoint holds, on `device`; a ModelError if it is not there or damaged."""
    if not path.is_file():
        raise ModelError(path, "is not there to resume from", "start the run without --resume")
    try:
        return read_checkpoint(path, device=device)
    except ModelError as error:
        raise ModelError(path, f"cannot be resumed from: {error.wrong}", "restart") from error
