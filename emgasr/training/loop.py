"""An objective, a batch sampler and a validator in; a fitted model out, with its log and its checkpoint on the way.

The loop knows no losses, no labels and no error rate: these are the three contracts below.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from emgasr.config.bounds import Within, check_within
from emgasr.data.batches import Batch
from emgasr.data.loader import loaded, noticing_lost_workers
from emgasr.errors import ConfigError, ModelError
from emgasr.runtime.interrupts import noticing_ctrl_c
from emgasr.training.checkpoint import CHECKPOINT_NAME, load_checkpoint, write_checkpoint
from emgasr.training.log import RunLog

Model = TypeVar("Model", bound=nn.Module)
Judged = TypeVar("Judged", bound=nn.Module, contravariant=True)
Report = Callable[[dict[str, Any]], None]
STARTING_BATCHES = 50  # that an objective may measure before the first step


class Objective(nn.Module, Generic[Model], ABC):
    """What a fit minimizes: a padded batch in, the named parts of its loss out, through the model that it holds.

    An implementation is an nn.Module, because the loop saves its state, moves it, spreads it over processes and fits
    all its parameters. Any randomness comes from torch's global generator, which the loop seeds by the step. Padding of
    a batch must not change a loss; an item shorter than an output frame must not break one.
    """

    @property
    @abstractmethod
    def model(self) -> Model:
        """The part that is validated and kept; the rest serves training alone."""

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Measure what the losses need on the first training batches, before the first step; most need nothing."""

    @abstractmethod
    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Return the weighted parts of the loss of a batch at `step` (from 0), scalars; their sum is minimized."""


class BatchSampler(Protocol):
    """Padded training batches, each a function of the sampler's seed and the batch's number alone.

    So a step is the whole state of a sampler: a resumed run draws what the stopped one would have drawn, and worker
    processes and torchrun's processes may make batches in any order.
    """

    def batch(self, step: int) -> Batch:
        """Return batch number `step`, on the CPU. The loop calls it from a thread or from worker processes."""
        ...


@dataclass(frozen=True)
class Judgement:
    """What a validator finds.

    Args:
        figures: numbers by name, as the log holds them behind `validation_`; the lowest `chooses` wins.
        warning: a line for people if training seems to go wrong.
    """

    figures: Mapping[str, float]
    warning: str = ""


class Validator(Protocol[Judged]):
    """A model in, named figures out; the one called `chooses` decides which checkpoint is the best (lower is better).

    The judgement is a function of the weights alone, and NaN in them must not end the run.
    """

    chooses: str

    def __call__(self, model: Judged) -> Judgement:
        """Judge `model` on held-out data. The loop calls it between two steps, in the first process alone."""
        ...


@dataclass(frozen=True)
class FitConfig:
    """How weights are fitted; one of `steps` and `minutes` is the budget.

    Args:
        steps: optimizer steps; the learning rate follows them, and a run with the same seed repeats itself.
        minutes: wall-clock budget, validation included; the learning rate then decays with the time used.
        learning_rate: peak of AdamW's learning rate.
        warmup_steps: steps of linear warm-up; cosine decay to a hundredth follows.
        weight_decay: AdamW's decoupled weight decay, on matrices only.
        clip_norm: largest norm of the gradient.
        validations: how often the budget is interrupted to validate and to write a checkpoint.
        device: auto takes CUDA when there is one.
        precision: bf16 computes the forward pass in bfloat16 under autocast.
        workers: processes that make batches ahead; 0 uses a thread. By default 0 on the CPU and up to 4 with CUDA. Any
            number gives the same batches.
    """

    steps: Annotated[int, Within(0, 1e9)] = 0
    minutes: Annotated[float, Within(0, 1e6)] = 0.0
    learning_rate: Annotated[float, Within(0, 100)] = 2e-3
    warmup_steps: Annotated[int, Within(0, 1e9)] = 100
    weight_decay: Annotated[float, Within(0, 100)] = 0.01
    clip_norm: Annotated[float, Within(1e-6, 1e6)] = 1.0
    validations: Annotated[int, Within(1, 1e6)] = 10
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "bf16"] = "float32"
    workers: Annotated[int, Within(0, 256)] | None = None

    def __post_init__(self) -> None:
        check_within(self, "fit")

    def check_budget(self) -> None:
        """Raise a ConfigError unless one of `steps` and `minutes` is above 0."""
        if (self.steps > 0) == (self.minutes > 0):
            advice = "pass --fit.steps N or --fit.minutes M"
            raise ConfigError("training budget", "needs either steps or minutes", advice)


@dataclass(frozen=True)
class Fitted:
    """What a fit came to.

    Args:
        best: the lowest value of the figure that chooses (for CER a fraction); infinite if nothing was validated.
        best_step: the step it was reached at.
        steps: steps done.
        minutes: wall-clock time used, validation included.
        interrupted: whether Ctrl-C ended the fit before its budget did.
    """

    best: float
    best_step: int
    steps: int
    minutes: float
    interrupted: bool


def fit(
    objective: Objective[Model],
    batches: BatchSampler,
    validate: Validator[Model],
    config: FitConfig,
    folder: Path,
    *,
    seed: int = 0,
    resume: bool = False,
    save_best: Callable[[Model, float, int], None],
    report: Report = lambda entry: None,
) -> Fitted:
    """Fit the weights of `objective` in place; call `save_best` with its model, the figure and the step at each best.

    `folder` receives `checkpoint.pt` and `log.jsonl` (each step once); with `resume` the run continues from the
    checkpoint as if it had never stopped. Under torchrun every process draws its own batches and process 0 validates
    and writes. Ctrl-C (and what does the same, see `runtime.interrupts`) ends the step at hand, writes the checkpoint
    and returns with `interrupted` set; a second one stops at once.

    Args:
        objective: what is minimized.
        batches: what it is minimized on.
        validate: what judges its model on the way.
        config: budget, optimizer and device.
        folder: the run's folder.
        seed: of the randomness within steps (dropout, augmentation); the sampler has a seed of its own.
        resume: go on from `folder`'s checkpoint.
        save_best: keeps the model whenever it is the best so far.
        report: receives each entry of the log, with the `fraction` of the budget that is used.

    Raises:
        ModelError: the checkpoint to resume from is missing, damaged or of another model.
        OutputError: the disk is full.
    """
    config.check_budget()
    return _Fit(objective, batches, validate, config, folder, seed, save_best, report).run(resume)


@dataclass
class _Progress:
    step: int = 0
    elapsed_s: float = 0.0
    best: float = math.inf
    best_step: int = 0
    validated: int = 0


@dataclass
class _Fit(Generic[Model]):
    """The state of one run, so that the loop reads as its steps."""

    objective: Objective[Model]
    batches: BatchSampler
    validate: Validator[Model]
    config: FitConfig
    folder: Path
    seed: int
    save_best: Callable[[Model, float, int], None]
    report: Report
    progress: _Progress = field(default_factory=_Progress)
    started: float = field(default_factory=time.monotonic)
    agreed_s: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = torch.distributed.get_rank() if distributed else 0
        self.ranks = torch.distributed.get_world_size() if distributed else 1
        self.device = choose_device(self.config.device, self.rank)
        self.objective.to(self.device)
        self.forward: nn.Module = DistributedDataParallel(self.objective) if distributed else self.objective
        groups = _groups(self.objective, self.config.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=self.config.learning_rate)
        self.log: RunLog | None = None  # of the first process

    def run(self, resume: bool) -> Fitted:
        if resume:
            self._restore()
        else:
            self._begin()
        with self._opened_log() as self.log, noticing_lost_workers():
            interrupted = self._steps()
        p = self.progress
        return Fitted(p.best, p.best_step, p.step, self._elapsed() / 60, interrupted)

    def _steps(self) -> bool:
        """Take the steps that are left, validating on the way; return whether Ctrl-C stopped them."""
        first, last = (step * self.ranks + self.rank for step in (self.progress.step, self.config.steps or 10**9))
        stop = False
        with noticing_ctrl_c() as interrupted:
            batches = loaded(self.batches.batch, range(first, last, self.ranks), self.device, self.config.workers)
            try:
                for batch in batches:
                    self._step(batch)
                    stop = self._agree(interrupted())
                    if stop or self._fraction() >= 1.0:
                        break
                    if self._fraction() * self.config.validations >= self.progress.validated + 1:
                        self._validate()
            finally:
                batches.close()
            if stop:
                self._checkpoint()
            else:
                self._validate()
        return stop

    def _begin(self) -> None:
        numbers = (step * self.ranks + self.rank for step in range(STARTING_BATCHES))
        self.objective.prepare(self.batches.batch(number) for number in numbers)
        self._checkpoint()  # so that a run that ends before it first validates can be resumed

    def _step(self, batch: Batch) -> None:
        # Dropout and augmentation depend on the step alone, so that a resumed run repeats the one that was stopped.
        torch.manual_seed((self.seed * 1_000_003 + self.progress.step) * 1_009 + self.rank)
        rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.forward.train()
        with autocast(self.device, self.config.precision):
            losses = self.forward(batch.to(self.device), self.progress.step)
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

    def _learning_rate(self) -> float:
        warm = min(1.0, (self.progress.step + 1) / max(1, self.config.warmup_steps))
        decay = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, self._fraction())))
        return self.config.learning_rate * warm * decay

    def _validate(self) -> None:
        self.progress.validated = int(self._fraction() * self.config.validations)
        if self.rank == 0:
            judged = self.validate(self.objective.model)
            value = judged.figures[self.validate.chooses]
            if value < self.progress.best:
                self.progress.best, self.progress.best_step = value, self.progress.step
                self.save_best(self.objective.model, value, self.progress.step)
            figures = {f"validation_{name}": figure for name, figure in judged.figures.items()}
            entry: dict[str, Any] = {"step": self.progress.step, **figures, "minutes": self._elapsed() / 60}
            if not math.isfinite(self.loss):
                entry["warning"] = "diverged: the loss is not finite; lower learning_rate, or check the samples"
            elif judged.warning:
                entry["warning"] = judged.warning
            self._log(entry)
            self._checkpoint()
        if self.ranks > 1:  # the others wait here, and learn of the best
            best = torch.tensor([self.progress.best, self.progress.best_step], dtype=torch.float64, device=self.device)
            torch.distributed.broadcast(best, 0)
            self.progress.best, self.progress.best_step = float(best[0]), int(best[1])

    def _opened_log(self) -> AbstractContextManager[RunLog | None]:
        return nullcontext() if self.rank else RunLog(self.folder, self.progress.step)

    def _log(self, entry: dict[str, Any]) -> None:
        if self.log is not None:
            self.log.write(entry)
            self.report(entry | {"fraction": min(1.0, self._fraction())})

    def _checkpoint(self) -> None:
        if self.rank:
            return
        self.progress.elapsed_s, self.started = self._clock(), time.monotonic()
        state = {"objective": self.objective.state_dict(), "optimizer": self.optimizer.state_dict()}
        write_checkpoint(state | {"progress": vars(self.progress)}, self.folder)

    def _restore(self) -> None:
        path = self.folder / CHECKPOINT_NAME
        state = load_checkpoint(path, self.device)
        try:
            self.objective.load_state_dict(state["objective"])
            self.optimizer.load_state_dict(state["optimizer"])
            # Checkpoints of 0.1 say best_cer.
            saved = {"best" if name == "best_cer" else name: value for name, value in state["progress"].items()}
            self.progress = _Progress(**saved)
            self.agreed_s = self.progress.elapsed_s
        except Exception as error:  # torch raises whatever the content leads to
            raise ModelError(path, "cannot be resumed from: damaged, or of another configuration", "restart") from error


def choose_device(name: str, rank: int = 0) -> torch.device:
    """Return the device called `name` for this process; a ConfigError if it is not there."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ConfigError("device", "no CUDA device is available", "use --fit.device cpu")
    return (
        torch.device("cuda", rank % torch.cuda.device_count()) if available and name != "cpu" else torch.device("cpu")
    )


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Return an autocast to bfloat16 if `precision` asks for it."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext()


def _groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    parameters = [p for p in module.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.dim() > 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
