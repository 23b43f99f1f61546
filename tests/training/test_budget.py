"""A budget fitted to the machine: what is timed, what is changed, what is left alone, a budget that is too short."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
import torch

from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import ComposedConfig
from emgasr.errors import ConfigError
from emgasr.training import budget
from emgasr.training.budget import fit_to_budget
from emgasr.training.config import TrainingConfig
from emgasr.training.loop import STARTING_BATCHES, FitConfig
from emgasr.training.objective import CTCConfig, CTCObjective
from emgasr.training.run import make_sampler
from emgasr.training.validator import TakesValidator
from tests.helpers.word_takes import word_recognizer, word_takes

FREE = ("data.batch_size", "fit.validations")


@pytest.fixture
def parts() -> dict[str, Any]:
    data = ComposedConfig(shortest=1, longest=3)
    config = TrainingConfig(data=data, fit=FitConfig(minutes=5))
    model, named = word_recognizer(), word_takes()
    plain = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0)
    return {
        "config": config,
        "objective": CTCObjective(model, CTCConfig(), plain),
        "batches": make_sampler(data, named, model.tokens, 0),
        "validate": TakesValidator(named, model.tokens, data),
    }


def timed(monkeypatch: pytest.MonkeyPatch, step_s: float, judge_s: float, start_s: float = 0.0) -> None:
    monkeypatch.setattr(budget, "step_seconds", lambda *_: step_s)
    monkeypatch.setattr(budget, "start_seconds", lambda *_: start_s)
    monkeypatch.setattr(budget, "seconds_of", lambda *_: judge_s)


def test_validations_take_a_tenth_of_the_budget_at_most(monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]) -> None:
    lines: list[str] = []
    for judge_s, count in ((1.0, 10), (6.0, 5), (40.0, 1)):
        timed(monkeypatch, 0.1, judge_s)
        assert fit_to_budget(**parts, free=FREE, log=lines.append).fit.validations == count
    assert any("one takes 6.0 s of 300" in line for line in lines)


def test_a_slow_machine_makes_batches_smaller_but_not_too_small(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]
) -> None:
    for step_s, size in ((0.1, 32), (0.6, 27), (2.0, budget.SMALLEST_BATCH)):
        timed(monkeypatch, step_s, 0.1)
        data = fit_to_budget(**parts, free=FREE, log=lambda _: None).data
        assert isinstance(data, ComposedConfig)
        assert data.batch_size == size


def test_what_was_given_is_left_alone(monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]) -> None:
    timed(monkeypatch, 2.0, 20.0)
    assert fit_to_budget(**parts, free=(), log=lambda _: None) == parts["config"]
    steps = replace(parts["config"], fit=FitConfig(steps=7))
    assert fit_to_budget(**parts | {"config": steps}, free=FREE, log=lambda _: None) == steps


def test_a_budget_too_short_for_one_validation_is_refused(
    monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]
) -> None:
    timed(monkeypatch, 0.1, 200.0)
    with pytest.raises(ConfigError, match="not enough for one validation, which takes 200"):
        fit_to_budget(**parts, free=FREE, log=lambda _: None)


@pytest.mark.parametrize(("step_s", "told"), [(0.1, False), (30.0, True)])
def test_a_budget_too_short_to_learn_in_is_told(
    step_s: float, told: bool, monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]
) -> None:
    timed(monkeypatch, step_s, 0.1)
    lines: list[str] = []
    fit_to_budget(**parts, free=FREE, log=lines.append)
    assert any("next to nothing" in line for line in lines) is told


def test_a_smaller_batch_is_timed_anew(monkeypatch: pytest.MonkeyPatch, parts: dict[str, Any]) -> None:
    timed(monkeypatch, 0.0, 1.0)
    # Half of a step of 32 sequences costs the same for any number.
    monkeypatch.setattr(budget, "step_seconds", lambda _, __, batches: 0.5 + 0.5 * batches.size / 32)
    lines: list[str] = []
    data = fit_to_budget(**parts, free=FREE, log=lines.append).data
    assert isinstance(data, ComposedConfig)
    assert data.batch_size == budget.SMALLEST_BATCH
    assert "about 388 steps (750 ms each on this machine)" in lines  # of 300 s, 9 of them for validations


@pytest.mark.parametrize(
    ("minutes", "start_s", "validations", "steps"),
    [
        (5.0, 0.0, 10, 2910),  # the last validation comes behind the budget
        (5.0, 20.0, 10, 2710),
        (0.3, 4.0, 1, 140),
        (0.05, 4.0, 1, 0),  # nothing is left
    ],
)
def test_steps_have_what_the_start_and_the_validations_leave_of_the_budget(
    minutes: float,
    start_s: float,
    validations: int,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
    parts: dict[str, Any],
) -> None:
    timed(monkeypatch, 0.1, 1.0, start_s)
    parts["config"] = replace(parts["config"], fit=FitConfig(minutes=minutes))
    lines: list[str] = []
    assert fit_to_budget(**parts, free=("fit.validations",), log=lines.append).fit.validations == validations
    assert f"about {steps} steps (100 ms each on this machine)" in lines


def test_what_is_measured_before_the_first_step_counts_where_it_is(parts: dict[str, Any]) -> None:
    config = replace(parts["config"], fit=FitConfig(minutes=5, clock="cpu", device="cpu"))
    batches = parts["batches"]
    assert budget.start_seconds(config, parts["objective"], batches) == 0.0
    spread = CTCObjective(parts["objective"].model, CTCConfig(), AugmentConfig(take_spread=0.5))
    begun = time.process_time()
    spread.prepare(batches.batch(number) for number in range(STARTING_BATCHES))
    took_s = time.process_time() - begun
    before = spread.augment.take_spread.clone()
    assert took_s / 5 < budget.start_seconds(config, spread, batches) < 5 * took_s
    assert torch.equal(spread.augment.take_spread, before)


def test_timing_changes_no_weight(parts: dict[str, Any]) -> None:
    before = {name: value.clone() for name, value in parts["objective"].state_dict().items()}
    fit_to_budget(**parts, free=FREE, log=lambda _: None)
    assert all(torch.equal(before[name], value) for name, value in parts["objective"].state_dict().items())
    assert all(parameter.grad is None for parameter in parts["objective"].parameters())
