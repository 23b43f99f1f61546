"""Words become drives of muscles: each letter its own muscles, at its own time, never twice the same."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.simulate.articulation import (
    Articulation,
    articulation_drive,
    daily,
    learn_articulation,
    mouth,
    place_of_letter,
)
from emgasr.simulate.muscles import DRIVE_RATE_HZ
from emgasr.simulate.places import FACE, PLACES

NAMES = tuple(FACE)
PAUSE_S = (1.0, 1.5)


@pytest.fixture(scope="module")
def person() -> Articulation:
    return learn_articulation(np.random.default_rng(3), PLACES["face"])


def mean_drive(person: Articulation, word: str, takes: int = 20) -> np.ndarray:
    """Mean drive (M,) of the muscles while a word is mouthed."""
    rng = np.random.default_rng(0)
    mouthed = mouth([word] * takes, person, PAUSE_S, rng)
    drive = articulation_drive(person, mouthed, rng)
    parts = [
        drive[round(start * DRIVE_RATE_HZ) : round(end * DRIVE_RATE_HZ)]
        for start, end in zip(mouthed.start_s, mouthed.end_s, strict=True)
    ]
    return np.asarray(np.concatenate(parts).mean(axis=0))


def test_lips_close_for_m_and_the_tongue_lifts_for_t(person: Articulation) -> None:
    lips, tongue = NAMES.index("ORI"), NAMES.index("GEN")
    m, t = mean_drive(person, "mmm"), mean_drive(person, "ttt")
    assert m[lips] > 3 * t[lips]
    assert t[tongue] > 3 * m[tongue]


def test_words_of_other_letters_differ_more_than_takes_of_one_word(person: Articulation) -> None:
    same = np.linalg.norm(mean_drive(person, "yes", 4) - mean_drive(person, "yes", 40))
    other = np.linalg.norm(mean_drive(person, "yes", 40) - mean_drive(person, "home", 40))
    assert other > 3 * same


def test_letters_follow_each_other_in_their_order(person: Articulation) -> None:
    rng = np.random.default_rng(1)
    mouthed = mouth(["mmtt"] * 30, person, PAUSE_S, rng)
    drive = articulation_drive(person, mouthed, rng)
    lips, tongue = NAMES.index("ORI"), NAMES.index("GEN")
    time = np.arange(len(drive)) / DRIVE_RATE_HZ
    for start, end in zip(mouthed.start_s, mouthed.end_s, strict=True):
        inside = (time >= start) & (time < end)
        weights = drive[inside][:, [lips, tongue]]
        centre = (weights * time[inside, None]).sum(axis=0) / weights.sum(axis=0)
        assert centre[0] < centre[1]


def test_takes_of_a_word_vary_in_length_and_strength(person: Articulation) -> None:
    rng = np.random.default_rng(2)
    mouthed = mouth(["water"] * 200, person, PAUSE_S, rng)
    lengths = mouthed.end_s - mouthed.start_s
    assert 0.08 < lengths.std() / lengths.mean() < 0.2
    drive = articulation_drive(person, mouthed, rng).sum(axis=1)
    efforts = [
        drive[round(start * DRIVE_RATE_HZ) : round(end * DRIVE_RATE_HZ)].mean()
        for start, end in zip(mouthed.start_s, mouthed.end_s, strict=True)
    ]
    assert 0.08 < np.std(efforts) / np.mean(efforts) < 0.5


def test_pauses_are_as_long_as_asked_and_hold_little_drive(person: Articulation) -> None:
    rng = np.random.default_rng(4)
    mouthed = mouth(["yes", "", "no"], person, PAUSE_S, rng)
    between = np.concatenate([mouthed.start_s, [mouthed.duration_s]]) - np.concatenate([[0.0], mouthed.end_s])
    assert between.min() >= PAUSE_S[0]
    assert between.max() <= PAUSE_S[1]
    drive = articulation_drive(person, mouthed, rng)
    silence, word = (
        drive[round(mouthed.start_s[i] * DRIVE_RATE_HZ) : round(mouthed.end_s[i] * DRIVE_RATE_HZ)].mean()
        for i in (1, 0)
    )
    assert silence < 0.25 * word


def test_a_day_shifts_every_muscle_a_little(person: Articulation) -> None:
    today = daily(person, np.random.default_rng(5))
    ratio = today.letters / person.letters
    assert np.ptp(ratio, axis=0) == pytest.approx(np.zeros(len(NAMES)), abs=1e-9)  # of a muscle, for all letters alike
    assert 0.03 < np.log(ratio[0]).std() < 0.25


@pytest.mark.parametrize(("letter", "like"), [("É", "e"), ("ü", "u"), ("A", "a")])
def test_accents_and_capitals_move_as_the_plain_letter(letter: str, like: str) -> None:
    assert place_of_letter(letter) == place_of_letter(like)


def test_any_sign_has_a_movement() -> None:
    assert {place_of_letter(sign) for sign in "да7水-'"} <= set(range(26))
    assert place_of_letter("7") != place_of_letter("8")
