"""Watching a stream's samples: the same in any chunks, levels as defined, rest from its levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.recording import Band, Spans
from emgasr.streaming.activity import Notice, RestLevel, SignalWatch
from tests.helpers.miniatures import make_recording

BANDS = (Band.numbered("left", 3), Band.numbered("right", 2))


def noisy(samples: int = 1000) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.normal(3, 1, (samples, 5)).astype(np.float32)
    values[200:260, 1] = np.nan
    values[400:700, 3] = 5.0
    values[720:900, 4] = np.where(values[720:900, 4] > 3, 40, -40)
    return values


def watched(cuts: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Notice]]:
    watch = SignalWatch(BANDS, 200.0, 16)
    parts = [watch.feed(chunk) for chunk in np.split(noisy(), sorted(cuts))]
    notices = [notice for _, _, told in parts for notice in told]
    levels = np.concatenate([blocks.levels for _, blocks, _ in parts])
    sound = np.concatenate([blocks.sound for _, blocks, _ in parts])
    return np.concatenate([samples for samples, _, _ in parts]), levels, sound, notices


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 1000), max_size=20))
def test_any_chunking_tells_the_same(cuts: list[int]) -> None:
    expected, found = watched([]), watched(cuts)
    for one, other in zip(expected[:3], found[:3], strict=True):
        np.testing.assert_array_equal(one, other)
    assert [notice.kind for notice in expected[3]] == [notice.kind for notice in found[3]]
    np.testing.assert_allclose([n.time_s for n in expected[3]], [n.time_s for n in found[3]])


def test_what_is_not_finite_becomes_the_last_value_and_the_rest_is_left_alone() -> None:
    samples, _, sound, notices = watched([230])
    raw = noisy()
    assert (samples[200:260, 1] == raw[199, 1]).all()
    finite = np.isfinite(raw)
    np.testing.assert_array_equal(samples[finite], raw[finite])
    assert sound.all()
    assert [n.kind for n in notices] == ["replaced", "dead", "alive", "saturated", "alive"]


def test_a_level_is_the_rms_of_its_band_without_the_mean() -> None:
    watch = SignalWatch(BANDS, 200.0, 16)
    samples = np.random.default_rng(1).normal(100, [1, 1, 1, 7, 7], (160, 5)).astype(np.float32)
    _, blocks, _ = watch.feed(samples)
    last = samples[-32:].astype(np.float64)  # 0.128 s at 200 Hz in whole blocks of 16
    expected = [np.sqrt(part.var(0).mean()) for part in (last[:, :3], last[:, 3:])]
    np.testing.assert_allclose(blocks.levels[-1], expected, rtol=1e-9)
    assert watch.levels == tuple(blocks.levels[-1].tolist())


def test_rest_stays_below_its_level() -> None:
    levels = np.random.default_rng(2).normal(5, 0.1, (500, 2))
    rest = RestLevel.of(levels)
    assert (levels < rest.levels).all()
    assert max(rest.levels) < 7


@pytest.mark.parametrize("samples", [0, 1, 15])
def test_less_than_a_block_waits(samples: int) -> None:
    watch = SignalWatch(BANDS, 200.0, 16)
    _, blocks, notices = watch.feed(np.ones((samples, 5), np.float32))
    assert (len(blocks.levels), notices, watch.time_s) == (0, [], samples / 200)


def test_the_level_of_rest_is_taken_from_a_recordings_rests_alone() -> None:
    samples = make_recording(4.0).read()
    samples[:400] = np.random.default_rng(0).normal(0, 2, (400, 8))
    spans = Spans.of([(0.0, 2.0, "rest", ""), (2.0, 4.0, "prompt", "a")])
    level = RestLevel.of_recording(make_recording(4.0, samples=samples, spans=spans), block=8)
    assert level is not None
    assert all(2.0 < value < 3.5 for value in level.levels)
    assert RestLevel.of_recording(make_recording(4.0), block=8) is None


def test_levels_after_a_gap_know_nothing_of_what_was_before() -> None:
    samples = noisy() + np.float32(50)
    samples = np.nan_to_num(samples)
    watch, fresh = SignalWatch(BANDS, 200.0, 8), SignalWatch(BANDS, 200.0, 8)
    watch.feed(100 * samples)
    watch.restart(9.0)
    np.testing.assert_allclose(watch.feed(samples)[1].levels, fresh.feed(samples)[1].levels, rtol=1e-6)
