"""A configuration and its data in; the same fitted to the machine and the budget, by steps that are timed, out."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Collection

import torch

from emgasr.data.batches import ComposedConfig
from emgasr.errors import ConfigError
from emgasr.models.recognizer import Recognizer
from emgasr.training.config import TrainingConfig
from emgasr.training.contracts import BatchSampler, Validator
from emgasr.training.loop import CLOCKS, LEAST_TRIED, choose_device
from emgasr.training.objective import CTCObjective

TIMED_STEPS = 3  # behind one that compiles and fills caches
FEWEST_STEPS = 600  # which a batch is made smaller for
SMALLEST_BATCH = 16  # sequences: with fewer, gradients are too noisy for the learning rate
VALIDATION_SHARE = 0.1  # of the budget
MOST_VALIDATIONS = 10
EXAMPLES = "data.batch_size"
TIMES = "fit.validations"


def fit_to_budget(
    config: TrainingConfig,
    free: Collection[str],
    objective: CTCObjective,
    batches: BatchSampler,
    validate: Validator[Recognizer],
    log: Callable[[str], None],
) -> TrainingConfig:
    """Return `config` with the batch and the number of validations that its budget has time for on this machine.

    A step and a validation are timed. Only what is in `free` is changed, by dotted names; `log` receives what was
    chosen and why. Weights stay as they are.

    Raises:
        ConfigError: the budget is shorter than one validation.
    """
    if not config.fit.minutes:
        return config
    step_s = step_seconds(config, objective, batches)
    judge_s = seconds_of(lambda: validate(objective.model), config.fit.clock)
    budget_s = 60 * config.fit.minutes
    if judge_s > budget_s / 2:
        wrong = f"{config.fit.minutes:g} minutes are not enough for one validation, which takes {judge_s:.1f} s"
        raise ConfigError("fit.minutes", wrong, "give more, or fewer validation recordings")
    fit, data = config.fit, config.data
    if TIMES in free:
        most = int(VALIDATION_SHARE * budget_s / judge_s)
        fit = dataclasses.replace(fit, validations=max(1, min(MOST_VALIDATIONS, most)))
        log(f"validations: {fit.validations} (one takes {judge_s:.1f} s of {budget_s:.0f})")
    steps = (budget_s - fit.validations * judge_s) / step_s
    if EXAMPLES in free and isinstance(data, ComposedConfig) and steps < FEWEST_STEPS:
        size = max(SMALLEST_BATCH, round(data.batch_size * steps / FEWEST_STEPS))
        steps *= data.batch_size / size
        data = dataclasses.replace(data, batch_size=size)
        log(f"data.batch_size: {size} (else too few steps)")
    log(f"about {steps:.0f} steps ({1000 * step_s:.0f} ms each on this machine)")
    if steps < LEAST_TRIED:
        log(f"fewer than {LEAST_TRIED} steps teach a model next to nothing: give it more minutes")
    return dataclasses.replace(config, fit=fit, data=data)


def step_seconds(config: TrainingConfig, objective: CTCObjective, batches: BatchSampler) -> float:
    """Return the seconds of a step: its batch, forward and backward pass; gradients are dropped."""
    device = choose_device(config.fit.device)
    objective = copy.deepcopy(objective).to(device).train()
    now, taken = CLOCKS[config.fit.clock], []
    for number in range(1 + TIMED_STEPS):
        begun = now()
        losses = objective(batches.batch(number).to(device), number)
        torch.stack(list(losses.values())).sum().backward()
        _synchronize()
        taken.append(now() - begun)
    return sorted(taken[1:])[TIMED_STEPS // 2]


def seconds_of(work: Callable[[], object], clock: str) -> float:
    """Return the seconds that `work` takes by one of CLOCKS."""
    begun = CLOCKS[clock]()
    work()
    _synchronize()
    return CLOCKS[clock]() - begun


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
