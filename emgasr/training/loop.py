"""An objective, a batch sampler and a validator in; a fitted model out, with its log and its checkpoint on the way.

The loop knows no losses, no labels and no error rate: see `emgasr.training.contracts`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Generic, Literal

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from emgasr.config.bounds import Within, check_within
from emgasr.data.batches import Batch
from emgasr.data.loader import loaded, noticing_lost_workers
from emgasr.errors import ConfigError, ModelError
from emgasr.runtime.interrupts import noticing_ctrl_c
from emgasr.training.checkpoint import CHECKPOINT_NAME, load_checkpoint, write_checkpoint
from emgasr.training.contracts import BatchSampler, Judgement, Model, Objective, Validator
from emgasr.training.log import RunLog

Report = Callable[[dict[str, Any]], None]
RESTART_RATE = 1 / 3  # of the learning rate, after a plateau
LEAST_TRIED = 100  # steps before a model may be said to sit on a plateau
STARTING_BATCHES = 50  # that an objective may measure before the first step
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.monotonic, "cpu": time.process_time}


@dataclass(frozen=True)
class FitConfig:
    """How weights are fitted; one of `steps` and `minutes` is the budget.

    Args:
        steps: optimizer steps; the learning rate follows them, and a run with the same seed repeats itself.
        minutes: budget of time, validation included; the learning rate then decays with the time used.
        clock: what counts as a minute. wall: one of the clock on the wall. cpu: one that this process computes, all of
            its threads together, so that what else the machine does takes no steps away; on the CPU only.
        learning_rate: peak of AdamW's learning rate.
        warmup_steps: steps of linear warm-up; cosine decay to a hundredth follows.
        weight_decay: AdamW's decoupled weight decay, on matrices only.
        clip_norm: largest norm of the gradient.
        validations: how often the budget is interrupted to validate and to write a checkpoint.
        device: auto takes CUDA when there is one.
        precision: bf16 computes the forward pass in bfloat16 under autocast.
        restart_at: share of the budget by which a model must have left the plateau on which it writes the same whatever
            it hears. A run that still sits there starts again, once, from its first weights with a third of the
            learning rate, in what is left of the budget; the log says so. 0: never.
        workers: processes that make batches ahead; 0 uses a thread. By default 0 on the CPU and up to 4 with CUDA. Any
            number gives the same batches.
    """

    steps: Annotated[int, Within(0, 1e9)] = 0
    minutes: Annotated[float, Within(0, 1e6)] = 0.0
    clock: Literal["wall", "cpu"] = "wall"
    learning_rate: Annotated[float, Within(0, 100)] = 2e-3
    warmup_steps: Annotated[int, Within(0, 1e9)] = 100
    weight_decay: Annotated[float, Within(0, 100)] = 0.01
    clip_norm: Annotated[float, Within(1e-6, 1e6)] = 1.0
    validations: Annotated[int, Within(1, 1e6)] = 10
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "bf16"] = "float32"
    restart_at: Annotated[float, Within(0, 1)] = 0.3
    workers: Annotated[int, Within(0, 256)] | None = None

    def __post_init__(self) -> None:
        check_within(self, "fit")

    def check_budget(self) -> None:
        """Raise a ConfigError unless one of `steps` and `minutes` is above 0."""
        if (self.steps > 0) == (self.minutes > 0):
            advice = "pass --fit.steps N or --fit.minutes M"
            raise ConfigError("training budget", "needs either steps or minutes", advice)
        if self.clock == "cpu" and (self.workers or choose_device(self.device).type != "cpu"):
            wrong = "cpu counts this process alone: no worker processes, no GPU"
            raise ConfigError("fit.clock", wrong, "pass --fit.device cpu --fit.workers 0, or --fit.clock wall")


@dataclass(frozen=True)
class Fitted:
    """What a fit came to.

    Args:
        best: the lowest value of the figure that chooses (for CER a fraction); infinite if nothing was validated.
        best_step: the step it was reached at.
        steps: steps done.
        minutes: time used by the clock of the budget, validation included.
        interrupted: whether Ctrl-C ended the fit before its budget did.
        figures: all that the validator found at the best step.
        restarted_step: the step at which the fit started again from a plateau; 0: it did not.
    """

    best: float
    best_step: int
    steps: int
    minutes: float
    interrupted: bool
    figures: Mapping[str, float] = field(default_factory=dict)
    restarted_step: int = 0


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
    restarted_step: int = 0  # 0: never
    restarted_fraction: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)  # at the best step


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
    started: float = field(init=False)
    agreed_s: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        self.started = CLOCKS[self.config.clock]()
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = torch.distributed.get_rank() if distributed else 0
        self.ranks = torch.distributed.get_world_size() if distributed else 1
        self.device = choose_device(self.config.device, self.rank)
        self.objective.to(self.device)
        self.forward: nn.Module = DistributedDataParallel(self.objective) if distributed else self.objective
        self.optimizer = new_optimizer(self.objective, self.config)
        self.first = {name: value.detach().cpu().clone() for name, value in self.objective.named_parameters()}
        self.log: RunLog | None = None  # of the first process

    def run(self, resume: bool) -> Fitted:
        if resume:
            self._restore()
        else:
            self._begin()
        with self._opened_log() as self.log, noticing_lost_workers():
            interrupted = self._steps()
        p = self.progress
        minutes = self._elapsed() / 60
        return Fitted(p.best, p.best_step, p.step, minutes, interrupted, p.figures, p.restarted_step)

    def _steps(self) -> bool:
        """Take the steps that are left, validating on the way; return whether Ctrl-C stopped them."""
        first, last = (step * self.ranks + self.rank for step in (self.progress.step, self.config.steps or 10**9))
        stop = False
        with noticing_ctrl_c() as interrupted:
            batches = loaded(self.batches.batch, range(first, last, self.ranks), self.device, self.config.workers)
            try:
                for batch in batches if self._fraction() < 1.0 else ():  # a run that is resumed may have used it up
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
            losses = self.forward(batch.to(self.device), self.progress.step - self.progress.restarted_step)
        loss = sum(losses.values())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), self.config.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
        self.progress.step += 1
        self.loss, *each = torch.stack([loss, *losses.values()]).detach().tolist()  # one copy from a GPU
        values = {name: round(value, 6) for name, value in zip(losses, each, strict=True)}
        self._log({"step": self.progress.step, "loss": self.loss, **values, "gradient_norm": float(norm)})

    def _fraction(self) -> float:
        if self.config.steps:
            return self.progress.step / self.config.steps
        return self._elapsed() / (60 * self.config.minutes)

    def _elapsed(self) -> float:
        return self.agreed_s if self.ranks > 1 else self._clock()

    def _clock(self) -> float:
        return self.progress.elapsed_s + CLOCKS[self.config.clock]() - self.started

    def _agree(self, interrupted: bool) -> bool:
        """Whether any process was interrupted; sets the time by which all processes decide and schedule alike."""
        if self.ranks > 1:
            latest = torch.tensor([self._clock(), interrupted], dtype=torch.float64, device=self.device)
            torch.distributed.all_reduce(latest, torch.distributed.ReduceOp.MAX)
            self.agreed_s, interrupted = float(latest[0]), bool(latest[1])
        return interrupted

    def _learning_rate(self) -> float:
        p = self.progress
        warm = min(1.0, (p.step - p.restarted_step + 1) / max(1, self.config.warmup_steps))
        used = (min(1.0, self._fraction()) - p.restarted_fraction) / (1 - p.restarted_fraction)
        decay = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * used))
        return self.config.learning_rate * (RESTART_RATE if p.restarted_step else 1.0) * warm * decay

    def _validate(self) -> None:
        self.progress.validated = int(self._fraction() * self.config.validations)
        restart = False
        if self.rank == 0:
            judged = self.validate(self.objective.model)
            value = judged.figures[self.validate.chooses]
            if value < self.progress.best or judged.latest:
                self.progress.best, self.progress.best_step = value, self.progress.step
                self.progress.figures = dict(judged.figures)
                self.save_best(self.objective.model, value, self.progress.step)
            figures = {f"validation_{name}": figure for name, figure in judged.figures.items()}
            entry: dict[str, Any] = {"step": self.progress.step, **figures, "minutes": self._elapsed() / 60}
            if not math.isfinite(self.loss):
                entry["warning"] = "diverged: the loss is not finite; lower learning_rate, or check the samples"
            elif judged.warning:
                entry["warning"] = judged.warning
            if restart := self._stuck(judged):
                entry |= {"plateau": judged.plateau, "warning": self._restart_line(judged)}
            self._log(entry)
        if self.ranks > 1:  # the others wait here, and learn of the best
            said = [self.progress.best, self.progress.best_step, restart]
            shared = torch.tensor(said, dtype=torch.float64, device=self.device)
            torch.distributed.broadcast(shared, 0)
            self.progress.best, self.progress.best_step = float(shared[0]), int(shared[1])
            restart = bool(shared[2])
        if restart:
            self._restart()
        self._checkpoint()

    def _stuck(self, judged: Judgement) -> bool:
        """Whether the model should have left its plateau by now, and there is a budget to start again with."""
        p, by = self.progress, self.config.restart_at
        tried = p.step >= max(LEAST_TRIED, 2 * self.config.warmup_steps)
        return bool(judged.plateau and by and tried and not p.restarted_step and by <= self._fraction() < 1 - by)

    def _restart_line(self, judged: Judgement) -> str:
        return (
            f"writes {judged.plateau} after {100 * self._fraction():.0f} % of the budget: starts again from its first "
            f"weights, with a learning rate of {self.config.learning_rate * RESTART_RATE:.2g}"
        )

    def _restart(self) -> None:
        with torch.no_grad():
            for name, value in self.objective.named_parameters():
                value.copy_(self.first[name])
        self.optimizer = new_optimizer(self.objective, self.config)
        self.progress.restarted_step, self.progress.restarted_fraction = self.progress.step, self._fraction()

    def _opened_log(self) -> AbstractContextManager[RunLog | None]:
        return nullcontext() if self.rank else RunLog(self.folder, self.progress.step)

    def _log(self, entry: dict[str, Any]) -> None:
        if self.log is not None:
            self.log.write(entry)
            self.report(entry | {"fraction": min(1.0, self._fraction())})

    def _checkpoint(self) -> None:
        if self.rank:
            return
        self.progress.elapsed_s, self.started = self._clock(), CLOCKS[self.config.clock]()
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


def new_optimizer(module: nn.Module, config: FitConfig) -> torch.optim.Optimizer:
    """Return the optimizer of a module's parameters; its first use in a process takes a second or two."""
    return torch.optim.AdamW(_groups(module, config.weight_decay), lr=config.learning_rate)


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
