"""The laws of the loop's three contracts, for every implementation; the loop trains a second objective alike."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import Batch, ComposedSampler, WindowSampler, WindowsConfig
from emgasr.data.compose import ComposeConfig, ComposedExamples, Take
from emgasr.data.spellings import RandomStrings
from emgasr.state import frame_mask
from emgasr.training.contracts import BatchSampler, Judgement, Objective, Validator
from emgasr.training.loop import FitConfig, fit
from emgasr.training.objective import CTCConfig, CTCObjective
from emgasr.training.validator import GreedyCER
from tests.helpers.tiny_models import CONFORMER, easy_recording, tiny_recognizer

WINDOWS = WindowsConfig(shortest_s=2.0, longest_s=4.0, batch_s=12.0, snap_s=0.2)
PLAIN = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0)
LAST = 10**6  # a step behind every ramp
HOP = 20  # samples of a frame of the classifier below


class FrameClassifier(nn.Module):
    """Powers of frames of HOP samples (B, T, C) to logits (B, F, 3): nothing, "a" or "b" is held."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Linear(8, 3)

    def forward(self, samples: Tensor) -> Tensor:
        frames = samples[:, : samples.shape[1] // HOP * HOP].unflatten(1, (-1, HOP))
        return self.classes(frames.square().mean(2).log1p())


class FrameObjective(Objective[FrameClassifier]):
    """Cross-entropy of what is held at each frame: no CTC, no recognizer, no blank."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = FrameClassifier()

    @property
    def model(self) -> FrameClassifier:
        return self.classifier

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        logits = self.classifier(batch.samples)
        times = (torch.arange(logits.shape[1], device=logits.device) + 0.5) * HOP / 200
        held = (times >= batch.onset_s[..., None] - 0.1) & (times < batch.offset_s[..., None])
        held &= frame_mask(batch.target_lengths, batch.targets.shape[1])[..., None]
        wanted = (held * batch.targets[..., None]).amax(1)
        wanted = wanted.masked_fill(~frame_mask(batch.lengths // HOP, logits.shape[1]), -100)
        total = functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="sum")
        return {"frames": total / (wanted >= 0).sum().clamp(min=1)}


class FrameErrors:
    """The share of frames at which the classifier is wrong; its sampler's first batch judges."""

    chooses = "error"

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __call__(self, model: FrameClassifier) -> Judgement:
        with torch.inference_mode():
            logits = model(self.batch.samples)
        times = (torch.arange(logits.shape[1]) + 0.5) * HOP / 200
        held = (times >= self.batch.onset_s[..., None] - 0.1) & (times < self.batch.offset_s[..., None])
        wanted = (held * self.batch.targets[..., None]).amax(1)
        wrong = (logits.argmax(-1) != wanted) | logits.isnan().any(-1)
        return Judgement({"error": float(wrong.float().mean()), "frames": float(wanted.numel())})


LOSSES = CTCConfig()


def ctc(config: CTCConfig = LOSSES, augment: AugmentConfig = PLAIN) -> CTCObjective:
    return CTCObjective(tiny_recognizer(config=replace(CONFORMER, dropout=0.2)), config, augment)


OBJECTIVES: dict[str, Callable[[], Objective[Any]]] = {
    "ctc": ctc,
    "ctc alone": lambda: ctc(CTCConfig(intermediate_weight=0.0, frame_weight=0.0)),
    "ctc with a head of its own": lambda: ctc(CTCConfig(frame_head="own", frame_from=0.5)),
    "ctc on varied batches": lambda: ctc(augment=AugmentConfig(time_masks=2, electrode_gain_db=3, spread=0.5)),
    "frames": FrameObjective,
}


def windows(seed: int = 0) -> WindowSampler:
    return WindowSampler([easy_recording(0), easy_recording(1)], tiny_recognizer().tokens, WINDOWS, seed)


def composed(seed: int = 0) -> ComposedSampler:
    rng = np.random.default_rng(0)
    takes = [
        Take(rng.standard_normal((20 + 9 * n, 8)).astype(np.float32), 200.0, label, "s", "d", f"{label}{n}")
        for label in "ab"
        for n in range(3)
    ]
    sequences = ComposedExamples(takes, RandomStrings(1, 5), tiny_recognizer().tokens, ComposeConfig(trim_ms=50), seed)
    return ComposedSampler(sequences, 4)


SAMPLERS: dict[str, Callable[[int], BatchSampler]] = {"windows": windows, "composed": composed}


def same(one: Batch, other: Batch) -> bool:
    return all(torch.equal(value, getattr(other, name)) for name, value in vars(one).items())


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_gives_finite_parts_with_a_gradient_for_every_parameter(name: str) -> None:
    objective = OBJECTIVES[name]()
    objective.prepare(windows().batch(step) for step in range(9))
    losses = objective.train()(windows().batch(0), LAST)
    assert losses
    assert all(value.shape == () and torch.isfinite(value) for value in losses.values())
    sum(losses.values(), torch.zeros(())).backward()
    for parameter in objective.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
    assert {id(p) for p in objective.model.parameters()} <= {id(p) for p in objective.parameters()}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_padding_changes_no_loss_of_any_objective(name: str) -> None:
    objective = OBJECTIVES[name]().eval()  # without dropout and variation
    batch = windows().batch(0)
    padded = replace(batch, samples=functional.pad(batch.samples, (0, 0, 0, 333), value=1e3))
    for part, value in objective(batch, LAST).items():
        torch.testing.assert_close(objective(padded, LAST)[part], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generator_of_torch_is_the_only_randomness_of_any_objective(name: str) -> None:
    objective = OBJECTIVES[name]()
    objective.prepare(windows().batch(step) for step in range(9))
    objective.train()
    results = []
    for _ in range(2):
        torch.manual_seed(3)
        results.append({part: float(value.detach()) for part, value in objective(windows().batch(0), 5).items()})
    assert results[0] == results[1]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_item_shorter_than_an_output_frame_breaks_no_objective(name: str) -> None:
    batch = windows().batch(0)
    short = replace(batch, samples=batch.samples[:, :9], lengths=torch.full_like(batch.lengths, 9))
    losses = OBJECTIVES[name]().train()(short, LAST)
    assert all(torch.isfinite(value) for value in losses.values())


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_batch_of_any_sampler_is_a_function_of_seed_and_step(name: str) -> None:
    make = SAMPLERS[name]
    straight = [make(7).batch(step) for step in range(6)]
    stopped = make(7)
    stopped.batch(1)
    resumed = make(7)  # a sampler made anew goes on where another stopped, in any order
    assert all(same(resumed.batch(step), straight[step]) for step in (4, 2, 5, 3))
    assert same(stopped.batch(5), straight[5])
    assert not same(straight[0], straight[1])
    assert not same(make(8).batch(0), straight[0])


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_batch_of_any_sampler_is_padded_with_nothing(name: str) -> None:
    batch = SAMPLERS[name](0).batch(1)
    for row, length in enumerate(batch.lengths.tolist()):
        assert not batch.samples[row, length:].any()
        assert not batch.targets[row, int(batch.target_lengths[row]) :].any()
    assert batch.samples.shape[1] == int(batch.lengths.max())


VALIDATORS: dict[str, Callable[[], tuple[Validator[Any], nn.Module]]] = {
    "greedy": lambda: (GreedyCER([("one", easy_recording(9, 10.0))], tiny_recognizer().tokens), tiny_recognizer()),
    "frames": lambda: (FrameErrors(windows().batch(0)), FrameClassifier()),
}


@pytest.mark.parametrize("name", VALIDATORS)
def test_any_validator_judges_by_the_weights_alone_and_leaves_them_as_they_are(name: str) -> None:
    validate, model = VALIDATORS[name]()
    before = copy.deepcopy(model.state_dict())
    first = validate(model)
    model.train()
    torch.rand(7)
    again = validate(model)
    assert first == again
    assert validate.chooses in first.figures
    assert all(np.isfinite(figure) for figure in first.figures.values())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize("name", VALIDATORS)
def test_weights_that_ran_away_end_no_validator(name: str) -> None:
    validate, model = VALIDATORS[name]()
    for parameter in model.parameters():
        parameter.data.fill_(float("nan"))
    assert validate(model).figures[validate.chooses] > 0.4


def test_the_loop_trains_another_objective_by_another_figure(tmp_path: Path) -> None:
    objective, saved = FrameObjective(), []
    validate = FrameErrors(windows(1).batch(0))
    before = validate(objective.model).figures["error"]
    fitted = fit(
        objective,
        windows(),
        validate,
        FitConfig(steps=40, learning_rate=0.3, warmup_steps=2, validations=2),
        tmp_path,
        save_best=lambda model, error, step: saved.append((type(model), error, step)),
    )
    assert fitted.best < 0.15 < before
    assert saved[-1] == (FrameClassifier, fitted.best, fitted.best_step)
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"loss", "frames"} <= set(entries[0])
    assert {"validation_error", "validation_frames"} <= set(entries[-1])
