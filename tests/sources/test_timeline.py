"""Packets of a faulty device become one line of samples, and every fault is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emgasr.sources import NOTE_KINDS, Chunk
from emgasr.sources.timeline import Packet, Timeline, TimelineConfig

RATE_HZ = 1000.0


def signal(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 50, (rows, 3)).astype(np.float32)


def packets(samples: np.ndarray, size: int = 20, late_s: Any = lambda i: 0.0, start_s: float = 77.0) -> list[Packet]:
    """A device that stamps each sample on a perfect clock, `late_s` by packet, and delivers at once."""
    made = []
    for i, first in enumerate(range(0, len(samples), size)):
        part = samples[first : first + size]
        times = start_s + (first + np.arange(len(part))) / RATE_HZ + late_s(i)
        made.append(Packet(part, arrived_s=float(times[-1]), times_s=times))
    return made


def run(stream: Sequence[Packet], **config: Any) -> tuple[list[Chunk], Timeline]:
    timeline = Timeline(TimelineConfig(RATE_HZ, 3, **config))
    chunks = [chunk for packet in stream for chunk in timeline.feed(packet)] + timeline.flush()
    assert {note.kind for chunk in chunks for note in chunk.notes} <= set(NOTE_KINDS)
    end_s = 0.0
    for chunk in chunks:  # the law of chunks: each begins where the last ended, unless it says that there is a gap
        if not (chunk.notes and chunk.notes[0].kind == "gap"):
            assert chunk.time_s == pytest.approx(end_s, abs=1e-9)
        end_s = chunk.time_s + len(chunk.samples) / RATE_HZ
    return chunks, timeline


def joined(chunks: Sequence[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.samples for chunk in chunks])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 97), min_size=1, max_size=20), st.integers(0, 2**32 - 1))
def test_a_sound_device_gives_its_samples_and_no_note(sizes: list[int], seed: int) -> None:
    samples = signal(sum(sizes), seed)
    rng = np.random.default_rng(seed)
    stream, first = [], 0
    for size in sizes:
        times = 5.0 + (first + np.arange(size)) / RATE_HZ + rng.uniform(0, 0.004)
        stream.append(Packet(samples[first : first + size], float(times[-1]), times))
        first += size
    chunks, timeline = run(stream)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert not timeline.tally


def test_a_short_gap_holds_the_last_sample_and_is_counted() -> None:
    samples = signal(1000)
    stream = packets(samples)
    del stream[10]
    chunks, timeline = run(stream)
    out = joined(chunks)
    assert len(out) == 1000
    np.testing.assert_array_equal(out[:200], samples[:200])
    np.testing.assert_array_equal(out[200:220], np.tile(samples[199], (20, 1)))
    np.testing.assert_array_equal(out[220:], samples[220:])
    assert timeline.tally == {"bridged": 20}


def test_a_short_gap_can_be_filled_with_zeros() -> None:
    stream = packets(signal(1000))
    del stream[10]
    assert not joined(run(stream, fill="zero")[0])[200:220].any()


def test_a_long_gap_is_declared_and_the_stream_goes_on_at_its_own_time() -> None:
    samples = signal(2000)
    stream = packets(samples)
    del stream[20:50]
    chunks, timeline = run(stream)
    assert timeline.tally == {"gap": 600}
    after = next(chunk for chunk in chunks if chunk.notes)
    assert after.time_s == pytest.approx(1.0)
    np.testing.assert_array_equal(after.samples, samples[1000:1020])
    np.testing.assert_array_equal(joined(chunks), np.concatenate([samples[:400], samples[1000:]]))


def test_samples_missing_within_a_packet_are_seen() -> None:
    samples = signal(400)
    times = np.arange(400) / RATE_HZ
    keep = np.r_[0:150, 180:400]
    late = Packet(samples[keep], 0.4, times[keep])
    chunks, timeline = run([late, *packets(signal(400, 1), start_s=0.4)])
    assert timeline.tally == {"bridged": 30}
    np.testing.assert_array_equal(joined(chunks)[180:400], samples[180:])


@pytest.mark.parametrize("lost", [1, 3, 15])
@pytest.mark.parametrize("drift", [0.0, 50e-6])
def test_on_a_steady_clock_the_loss_of_a_single_sample_is_seen(lost: int, drift: float) -> None:
    samples = signal(40_000)
    keep = np.r_[0:30_007, 30_007 + lost : 40_000]
    times = np.arange(40_000) / RATE_HZ * (1 + drift)
    stream = [Packet(samples[at], float(times[at][-1]), times[at]) for at in np.split(keep, range(20, len(keep), 20))]
    chunks, timeline = run(stream)
    assert timeline.tally == {"bridged": lost}
    np.testing.assert_array_equal(joined(chunks)[30_007 + lost :], samples[30_007 + lost :])


def test_on_a_steady_clock_frequent_losses_do_not_hide_each_other() -> None:
    rng = np.random.default_rng(2)
    stream, missing = [], 0
    for i, packet in enumerate(packets(signal(40_000))):
        if i > 20 and rng.random() < 0.05:
            first = int(rng.integers(1, 15))
            missing += first
            packet = packet.part(first)
        stream.append(packet)
    chunks, timeline = run(stream)
    assert timeline.tally == {"bridged": missing}
    assert len(joined(chunks)) == 40_000


def test_a_jittery_clock_makes_no_gaps_of_its_jitter() -> None:
    rng = np.random.default_rng(5)
    samples = signal(60_000)
    chunks, timeline = run(packets(samples, late_s=lambda i: min(0.009, rng.exponential(0.002))))
    np.testing.assert_array_equal(joined(chunks), samples)
    assert not timeline.tally


def test_a_packet_that_is_only_late_is_no_gap() -> None:
    samples = signal(2000)
    stream = packets(samples, late_s=lambda i: 0.08 if i == 30 else 0.0)
    chunks, timeline = run(stream)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert not timeline.tally


def test_a_burst_after_a_pause_of_the_radio_is_no_gap() -> None:
    samples = signal(3000)
    stream = packets(samples, start_s=0.0)
    for i in range(40, 60):  # stamped on arrival, all at once
        times = 1.2 + np.arange(20) * 1e-5 + i * 1e-4
        stream[i] = Packet(stream[i].samples, 1.2 + i * 1e-4, times)
    chunks, timeline = run(stream, tolerance_s=0.1)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert not timeline.tally


@pytest.mark.parametrize("size", [1, 20])
def test_a_packet_delivered_twice_is_left_out(size: int) -> None:
    samples = signal(600)
    stream = packets(samples, size)
    stream.insert(15, stream[14])
    chunks, timeline = run(stream)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert timeline.tally == {"repeated": size}


def test_a_packet_that_repeats_the_end_of_the_last_one_gives_only_what_is_new() -> None:
    samples = signal(600)
    stream = packets(samples)
    times = 77.0 + np.arange(190, 220) / RATE_HZ
    stream[10] = Packet(samples[190:220], float(times[-1]), times)
    chunks, timeline = run(stream)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert timeline.tally == {"repeated": 10}


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, -0.5])
def test_a_clock_that_jumps_costs_no_sample_and_is_told(jump_s: float) -> None:
    samples = signal(3000)
    stream = [
        Packet(packet.samples, packet.arrived_s, packet.times_s + (jump_s if i >= 100 else 0.0))
        for i, packet in enumerate(packets(samples))
        if packet.times_s is not None
    ]
    chunks, timeline = run(stream)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert timeline.tally == {"jump": 1}


def test_a_clock_that_drifts_is_followed_and_told() -> None:
    samples = signal(60_000)
    stream = []
    for first in range(0, len(samples), 50):
        times = (first + np.arange(50)) / RATE_HZ * 1.002
        stream.append(Packet(samples[first : first + 50], float(times[-1]), times))
    chunks, timeline = run(stream, tolerance_s=0.03)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert set(timeline.tally) == {"drift"}
    assert 1 <= timeline.tally["drift"] <= 4  # not every second for hours
    assert timeline.measured_rate_hz == pytest.approx(RATE_HZ / 1.002, rel=5e-4)


def test_values_that_no_amplifier_gives_are_counted_and_left_to_who_mends_them() -> None:
    samples = signal(100)
    broken = samples.copy()
    broken[40:60, 1] = np.nan
    broken[0, 2] = np.inf
    chunks, timeline = run(packets(broken))
    np.testing.assert_array_equal(joined(chunks), broken)
    assert timeline.tally == {"replaced": 21}


def test_a_burst_of_values_that_are_not_finite_is_told_at_once_then_each_second_and_counted() -> None:
    samples = signal(5000)
    samples[1000:3500, 1] = np.nan
    chunks, timeline = run(packets(samples))
    told = [(note.time_s, note.samples) for chunk in chunks for note in chunk.notes if note.kind == "replaced"]
    assert told[0][0] == pytest.approx(1.0, abs=0.05)
    assert len(told) == 4
    assert sum(count for _, count in told) == timeline.tally["replaced"] == 2500


def counted(samples: np.ndarray, wrap: int = 0, size: int = 20) -> list[Packet]:
    counts = np.arange(len(samples)) % wrap if wrap else np.arange(len(samples))
    times = np.arange(len(samples)) / RATE_HZ
    return [
        Packet(samples[i : i + size], float(times[i : i + size][-1]), times[i : i + size], counts[i : i + size])
        for i in range(0, len(samples), size)
    ]


@pytest.mark.parametrize("wrap", [0, 256])
@pytest.mark.parametrize("lost", [(7, 8), (7, 30), (2, 60)])
def test_a_counter_tells_what_was_lost_to_the_sample(wrap: int, lost: tuple[int, int]) -> None:
    samples = signal(2000)
    stream = counted(samples, wrap)
    del stream[slice(*lost)]
    chunks, timeline = run(stream, wrap=wrap, tolerance_s=0.1)
    missing = 20 * (lost[1] - lost[0])
    assert timeline.tally == {"bridged" if missing <= 50 else "gap": missing}
    np.testing.assert_array_equal(joined(chunks)[-100:], samples[-100:])


def test_a_counter_is_not_misled_by_a_late_burst() -> None:
    samples = signal(3000)
    stream = counted(samples, 256)
    for i in range(40, 80):
        arrived = 1.6 + i * 1e-4
        stream[i] = Packet(stream[i].samples, arrived, arrived + np.arange(20) * 1e-6, stream[i].counts)
    chunks, timeline = run(stream, wrap=256, tolerance_s=0.1)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert not timeline.tally


def test_a_counter_tells_a_repeated_packet() -> None:
    samples = signal(2000)
    stream = counted(samples, 256)
    stream.insert(30, stream[29])
    chunks, timeline = run(stream, wrap=256, tolerance_s=0.1)
    np.testing.assert_array_equal(joined(chunks), samples)
    assert timeline.tally == {"repeated": 20}


def test_time_away_counts_as_lost_when_the_device_starts_anew() -> None:
    samples = signal(1000)
    timeline = Timeline(TimelineConfig(RATE_HZ, 3))
    chunks = [chunk for packet in packets(samples[:500]) for chunk in timeline.feed(packet)]
    timeline.interrupt()
    again = Packet(samples[500:520], 77.499 + 3.02, np.arange(20) / RATE_HZ)
    chunks += timeline.feed(again)
    assert timeline.tally == {"gap": 3000}
    assert chunks[-1].time_s == pytest.approx(3.5)
    np.testing.assert_array_equal(chunks[-1].samples, samples[500:520])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_sample_is_lost_or_invented_untold(data: st.DataObject) -> None:
    """Whatever is dropped or doubled, the samples out are those in, less repeats, plus bridges, and time adds up."""
    samples = signal(1200, 3)
    stream = packets(samples, 20)
    fates = data.draw(st.lists(st.sampled_from("kkkkkkddr"), min_size=58, max_size=58))
    sent, delivered, doubled = [stream[0]], 20, 0
    for packet, fate in zip(stream[1:-1], fates, strict=True):
        copies = {"k": 1, "d": 0, "r": 2}[fate]
        sent += [packet] * copies
        delivered += 20 * min(copies, 1)
        doubled += 20 * (copies == 2)
    sent.append(stream[-1])
    delivered += 20
    chunks, timeline = run(sent)
    assert timeline.tally["repeated"] == doubled
    assert len(joined(chunks)) == delivered + timeline.tally["bridged"]
    assert delivered + timeline.tally["bridged"] + timeline.tally["gap"] == timeline.position == 1200
