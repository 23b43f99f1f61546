"""Labels, sessions, people and takes are guessed from how the parts of the names vary."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from emgasr.quickstart.guesses import guess_pattern

TAKES = [f"{number:02d}" for number in range(6)]


def names(form: str, *parts: Sequence[str]) -> list[str]:
    return [form.format(*values) for values in itertools.product(*parts)]


@pytest.mark.parametrize(
    ("files", "pattern"),
    [
        (names("{}_{}.npy", "abc", TAKES), "{label}_{take}"),
        (names("{}_{}_{}.wav", ["yes", "no", "good_day"], ["s1", "s2"], TAKES), "{label}_{session}_{take}"),
        (names("{}_{}_take{}.npy", ["2020-01-01", "2020-02-03"], ["yes", "no"], TAKES), "{session}_{label}_take{take}"),
        (names("p{}/day{}/{}-{}.csv", "123", "12", ["yes", "no"], TAKES), "{subject}/{session}/{label}-{take}"),
        (names("takes/{}/{}.wav", ["yes", "no"], TAKES), "{label}/{take}"),
        (names("{}{}.wav", ["yes", "no"], TAKES), "{label}{take}"),
        (names("session_{}_{}_{}.wav", "123", ["up", "down"], TAKES), "session_{session}_{label}_{take}"),
        (names("{}_{}_{}.wav", "0123456789", "12", TAKES), "{label}_{session}_{take}"),
        (names("{}_{}_{}.wav", ["ann", "bob"], ["up", "down", "left"], TAKES), "{other}_{label}_{take}"),
        (names("emg {} {}.csv", ["up", "down"], TAKES), "emg {label} {take}"),
    ],
)
def test_the_label_is_what_stands_with_all_else(files: list[str], pattern: str) -> None:
    guess = guess_pattern(sorted(files))
    assert guess is not None
    assert guess.pattern.text == pattern
    assert guess.pattern.match_all(files)[1] == []


def test_a_part_that_comes_in_some_sessions_only_is_not_the_label() -> None:
    """As in the words of Somach: how a word is spoken is tied to the session, the words are not."""
    files = names("session_{}_covert_{}_{}.npy", "AB", ["up", "down", "rest"], TAKES)
    files += names("study_a_{}_{}_{}.npy", ["overt", "mouthing", "whispered"], ["up", "down", "rest"], TAKES)
    guess = guess_pattern(files)
    assert guess is not None
    assert guess.pattern.text == "{session+}_{other}_{label}_{take}"
    assert "3 labels (down, rest, up)" in guess.reason
    assert "3 sessions (session_A, session_B, study_a)" in guess.reason


@pytest.mark.parametrize("files", [["1.wav", "2.wav", "3.wav"], ["a.wav"], ["a/b/1.wav", "2.wav"]])
def test_without_a_part_that_repeats_there_is_no_guess(files: list[str]) -> None:
    assert guess_pattern(files) is None


def test_one_name_of_another_form_does_not_spoil_the_guess() -> None:
    files = [*names("{}_{}.npy", "abcd", TAKES), "x.npy"]
    guess = guess_pattern(files)
    assert guess is not None
    assert guess.pattern.match_all(files)[1] == ["x.npy"]
