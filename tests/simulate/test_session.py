"""A simulated recording: the same for the same seeds, plausible as EMG, and true to its labels."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.signal import welch

from emgasr.errors import DataError
from emgasr.recording import Events, Recording
from emgasr.simulate import SPLIT_SEEDS, simulate_person, simulate_session


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return [simulate_session(simulate_person(seed), 0, minutes=1.0) for seed in range(4)]


def typing(recording: Recording) -> np.ndarray:
    prompts = recording.spans.of_kind("prompt")
    return np.concatenate([recording.read(a, b) for a, b in zip(prompts.start_s, prompts.end_s, strict=True)])


def resting(recording: Recording) -> np.ndarray:
    rests = recording.spans.of_kind("rest")
    inner = [(a + 0.4, b - 0.4) for a, b in zip(rests.start_s, rests.end_s, strict=True) if b - a > 1.5]
    return np.concatenate([recording.read(a, b) for a, b in inner])


def test_rest_before_the_first_prompt_is_as_long_as_asked_and_quiet() -> None:
    recording = simulate_session(simulate_person(1), 0, minutes=0.8, rest_minutes=0.4)
    rests = recording.spans.of_kind("rest")
    first = float(rests.end_s[0])
    assert rests.start_s[0] == 0.0
    assert 24 + 3 <= first <= 24 + 5
    assert recording.events.time_s[0] > first
    resting, typing = recording.read(1.0, first - 1.0), recording.read(first, first + 10.0)
    assert resting.std() < 0.5 * typing.std()


def test_a_session_is_two_rings_of_sixteen_electrodes_at_2_khz(recordings: list[Recording]) -> None:
    for seed, recording in enumerate(recordings):
        assert recording.samples.shape == (120_000, 32)
        assert recording.read().dtype == np.float32
        assert np.isfinite(recording.read()).all()
        assert (recording.rate_hz, recording.unit, recording.origin) == (2000.0, "uV", "simulated")
        assert [(band.name, len(band.electrodes), band.ring) for band in recording.bands] == [
            ("left", 16, True),
            ("right", 16, True),
        ]
        assert (recording.subject, recording.session) == (f"sim000{seed}", f"sim000{seed}-000")


def test_labels_lie_inside_the_recording(recordings: list[Recording]) -> None:
    for recording in recordings:
        assert recording.events.time_s[0] > 0
        assert np.nanmax(recording.events.release_s) <= recording.duration_s
        assert recording.spans.end_s.max() <= recording.duration_s == 60.0


def test_rest_is_a_few_microvolts_and_typing_ten_times_that(recordings: list[Recording]) -> None:
    for recording in recordings:
        rest, active = resting(recording).std(axis=0), typing(recording)
        assert 1.5 < np.median(rest) < 6
        assert 20 < active.std(axis=0).max() < 300
        assert 100 < np.percentile(np.abs(active), 99.9, axis=0).max() < 3000


@pytest.mark.slow
def test_the_spectrum_lies_between_20_and_450_hz_with_its_peak_below_150(recordings: list[Recording]) -> None:
    for recording in recordings:
        frequency, power = welch(typing(recording), 2000.0, nperseg=512, axis=0)
        total = power.mean(axis=1)
        assert 40 < frequency[np.argmax(total)] < 150
        assert total[(frequency >= 20) & (frequency <= 450)].sum() > 0.95 * total.sum()


def test_energy_rises_before_the_key_and_falls_after_the_release() -> None:
    press_s = 2.0 + 1.5 * np.arange(40)
    keys = tuple("fj" * 20)
    recording = simulate_session(simulate_person(1), 0, events=Events(press_s, press_s + 0.09, keys))
    for hand in (0, 1):
        windows = np.stack([recording.read(t - 0.6, t + 0.7)[:, hand * 16 : hand * 16 + 16] for t in press_s[hand::2]])
        level = np.sqrt((windows**2).mean(axis=(0, 2)).reshape(-1, 40).mean(axis=1))  # 20 ms steps from -0.6 s
        time_s = -0.6 + 0.02 * np.arange(level.size)
        quiet = level[time_s < -0.35].mean()
        onset_s = time_s[np.argmax((level > 2 * quiet) & (time_s > -0.35))]
        assert -0.25 < onset_s < -0.04
        assert -0.1 < time_s[np.argmax(level)] < 0.15
        assert level[time_s > 0.35].mean() < 1.5 * quiet


def test_a_hand_works_for_its_own_keys() -> None:
    press_s = 1.0 + 0.8 * np.arange(40)
    recording = simulate_session(simulate_person(2), 0, events=Events(press_s, press_s + 0.09, tuple("sdfew" * 8)))
    strike, idle = (
        np.median([recording.read(t + start, t + start + 0.15).std(axis=0) for t in press_s], axis=0)
        for start in (-0.1, 0.4)
    )
    assert (strike[:16] > 2 * idle[:16]).sum() >= 12
    assert strike[16:] == pytest.approx(idle[16:], rel=0.35)


@pytest.mark.process
@pytest.mark.slow
def test_the_same_seeds_make_the_same_recording_in_another_process(recordings: list[Recording]) -> None:
    code = (
        "import hashlib; from emgasr.simulate import *; r = simulate_session(simulate_person(2), 0, minutes=1.0);"
        "print(hashlib.sha256(r.read().tobytes()).hexdigest(), r.events.time_s.sum())"
    )
    import hashlib

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == hashlib.sha256(recordings[2].read().tobytes()).hexdigest()
    assert float(told[1]) == recordings[2].events.time_s.sum()


@pytest.mark.slow
def test_sessions_of_one_person_differ_and_people_differ_more() -> None:
    press_s = 1.0 + 0.5 * np.arange(60)
    events = Events(press_s, press_s + 0.09, tuple("fdsjkl" * 10))

    def pattern(person: int, session: int) -> np.ndarray:
        return np.log(simulate_session(simulate_person(person), session, events=events).read().std(axis=0))

    patterns = {(p, s): pattern(p, s) for p in range(4) for s in range(2)}
    sessions = [np.abs(patterns[p, 0] - patterns[p, 1]).mean() for p in range(4)]
    people = [np.abs(patterns[p, 0] - patterns[q, 0]).mean() for p in range(4) for q in range(p)]
    assert 0.02 < np.mean(sessions) < 0.7 * np.mean(people)


def test_prompts_without_minutes_are_typed_once_in_order() -> None:
    recording = simulate_session(simulate_person(0), 0, prompts=["one two", "three"])
    assert recording.spans.of_kind("prompt").texts == ("one two\n", "three\n")


def test_default_prompts_are_those_of_the_persons_split() -> None:
    from emgasr.simulate import default_prompts

    person = simulate_person(SPLIT_SEEDS["test"].start)
    texts = simulate_session(person, 0, minutes=0.5).spans.of_kind("prompt").texts
    assert person.split == "test"
    assert {text.rstrip("\n") for text in texts} <= set(default_prompts("test"))


def test_replayed_events_keep_their_times_and_keys() -> None:
    events = Events(np.array([1.0, 1.1, 3.0, 70.0]), np.array([1.08, np.nan, 3.1, 70.1]), ("h", "i", "Key.f12", "x"))
    recording = simulate_session(simulate_person(0), 0, events=events, minutes=1.0)
    assert recording.events.keys == ("h", "i", "Key.f12")
    assert recording.events.time_s.tolist() == [1.0, 1.1, 3.0]
    assert recording.duration_s == pytest.approx(4.1)


@pytest.mark.parametrize(
    "task",
    [
        {"prompts": []},
        {"prompts": ["a\u00e9"]},
        {"prompts": ["long enough not to fit"], "minutes": 0.01},
        {"minutes": 0.0},
        {"minutes": float("nan")},
        {"events": Events.empty()},
        {"events": Events(np.array([-1.0]), np.array([0.0]), ("a",))},
        {"events": Events(np.array([1.0]), np.array([1.1]), ("a",)), "prompts": ["a"]},
    ],
)
def test_a_task_that_cannot_be_typed_is_refused(task: dict) -> None:
    with pytest.raises(DataError):
        simulate_session(simulate_person(0), 0, **task)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(DataError, match="seed"):
        simulate_person(-1)
    with pytest.raises(DataError, match="seed"):
        simulate_session(simulate_person(0), -1, minutes=1.0)


def test_splits_never_share_a_person() -> None:
    people = [seed for seeds in SPLIT_SEEDS.values() for seed in seeds]
    assert len(set(people)) == len(people)
    assert simulate_person(SPLIT_SEEDS["validation"].start).split == "validation"
