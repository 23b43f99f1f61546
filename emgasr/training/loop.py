"""The training loop: a recognizer, a source of batches and validation recordings in; the best model folder out."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from emgasr.config.bounds import Within, check_within
from emgasr.data.batches import Batch, Source, collate, prefetch
from emgasr.decoding import greedy
from emgasr.errors import ConfigError, DataError, ModelError, OutputError
from emgasr.evaluation.items import items_of, reference_of
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Recording
from emgasr.runtime.interrupts import noticing_ctrl_c
from emgasr.score import Counts, count_edits
from emgasr.tokens import Tokens
from emgasr.training.checkpoint import CHECKPOINT_NAME, LOG_NAME, cut_log, load_checkpoint
from emgasr.training.objective import Objective, ObjectiveConfig

Validation = Sequence[tuple[str, Recording]]


@dataclass(frozen=True)
class FitConfig(ObjectiveConfig):
    """How weights are fitted; one of `steps` and `minutes` is the budget.

    Args:
        seed: seed of weights, batches, augmentation and dropout.
        steps: optimizer steps; the learning rate follows them, and a run with the same seed repeats itself.
        minutes: wall-clock budget, validation included; the learning rate then decays with the time used.
        learning_rate: peak of AdamW's learning rate.
        warmup_steps: steps of linear warm-up; cosine decay to a hundredth follows.
        weight_decay: AdamW's decoupled weight decay, on matrices only.
        clip_norm: largest norm of the gradient.
        ctc_ramp_steps: steps over which the CTC losses grow from nothing to their weight; until then the frame-level
            loss leads, and training does not sit on blanks.
        validations: how often the budget is interrupted to validate and to write a checkpoint.
        device: auto takes CUDA when there is one.
        precision: bf16 computes the forward pass in bfloat16 under autocast.
    """

    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    steps: Annotated[int, Within(0, 1e9)] = 0
    minutes: Annotated[float, Within(0, 1e6)] = 0.0
    learning_rate: Annotated[float, Within(0, 100)] = 2e-3
    warmup_steps: Annotated[int, Within(0, 1e9)] = 100
    weight_decay: Annotated[float, Within(0, 100)] = 0.01
    clip_norm: Annotated[float, Within(1e-6, 1e6)] = 1.0
    ctc_ramp_steps: Annotated[int, Within(0, 1e9)] = 150
    validations: Annotated[int, Within(1, 1e6)] = 10
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "bf16"] = "float32"

    def __post_init__(self) -> None:
        check_within(self)
        if (self.steps > 0) == (self.minutes > 0):
            raise ConfigError("training budget", "needs either steps or minutes", "pass --steps N or --minutes M")


@dataclass(frozen=True)
class Fitted:
    """What a fit came to: the best validation CER (a fraction), the step it was reached at, steps and minutes used."""

    cer: float
    best_step: int
    steps: int
    minutes: float
    interrupted: bool


@dataclass
class _Progress:
    step: int = 0
    elapsed_s: float = 0.0
    best_cer: float = math.inf
    best_step: int = 0
    validated: int = 0


def fit(
    recognizer: Recognizer,
    source: Source,
    validation: Validation,
    config: FitConfig,
    folder: Path,
    *,
    resume: bool = False,
    save_best: Callable[[Recognizer, float, int], None],
    report: Callable[[dict[str, Any]], None] = lambda entry: None,
) -> Fitted:
    """Fit `recognizer` in place and call `save_best` whenever its CER on `validation` is the lowest so far.

    `folder` receives `checkpoint.pt` and `log.jsonl` (each step once); with `resume` the run continues from the
    checkpoint as if it had never stopped. Under torchrun every process draws its own batches and process 0 validates
    and writes. Ctrl-C (and what does the same, see `runtime.interrupts`) ends the step at hand, writes the checkpoint
    and returns with `interrupted` set; a second one stops at once.
    """
    return _Fit(recognizer, source, validation, config, folder, save_best, report).run(resume)


class _Fit:
    """The state of one run, so that the loop reads as its steps."""

    spread_batches = 50  # that the spread of a label's takes is measured on

    def __init__(
        self,
        recognizer: Recognizer,
        source: Source,
        validation: Validation,
        config: FitConfig,
        folder: Path,
        save_best: Callable[[Recognizer, float, int], None],
        report: Callable[[dict[str, Any]], None],
    ) -> None:
        self.config, self.source, self.validation = config, source, validation
        self.folder, self.save_best, self.report = folder, save_best, report
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = torch.distributed.get_rank() if distributed else 0
        self.ranks = torch.distributed.get_world_size() if distributed else 1
        self.device = choose_device(config.device, self.rank)
        self.recognizer = recognizer.to(self.device)
        self.objective = Objective(recognizer, config).to(self.device)
        self.forward: nn.Module = DistributedDataParallel(self.objective) if distributed else self.objective
        self.optimizer = torch.optim.AdamW(_groups(self.objective, config.weight_decay), lr=config.learning_rate)
        self.progress = _Progress()
        self.board: Any = None
        self.started = time.monotonic()
        self.agreed_s = 0.0
        self.loss = 0.0

    def run(self, resume: bool) -> Fitted:
        if resume:
            self._restore()
        else:
            self._begin()
        self.board = _board(self.folder, self.progress.step + 1) if self.rank == 0 else None
        try:
            fitted = self._steps()
        except BaseException:
            with suppress(OutputError):  # a full disk is told once
                self._close_board()
            raise
        self._close_board()
        return fitted

    def _steps(self) -> Fitted:
        last = self.config.steps or 10**9
        steps = range(self.progress.step, last)
        stop = False
        with noticing_ctrl_c() as interrupted:
            batches = prefetch(self._batch, steps)
            for batch in batches:
                self._step(batch)
                stop = self._agree(interrupted())
                if stop or self._fraction() >= 1.0:
                    break
                if self._fraction() * self.config.validations >= self.progress.validated + 1:
                    self._validate()
            batches.close()  # type: ignore[attr-defined]
            if stop:
                self._checkpoint()
            else:
                self._validate()
        minutes = self._elapsed() / 60
        p = self.progress
        return Fitted(p.best_cer, p.best_step, p.step, minutes, stop)

    def _begin(self) -> None:
        if self.rank == 0:
            (self.folder / LOG_NAME).unlink(missing_ok=True)  # of a run that was stopped before its first checkpoint
        if self.config.augment.spread:
            self.objective.cpu().fit_spread(self._batch(step) for step in range(self.spread_batches))
            self.objective.to(self.device)
        self._checkpoint()  # so that a run that ends before it first validates can be resumed

    def _batch(self, step: int) -> Batch:
        return collate(self.source.batch(step * self.ranks + self.rank))

    def _step(self, batch: Batch) -> None:
        # Dropout and augmentation depend on the step alone, so that a resumed run repeats the one that was stopped.
        torch.manual_seed((self.config.seed * 1_000_003 + self.progress.step) * 1_009 + self.rank)
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.forward.train()
        with autocast(self.device, self.config.precision):
            losses = self.forward(batch.to(self.device), self._ctc_share())
        loss = sum(losses.values())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), self.config.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.progress.step += 1
        self.loss = float(loss.detach())
        values = {name: round(float(value.detach()), 6) for name, value in losses.items()}
        self._log({"step": self.progress.step, "loss": self.loss, **values, "gradient_norm": float(norm)})

    def _fraction(self) -> float:
        if self.config.steps:
            return self.progress.step / self.config.steps
        return self._elapsed() / (60 * self.config.minutes)

    def _elapsed(self) -> float:
        return self.agreed_s if self.ranks > 1 else self._clock()

    def _clock(self) -> float:
        return self.progress.elapsed_s + time.monotonic() - self.started

    def _agree(self, interrupted: bool) -> bool:
        """Whether any process was interrupted; sets the time by which all processes decide and schedule alike."""
        if self.ranks > 1:
            latest = torch.tensor([self._clock(), interrupted], dtype=torch.float64, device=self.device)
            torch.distributed.all_reduce(latest, torch.distributed.ReduceOp.MAX)
            self.agreed_s, interrupted = float(latest[0]), bool(latest[1])
        return interrupted

    def _ctc_share(self) -> float:
        if not self.config.frame_weight:
            return 1.0
        return min(1.0, (self.progress.step + 1) / max(1, self.config.ctc_ramp_steps))

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.progress.step + 1) / max(1, self.config.warmup_steps))
        decay = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, self._fraction())))
        return self.config.learning_rate * warm * decay

    def _validate(self) -> None:
        self.progress.validated = int(self._fraction() * self.config.validations)
        if self.rank == 0:
            counts, emitted = validation_errors(self.recognizer, self.validation)
            cer = counts.rate
            if cer < self.progress.best_cer:
                self.progress.best_cer, self.progress.best_step = cer, self.progress.step
                self.save_best(self.recognizer, cer, self.progress.step)
            entry: dict[str, Any] = {"step": self.progress.step, "validation_cer": cer, "minutes": self._elapsed() / 60}
            if not math.isfinite(self.loss):
                entry["warning"] = "diverged: the loss is not finite; lower learning_rate, or check the samples"
            elif emitted < 0.01 * counts.reference_length:
                entry["warning"] = "blank collapse: almost nothing but blanks; train longer or lower the output rate"
            self._log(entry)
            self._checkpoint()
        if self.ranks > 1:  # the others wait here, and learn of the best
            best = torch.tensor(
                [self.progress.best_cer, self.progress.best_step], dtype=torch.float64, device=self.device
            )
            torch.distributed.broadcast(best, 0)
            self.progress.best_cer, self.progress.best_step = float(best[0]), int(best[1])

    def _log(self, entry: dict[str, Any]) -> None:
        if self.rank:
            return
        try:
            with open(self.folder / LOG_NAME, "a", encoding="utf-8") as log:
                log.write(as_json(entry) + "\n")
            if self.board is not None:
                for name, value in entry.items():
                    if name != "step" and not isinstance(value, str):
                        self.board.add_scalar(name, value, entry["step"])
        except OSError as error:
            raise self._unwritten(error) from error
        self.report(entry | {"fraction": min(1.0, self._fraction())})

    def _checkpoint(self) -> None:
        if self.rank:
            return
        self.progress.elapsed_s, self.started = self._clock(), time.monotonic()
        state = {
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": vars(self.progress),
        }
        content = io.BytesIO()  # PyTorch would tell of a full disk as of a fault of its own
        torch.save(state, content)
        with replacing(self.folder / CHECKPOINT_NAME) as path:
            path.write_bytes(content.getbuffer())

    def _close_board(self) -> None:
        if self.board is not None:
            board, self.board = self.board, None
            try:
                board.close()
            except OSError as error:
                raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> OutputError:
        wrong = f"its log cannot be written ({error.strerror or error})"
        return OutputError(self.folder, wrong, "free space, then go on from the last checkpoint")

    def _restore(self) -> None:
        path = self.folder / CHECKPOINT_NAME
        state = load_checkpoint(path, self.device)
        try:
            self.objective.load_state_dict(state["objective"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = _Progress(**state["progress"])
            self.agreed_s = self.progress.elapsed_s
        except Exception as error:  # torch raises whatever the content leads to
            raise ModelError(path, "cannot be resumed from: damaged, or of another configuration", "restart") from error
        if self.rank == 0:
            cut_log(self.folder / LOG_NAME, self.progress.step)


def validation_errors(recognizer: Recognizer, validation: Validation) -> tuple[Counts, int]:
    """Greedy edits of `recognizer` on whole recordings, and how many tokens it wrote at all."""
    counts, emitted = Counts(0, 0, 0, 0), 0
    for item in items_of(recognizer, validation):
        # A model whose weights have run away writes nothing: it is judged, not an end to the run.
        ids = () if np.isnan(item.emissions).any() else greedy(item.emissions).ids
        counts = counts + count_edits(item.reference, recognizer.tokens.symbols_of(ids))
        emitted += len(ids)
    if not counts.reference_length:
        raise _without_labels()
    return counts, emitted


def check_labelled(tokens: Tokens, validation: Validation) -> None:
    """Raise a DataError if no recording has a label to be judged by: before a budget is spent on the fit."""
    if not any(reference_of(recording, tokens)[0] for _, recording in validation):
        raise _without_labels()


def _without_labels() -> DataError:
    return DataError("validation recordings", "hold no labels", "check the validation split")


def choose_device(name: str, rank: int = 0) -> torch.device:
    """The device called `name` for this process; a ConfigError if it is not there."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("device", "no CUDA device is available", "use --device cpu")
    return (
        torch.device("cuda", rank % torch.cuda.device_count()) if available and name != "cpu" else torch.device("cpu")
    )


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Autocast to bfloat16 when `precision` asks for it."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


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


def _groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    parameters = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.dim() > 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
