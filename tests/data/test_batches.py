"""Training batches: functions of seed and step, labels at their times, pools, padding, one thread ahead."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.data.batches import ComposedSampler, WindowSampler, WindowsConfig, _quietest, collate
from emgasr.data.compose import ComposeConfig, ComposedExamples, Example, Take
from emgasr.data.spellings import RandomStrings
from emgasr.errors import DataError
from emgasr.recording import Events, Recording
from emgasr.tokens import Tokens
from tests.helpers.miniatures import make_recording

KEYS = Tokens.keystrokes()
WINDOWS = WindowsConfig(shortest_s=2.0, longest_s=4.0, batch_s=12.0, snap_s=0.4)
SECONDS = 30.0


def typed(seed: int = 0, seconds: float = SECONDS, keys: int = 60) -> Recording:
    """Keys at random times; sample t of every channel is t, so that a window tells where it was cut."""
    rng = np.random.default_rng(seed)
    press = np.sort(rng.uniform(0, seconds, keys))
    presses = [
        (float(t), math.nan if i % 7 == 0 else float(t) + 0.12, "Key.ctrl" if i % 9 == 0 else "abc"[i % 3])
        for i, t in enumerate(press)
    ]
    samples = np.arange(round(seconds * 200), dtype=np.float32)[:, None].repeat(8, 1)
    return make_recording(seconds, seed=seed, samples=samples, events=Events.of(presses))


def windows(seed: int = 0, **changes: float) -> WindowSampler:
    config = WindowsConfig(**(vars(WINDOWS) | changes))  # type: ignore[arg-type]
    return WindowSampler([typed(0), typed(1, 60.0, 100)], KEYS, config, seed)


def same(one: list[Example], other: list[Example]) -> bool:
    return [(e.samples.tobytes(), e.ids, e.onset_s.tobytes()) for e in one] == [
        (e.samples.tobytes(), e.ids, e.onset_s.tobytes()) for e in other
    ]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**40), step=st.integers(0, 2**40))
def test_a_batch_is_a_function_of_seed_and_step(seed: int, step: int) -> None:
    one, other = windows(seed), windows(seed)
    other.examples(step + 1)  # what was drawn before does not matter
    assert same(one.examples(step), other.examples(step))
    assert not same(one.examples(step), one.examples(step + 1))
    assert not same(one.examples(step), windows(seed + 1).examples(step))


def test_memory_or_file_changes_nothing() -> None:
    assert same(windows().examples(3), windows(cache_gb=0.0).examples(3))


@settings(max_examples=30, deadline=None)
@given(step=st.integers(0, 10_000))
def test_labels_are_the_keys_inside_at_their_times(step: int) -> None:
    recordings = [typed(0)]
    for example in WindowSampler(recordings, KEYS, WINDOWS, seed=1).examples(step):
        first_s, last_s = float(example.samples[0, 0]) / 200, (float(example.samples[-1, 0]) + 1) / 200
        events = recordings[0].events
        ids, kept = KEYS.encode_keys(events.keys)
        times = events.time_s[kept]
        inside = (times >= first_s - 0.0025) & (times < last_s + 0.0025)  # a window is cut at whole samples
        assert example.ids == [i for i, there in zip(ids, inside, strict=True) if there]
        np.testing.assert_allclose(example.onset_s, times[inside] - first_s, atol=0.0026)
        assert (example.offset_s > example.onset_s).all()
        assert (example.offset_s[:-1] <= example.onset_s[1:]).all()
        released = events.release_s[kept][inside] - first_s
        held = np.isfinite(released[:-1]) & (released[:-1] < example.onset_s[1:] - 0.01)
        np.testing.assert_allclose(example.offset_s[:-1][held], released[:-1][held], atol=0.0026)


@settings(max_examples=30, deadline=None)
@given(step=st.integers(0, 10_000))
def test_edges_move_within_reach_and_away_from_keys(step: int) -> None:
    snapped, raw = windows().examples(step), windows(snap_s=0.0).examples(step)
    assert len({len(e.samples) for e in raw}) <= 2  # one length a batch, but for rounding
    seconds = np.random.default_rng((0, step)).uniform(2.0, 4.0)  # the first that a batch draws
    assert all(abs(len(example.samples) - seconds * 200) <= 1 for example in raw)
    assert len(raw) == round(12.0 / seconds)
    for moved, still in zip(snapped, raw, strict=True):
        for end in (0, -1):
            assert abs(moved.samples[end, 0] - still.samples[end, 0]) <= 0.4 * 200 + 1


@pytest.mark.parametrize(
    ("around", "edge"),
    [
        (2.0, 1.5),  # the middle of the pause from 1.0 to 2.0
        (1.8, 1.5),
        (0.9, 1.4),  # as far into that pause as reach allows
        (6.0, 5.5),  # away from the key at 6.1, in a pause whose middle is out of reach
        (0.2, 0.0),  # not before the start
        (12.5, 12.9),  # not behind the end
    ],
)
def test_an_edge_goes_where_no_key_is(around: float, edge: float) -> None:
    times = np.array([0.5, 1.0, 2.0, 6.1, 6.2, 12.0])
    assert _quietest(times, around, 0.5, 12.9) == pytest.approx(edge)
    assert _quietest(times, around, 0.0, 12.9) == around
    assert _quietest(np.empty(0), around, 0.5, 12.9) == around


def test_longer_recordings_are_drawn_more_often() -> None:
    source = WindowSampler([typed(0, 20.0), typed(1, 60.0)], KEYS, WINDOWS, seed=0)
    assert source.share.tolist() == [0.25, 0.75]


@pytest.mark.parametrize(
    ("recordings", "wrong"),
    [
        ([], "no recording"),
        ([make_recording(1.0, events=Events.of([(0.5, 0.6, "a")]))], r"ann/day0.*lasts 1\.0 s"),
        ([make_recording(9.0, events=Events.empty())], "no key press"),
        ([make_recording(9.0, events=Events.of([(0.5, 0.6, "Key.ctrl")]))], "no key press"),
    ],
)
def test_recordings_that_give_no_windows_are_refused(recordings: list[Recording], wrong: str) -> None:
    with pytest.raises(DataError, match=wrong):
        WindowSampler(recordings, KEYS, WINDOWS, seed=0)


def composed(size: int = 5, seed: int = 0) -> ComposedSampler:
    rng = np.random.default_rng(0)
    takes = [
        Take(
            rng.standard_normal((int(rng.integers(20, 90)), 2)).astype(np.float32),
            200.0,
            label,
            "s",
            "d",
            f"{label}{n}",
        )
        for label in "abc"
        for n in range(3)
    ]
    config = ComposeConfig(trim_ms=50, stretch=0.1)
    return ComposedSampler(ComposedExamples(takes, RandomStrings(1, 9), Tokens.characters("abc"), config, seed), size)


@pytest.mark.parametrize("size", [1, 5])
def test_a_pool_holds_each_of_its_examples_once(size: int) -> None:
    batches = composed(size)
    for first in (0, batches.pool):
        drawn = [example for step in range(first, first + batches.pool) for example in batches.examples(step)]
        expected = [batches.sequences.example(first * size + i) for i in range(batches.pool * size)]
        assert sorted(e.samples.tobytes() for e in drawn) == sorted(e.samples.tobytes() for e in expected)


def test_batches_of_a_pool_pad_little_and_come_in_any_order() -> None:
    batches = composed()
    spans = [[len(e.samples) for e in batches.examples(step)] for step in range(batches.pool)]
    ordered = sorted(spans)
    assert all(max(one) <= min(other) for one, other in itertools.pairwise(ordered))
    assert spans != ordered  # short ones do not always come first
    assert same(composed().examples(11), composed().examples(11))
    assert not same(composed().examples(11), composed(seed=1).examples(11))


def example(samples: int, ids: list[int]) -> Example:
    times = np.arange(len(ids), dtype=np.float64)
    return Example(np.full((samples, 2), samples, dtype=np.float32), ids, times, times + 0.5)


def test_padding_is_zero_and_lengths_tell_it() -> None:
    batch = collate([example(4, [1, 2]), example(6, [])])
    assert batch.samples.shape == (2, 6, 2)
    assert batch.lengths.tolist() == [4, 6]
    assert batch.samples[:, :, 0].tolist() == [[4] * 4 + [0] * 2, [6] * 6]
    assert batch.targets.tolist() == [[1, 2], [0, 0]]
    assert batch.target_lengths.tolist() == [2, 0]
    assert batch.onset_s.tolist() == [[0, 1], [0, 0]]
    assert batch.offset_s.tolist() == [[0.5, 1.5], [0, 0]]
    assert (batch.samples.dtype, batch.targets.dtype) == (torch.float32, torch.int64)


def test_a_batch_without_labels_keeps_its_shape() -> None:
    assert collate([example(3, [])]).targets.shape == (1, 1)
