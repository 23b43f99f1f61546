"""A configuration and its data in; the same fitted to the machine and the budget, by steps that are timed, out."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Collection

import torch

from emgasr.data.batches import ComposedConfig, ComposedSampler
from emgasr.data.loader import loaded
from emgasr.errors import ConfigError
from emgasr.models.recognizer import Recognizer
from emgasr.training.config import TrainingConfig
from emgasr.training.contracts import BatchSampler, Validator
from emgasr.training.loop import CLOCKS, LEAST_TRIED, STARTING_BATCHES, choose_device, new_optimizer
from emgasr.training.objective import CTCObjective

WARM_STEPS = 2  # which compile, and take the batches that were made meanwhile
TIMED_STEPS = 6
PREPARED_BATCHES = 5  # of STARTING_BATCHES, which the start is timed with
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

    A start, a step and a validation are timed; weights stay as they are. Only what is in `free` is changed, by dotted
    names; `log` receives what was chosen and why.

    Raises:
        ConfigError: the budget is shorter than one validation.
    """
    if not config.fit.minutes:
        return config
    step_s = step_seconds(config, objective, batches)
    judge_s = seconds_of(lambda: validate(objective.model), config.fit.clock)
    start_s = start_seconds(config, objective, batches)
    budget_s = 60 * config.fit.minutes
    if judge_s > budget_s / 2:
        wrong = f"{config.fit.minutes:g} minutes are not enough for one validation, which takes {judge_s:.1f} s"
        raise ConfigError("fit.minutes", wrong, "give more, or fewer validation recordings")
    fit, data = config.fit, config.data
    if TIMES in free:
        most = int(VALIDATION_SHARE * budget_s / judge_s)
        fit = dataclasses.replace(fit, validations=max(1, min(MOST_VALIDATIONS, most)))
        log(f"validations: {fit.validations} (one takes {judge_s:.1f} s of {budget_s:.0f})")
    fitting_s = budget_s - (fit.validations - 1) * judge_s  # the last one comes behind the budget
    steps = max(0.0, fitting_s - start_s) / step_s
    if EXAMPLES in free and isinstance(data, ComposedConfig) and steps < FEWEST_STEPS:
        size = max(SMALLEST_BATCH, round(data.batch_size * steps / FEWEST_STEPS))
        if isinstance(batches, ComposedSampler):  # a part of a step costs the same whatever its batch
            batches = ComposedSampler(batches.sequences, size)
            step_s, start_s = step_seconds(config, objective, batches), start_seconds(config, objective, batches)
        steps = max(0.0, fitting_s - start_s) / step_s
        data = dataclasses.replace(data, batch_size=size)
        log(f"data.batch_size: {size} (else too few steps)")
    log(f"about {steps:.0f} steps ({1000 * step_s:.0f} ms each on this machine)")
    if steps < LEAST_TRIED:
        log(f"fewer than {LEAST_TRIED} steps teach a model next to nothing: give it more minutes")
    return dataclasses.replace(config, fit=fit, data=data)


def step_seconds(config: TrainingConfig, objective: CTCObjective, batches: BatchSampler) -> float:
    """Return the mean seconds of a step as the fit takes it, on a copy of the weights, batches made ahead included."""
    device = choose_device(config.fit.device)
    objective = copy.deepcopy(objective).to(device).train()
    optimizer = new_optimizer(objective, config.fit)
    made = loaded(batches.batch, range(WARM_STEPS + TIMED_STEPS), device, config.fit.workers)
    now = CLOCKS[config.fit.clock]
    try:
        for number, batch in enumerate(made):
            losses = objective(batch.to(device), number)
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(losses.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(objective.parameters(), config.fit.clip_norm)
            optimizer.step()
            _synchronize()
            if number == WARM_STEPS - 1:
                begun = now()
        return (now() - begun) / TIMED_STEPS
    finally:
        made.close()


def start_seconds(config: TrainingConfig, objective: CTCObjective, batches: BatchSampler) -> float:
    """Return the seconds of what an objective measures before the first step; 0 where it measures nothing."""
    if not objective.augment.config.fitted:
        return 0.0
    copied = copy.deepcopy(objective)
    few = (batches.batch(number) for number in range(PREPARED_BATCHES))
    return seconds_of(lambda: copied.prepare(few), config.fit.clock) * STARTING_BATCHES / PREPARED_BATCHES


def seconds_of(work: Callable[[], object], clock: str) -> float:
    """Return the seconds that `work` takes by one of CLOCKS."""
    begun = CLOCKS[clock]()
    work()
    _synchronize()
    return CLOCKS[clock]() - begun


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
