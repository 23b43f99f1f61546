"""What a run reports in; log.jsonl, and with TensorBoard its events, out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from emgasr.errors import ModelError, OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_of

LOG_NAME = "log.jsonl"


class RunLog:
    """The log of a run in `folder`, open in a `with` block; each step is in it once.

    `step` is the last that is done: what a run that was killed logged of later ones is taken out of log.jsonl, and
    void in TensorBoard's events (written with the `plot` extra). Raises an OutputError where the disk is full.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        self.step = step
        self._board: Any = None

    def __enter__(self) -> RunLog:
        if self.step:
            cut_log(self.folder / LOG_NAME, self.step)
        else:
            (self.folder / LOG_NAME).unlink(missing_ok=True)  # of a run that was stopped before its first checkpoint
        self._board = _board(self.folder, self.step + 1)
        return self

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append an entry; it holds its step."""
        try:
            with open(self.folder / LOG_NAME, "a", encoding="utf-8") as log:
                log.write(as_json(entry) + "\n")
            if self._board is not None:
                for name, value in entry.items():
                    if name != "step" and not isinstance(value, str):
                        self._board.add_scalar(name, value, entry["step"])
        except OSError as error:
            raise self._unwritten(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._close()
            return
        with suppress(OutputError):  # a full disk is reported once
            self._close()

    def _close(self) -> None:
        if self._board is not None:
            board, self._board = self._board, None
            try:
                board.close()
            except OSError as error:
                raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> OutputError:
        wrong = f"its log cannot be written ({error.strerror or error})"
        return OutputError(self.folder, wrong, "free space, then go on from the last checkpoint")


def cut_log(path: Path, step: int) -> None:
    """Take the entries behind `step` out of a log: a run that was killed did these steps, and they are done again."""
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


def _board(folder: Path, first: int) -> Any:
    """A writer of TensorBoard events into `folder`/tensorboard; None without TensorBoard (the `plot` extra).

    Events of the step `first` and later ones that are there already are of a run that was killed: they are void.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    place = folder / "tensorboard"
    return SummaryWriter(str(place), purge_step=first if place.exists() else None)
