"""Typing looks as it does in the corpus (facts of 1,135 sessions), and what is typed is the prompt."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.errors import DataError
from emgasr.simulate import default_prompts, simulate_person
from emgasr.simulate.keyboard import place_of_key
from emgasr.simulate.typist import Typed, type_prompts
from emgasr.tokens import Tokens


def typed_by(seed: int, minutes: float = 8.0) -> Typed:
    person = simulate_person(seed)
    rng = np.random.default_rng(seed)
    prompts = [default_prompts("train")[i] for i in rng.permutation(len(default_prompts("train")))]
    return type_prompts(prompts, person.habits, person.reaches, rng, 60 * minutes)


@pytest.fixture(scope="module")
def many() -> list[Typed]:
    return [typed_by(seed) for seed in range(40)]


@pytest.mark.parametrize(("percentile", "seconds"), [(5, 0.060), (25, 0.106), (50, 0.165), (75, 0.240), (95, 0.720)])
def test_intervals_between_keys_are_those_of_the_corpus(many: list[Typed], percentile: int, seconds: float) -> None:
    intervals = np.concatenate([np.diff(typed.events.time_s) for typed in many])
    assert np.percentile(intervals, percentile) == pytest.approx(seconds, rel=0.15)


@pytest.mark.parametrize(("percentile", "seconds"), [(5, 0.060), (50, 0.090), (95, 0.165)])
def test_keys_are_held_as_long_as_in_the_corpus(many: list[Typed], percentile: int, seconds: float) -> None:
    holds = np.concatenate([typed.events.release_s - typed.events.time_s for typed in many])
    assert np.percentile(holds, percentile) == pytest.approx(seconds, rel=0.15)


def test_a_fifth_of_presses_overlaps_the_next(many: list[Typed]) -> None:
    overlaps = np.concatenate([t.events.release_s[:-1] > t.events.time_s[1:] for t in many])
    assert np.mean(overlaps) == pytest.approx(0.206, abs=0.035)


def test_backspaces_are_as_common_and_run_as_long_as_in_the_corpus(many: list[Typed]) -> None:
    flags = np.concatenate([[key == "Key.backspace" for key in typed.events.keys] for typed in many])
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], flags, [0]]).astype(int))))[::2]
    assert np.mean(flags) == pytest.approx(0.043, abs=0.01)
    assert np.mean(runs == 1) == pytest.approx(0.54, abs=0.06)
    assert np.mean(runs == 2) == pytest.approx(0.24, abs=0.06)


def test_people_differ_in_speed_and_in_how_often_they_slip(many: list[Typed]) -> None:
    rates = [len(typed.events) / typed.duration_s for typed in many]
    slips = [np.mean([key == "Key.backspace" for key in typed.events.keys]) for typed in many]
    assert max(rates) > 1.5 * min(rates)
    assert max(slips) > 3 * min(slips)


def test_keys_render_to_the_prompts_that_were_asked_for() -> None:
    tokens, typed = Tokens.keystrokes(), typed_by(3)
    prompts = typed.spans.of_kind("prompt")
    assert len(prompts) > 30
    for start, end, text in zip(prompts.start_s, prompts.end_s, prompts.texts, strict=True):
        ids, _ = tokens.encode_keys(typed.events.between(start, end).keys)
        assert tokens.render(ids) == text


def test_no_finger_holds_a_key_when_it_presses_the_next(many: list[Typed]) -> None:
    for seed, typed in enumerate(many[:5]):
        reaches, last = simulate_person(seed).reaches, dict[tuple[int, int], float]()
        for press, release, key in zip(typed.events.time_s, typed.events.release_s, typed.events.keys, strict=True):
            reach = reaches[place_of_key(key) or ""]
            finger = (reach.hand, reach.finger)
            assert press >= last.get(finger, 0.0)
            last[finger] = release


def test_nobody_types_in_a_rest_and_spans_do_not_overlap(many: list[Typed]) -> None:
    for typed in many[:10]:
        rests = typed.spans.of_kind("rest")
        assert len(rests) >= 3
        assert all(len(typed.events.between(a, b)) == 0 for a, b in zip(rests.start_s, rests.end_s, strict=True))
        assert (typed.spans.start_s[1:] >= typed.spans.end_s[:-1]).all()
        assert typed.spans.end_s[-1] <= typed.duration_s == 480.0


def test_capitals_are_typed_with_the_other_hand_on_shift() -> None:
    person = simulate_person(0)
    keys = type_prompts(["AL"], person.habits, person.reaches, np.random.default_rng(1)).events.keys
    assert keys == ("Key.shift_r", "A", "Key.shift", "L", "Key.enter")


@pytest.mark.parametrize("prompt", ["", "   ", "na\u00efve", "a\tb"])
def test_a_prompt_that_cannot_be_typed_is_refused(prompt: str) -> None:
    person = simulate_person(0)
    with pytest.raises(DataError):
        type_prompts([prompt], person.habits, person.reaches, np.random.default_rng(0))
