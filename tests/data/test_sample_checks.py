"""What samples tell about an amplifier: problems and notes, each from a signal in which just that is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from emgasr.data import sample_checks as module
from emgasr.data.sample_checks import check_samples
from emgasr.recording import Recording
from tests.helpers.miniatures import make_recording


def changed(change: Callable[[np.ndarray], object], seconds: float = 10.0, **more: object) -> Recording:
    values = make_recording(seconds).samples[:].copy()
    change(values)
    return make_recording(seconds, samples=values, **more)


def put(rows: slice | int, channels: slice | int, value: float) -> Callable[[np.ndarray], object]:
    return lambda x: x.__setitem__((rows, channels), value)


def equal(x: np.ndarray) -> None:
    x[:, 5] = x[:, 2]


def clip(x: np.ndarray) -> None:
    """A slow signal, as amplifiers saturate on, cut off at a rail."""
    x[:, 1] = np.minimum(300 * np.sin(np.arange(len(x)) / 50) + x[:, 1], 200)


@pytest.mark.parametrize("block", [1 << 22, 8 * 7, 8])
@pytest.mark.parametrize(
    ("recording", "told"),
    [
        (changed(put(1500, 3, np.nan)), "is not finite from sample 1500, channel 3 on (7.500 s): 1 value in 1 channel"),
        (changed(put(slice(10, 14), slice(1, 3), -np.inf)), "8 values in 2 channels (left2, left3)"),
        (changed(put(700, 2, 1e20)), "no amplifier gives 1e+20 uV: too large from sample 700, channel 2 on (3.500 s)"),
        (changed(put(slice(5, 9), 2, -2e7)), "4 values in 1 channel (left3)"),
        (changed(put(3, 0, 2.0**40), unit="counts"), "no amplifier gives 1.09951e+12 counts"),
        (changed(lambda x: x.fill(-7)), "every channel is constant: nothing was recorded"),
    ],
)
def test_what_no_amplifier_gives_is_a_problem_with_its_place(
    monkeypatch: pytest.MonkeyPatch, recording: Recording, told: str, block: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_VALUES", block)
    (problem,), _ = check_samples(recording)
    assert told in problem


@pytest.mark.parametrize("block", [1 << 22, 8 * 7, 8])
@pytest.mark.parametrize(
    ("recording", "told"),
    [
        (changed(equal), "channels left3, right2 are equal throughout"),
        (changed(put(slice(None), slice(2, 4), 0)), "2 channels (left3, left4) constant"),
        (
            changed(put(slice(400, 700), 1, 12.5)),
            "at one value for 1 s or more, the longest for 1.50 s from 2.000 s on",
        ),
        (
            changed(put(slice(1700, None), 6, 1)),
            "1 channel (right3) at one value for 1 s or more, the longest for 1.50 s",
        ),
        (changed(put(slice(0, 240), 6, 1)), "the longest for 1.20 s from 0.000 s on, right3"),
        (
            changed(put(slice(1000, 1060), slice(None), 4)),
            "no channel changes for 0.30 s in 1 stretch, the first at 5.000 s",
        ),
        (changed(clip), "1 channel (left2) clipped: up to 2"),
        (changed(lambda x: x.__imul__(1e-6)), "e-05 uV, unlike muscles: is the unit mV or V?"),
        (changed(lambda x: x.__imul__(1e4)), "uV, unlike muscles: is the unit nV or counts?"),
        (changed(put(321, 4, 4e5)), "with jumps, right1 by 399978 uV at 1.61"),
    ],
)
def test_what_is_unlike_muscles_is_a_note_with_its_figure(
    monkeypatch: pytest.MonkeyPatch, recording: Recording, told: str, block: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_VALUES", block)
    problems, notes = check_samples(recording)
    assert problems == []
    (note,) = notes
    assert told in note


@pytest.mark.parametrize(
    "change",
    [
        lambda x: None,
        lambda x: np.rint(x / 40, out=x),  # a few steps: its extremes come by themselves
        lambda x: np.maximum(np.rint(x / 4), 0, out=x),  # rectified: rests at 0
        lambda x: x.__iadd__(3e5),  # electrodes' offset
    ],
)
def test_a_sound_signal_has_neither(change: Callable[[np.ndarray], object]) -> None:
    assert check_samples(changed(change)) == ([], [])


def test_channels_that_are_alike_in_sums_only_are_not_equal() -> None:
    values = make_recording().samples[:].copy()
    values = np.rint(values)
    values[:, 5] = values[:, 2]
    values[100:102, 5] = values[99:101, 2]
    values[[200, 201], 5] = values[[201, 200], 5]
    assert check_samples(make_recording(samples=values)) == ([], [])
