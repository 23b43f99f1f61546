"""The losses of training: padding and short batches, the frame loss and what it asks for."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from emgasr.data.augment import AugmentConfig
from emgasr.data.batches import Batch, WindowSampler, WindowsConfig, collate
from emgasr.data.compose import Example
from emgasr.training.objective import CTCConfig, CTCObjective
from tests.helpers.tiny_models import WAYS, easy_recording, tiny_recognizer

WINDOWS = WindowsConfig(shortest_s=2.0, longest_s=4.0, batch_s=12.0, snap_s=0.2)
PLAIN = AugmentConfig(band_jitter_ms=0, time_masks=0, frequency_masks=0)
LAST = 10**6  # a step behind every ramp


def sampler() -> WindowSampler:
    return WindowSampler([easy_recording(0)], tiny_recognizer().tokens, WINDOWS, 0)


def objective(**changes: Any) -> CTCObjective:
    return CTCObjective(tiny_recognizer(), CTCConfig(**changes), PLAIN).train()


def test_padding_changes_no_loss() -> None:
    examples = sampler().examples(0)[:2]
    batch = collate(examples)
    padded = Batch(
        torch.nn.functional.pad(batch.samples, (0, 0, 0, 333), value=1e3),
        *(getattr(batch, name) for name in ("lengths", "targets", "target_lengths", "onset_s", "offset_s", "worn")),
    )
    one, other = objective()(batch, LAST), objective()(padded, LAST)
    assert set(one) == {"ctc", "intermediate", "frame"}
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-5, atol=1e-6)


def test_a_batch_shorter_than_an_output_frame_asks_for_nothing() -> None:
    (example,) = sampler().examples(0)[:1]
    aided, short = objective(), replace(example, samples=example.samples[:9])
    losses = aided(collate([short, short]), LAST)
    sum(losses.values(), torch.zeros(())).backward()
    assert not any(value.item() for value in losses.values())
    assert all(p.grad is None or not p.grad.any() for p in aided.parameters())


@pytest.mark.parametrize("way", WAYS)
def test_a_loss_is_that_of_what_the_recognizer_writes(way: str) -> None:
    recognizer = tiny_recognizer(normalize=way)
    batch = collate(sampler().examples(0)[:2])
    loss = CTCObjective(recognizer, CTCConfig(intermediate_weight=0, frame_weight=0), PLAIN).eval()(batch, LAST)["ctc"]
    log_probs, lengths = recognizer(batch.samples, batch.lengths)
    total = torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), batch.targets, lengths, batch.target_lengths, reduction="sum", zero_infinity=True
    )
    torch.testing.assert_close(loss, total / batch.target_lengths.sum())


def test_weights_of_zero_leave_the_aids_out() -> None:
    batch = collate(sampler().examples(0))
    assert set(objective(intermediate_weight=0.0, frame_weight=0.0)(batch, LAST)) == {"ctc"}


def test_the_frame_loss_asks_for_each_key_while_it_is_held() -> None:
    aided = objective()
    times = torch.from_numpy(aided.recognizer.frame_times_s(50))
    one = Example(
        torch.zeros(410, 8).numpy(), [1, 2], *(torch.tensor(t).double().numpy() for t in ([0.5, 1.0], [0.7, 1.0]))
    )
    wanted = torch.zeros(1, 50, dtype=torch.long)
    wanted[0, (times >= 0.5) & (times < 0.7)] = 1
    wanted[0, (times >= 1.0) & (times < 1.04)] = 2  # a press without length lasts one frame
    assert wanted.count_nonzero() >= 5
    log_probs = torch.full((1, 50, 4), -9.0).scatter(2, wanted[..., None], -0.125)
    assert float(aided._frame_loss(log_probs, torch.tensor([50]), collate([one]))) == pytest.approx(50 * 0.125 / 2)


def test_between_two_equal_labels_that_touch_the_frame_loss_asks_for_a_blank() -> None:
    aided = objective()
    times = torch.from_numpy(aided.recognizer.frame_times_s(50))
    twice = Example(torch.zeros(410, 8).numpy(), [1, 1], np.array([0.5, 1.0]), np.array([1.0, 1.5]))
    wanted = torch.zeros(1, 50, dtype=torch.long)
    wanted[0, (times >= 0.5) & (times < 1.5)] = 1
    wanted[0, (times >= 1.0 - 1 / aided.recognizer.frame_rate_hz) & (times < 1.0)] = 0
    assert [key for key, _ in itertools.groupby(wanted[0].tolist())] == [0, 1, 0, 1, 0]
    log_probs = torch.full((1, 50, 4), -9.0).scatter(2, wanted[..., None], -0.125)
    assert float(aided._frame_loss(log_probs, torch.tensor([50]), collate([twice]))) == pytest.approx(50 * 0.125 / 2)


def test_the_frame_loss_waits_for_the_asked_share_of_a_label() -> None:
    aided = objective(frame_from=0.5)
    times = torch.from_numpy(aided.recognizer.frame_times_s(50))
    one = Example(torch.zeros(410, 8).numpy(), [1], np.array([0.5]), np.array([1.5]))
    wanted = torch.zeros(1, 50, dtype=torch.long)
    wanted[0, (times >= 1.0) & (times < 1.5)] = 1
    log_probs = torch.full((1, 50, 4), -9.0).scatter(2, wanted[..., None], -0.125)
    assert float(aided._frame_loss(log_probs, torch.tensor([50]), collate([one]))) == pytest.approx(50 * 0.125)


def test_labels_that_do_not_fit_the_frames_cost_nothing_and_break_nothing() -> None:
    times = np.linspace(0, 0.2, 30)
    crowded = Example(np.zeros((40, 8), np.float32), [1] * 30, times, times)
    values = objective()(collate([crowded]), LAST)
    assert float(values["ctc"].detach()) == 0.0
    assert all(math.isfinite(float(value.detach())) for value in values.values())


def test_takes_of_a_frame_or_two_have_a_spread_too() -> None:
    examples = [
        replace(one, onset_s=one.onset_s, offset_s=one.onset_s + 0.021)
        for step in range(3)
        for one in sampler().examples(step)
    ]
    for augment in (replace(PLAIN, spread=1.0), replace(PLAIN, take_spread=1.0)):
        made = CTCObjective(tiny_recognizer(), CTCConfig(), augment)
        made.prepare([collate(examples)])
        name = "spread" if augment.spread else "take_spread"
        assert getattr(made.augment, name).abs().sum() > 0
