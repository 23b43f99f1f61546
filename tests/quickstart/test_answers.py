"""Questions are answered by options, by guesses if allowed, by a person, or end in one line that names the options."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emgasr.errors import ConfigError
from emgasr.quickstart.answers import Answers, Question


def number(text: str) -> int:
    if not text.isdigit():
        raise ConfigError("--n", f"{text!r} is no number")
    return int(text)


OPEN = Question("n", "--n", "How many", number)
GUESSED = Question("m", "--m", "How much", number, "7", "most have seven")


def answers(*typed: str, terminal: bool = True, yes: bool = False) -> tuple[Answers, list[str]]:
    said: list[str] = []
    lines = iter(typed)

    def read(prompt: str) -> str:
        said.append(prompt)
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    return Answers(terminal, yes, said.append, read), said


@pytest.mark.parametrize("made", [lambda: answers(), lambda: answers(terminal=False), lambda: answers(yes=True)])
def test_what_is_given_is_never_asked(made: Callable[[], tuple[Answers, list[str]]]) -> None:
    asked, said = made()
    assert asked.to(GUESSED, 3) == 3
    asked.check()
    assert said == []


def test_enter_takes_the_guess_whose_reason_is_shown() -> None:
    asked, said = answers("\n")
    assert asked.to(GUESSED) == 7
    assert said == ["  most have seven", "How much [7]: "]


def test_an_answer_that_cannot_be_is_asked_again() -> None:
    asked, said = answers("many\n", "\n", "12\n")
    assert asked.to(OPEN) == 12
    assert "'many' is no number" in said[1]


def test_yes_takes_the_guesses_and_says_so() -> None:
    asked, said = answers(terminal=False, yes=True)
    assert asked.to(GUESSED) == 7
    asked.check()
    assert said == ["m: 7 (most have seven; else --m)"]


def test_without_a_terminal_one_line_names_all_that_is_missing() -> None:
    asked, _ = answers(terminal=False)
    assert asked.to(OPEN) is None
    assert asked.to(GUESSED) == 7
    with pytest.raises(ConfigError) as refused:
        asked.check()
    assert str(refused.value).startswith("new: cannot know: --n, --m (a guess: 7); give them, or pass --yes")


def test_yes_does_not_answer_what_has_no_guess() -> None:
    asked, _ = answers(terminal=False, yes=True)
    asked.to(OPEN)
    with pytest.raises(ConfigError, match="cannot know: --n;"):
        asked.check()


def test_an_input_that_ends_is_one_line() -> None:
    asked, _ = answers()
    with pytest.raises(ConfigError, match="pass --n"):
        asked.to(OPEN)
