"""Questions with a guess and its reason in; answers from options, from a terminal or, if allowed, the guesses out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from emgasr.errors import ConfigError, EmgasrError

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Question(Generic[Answer]):
    """What to ask: its name, the option that answers it as well, how an answer is read, and a guess with its reason."""

    name: str
    option: str
    text: str
    parse: Callable[[str], Answer]  # raises an EmgasrError
    guess: str = ""
    reason: str = ""


@dataclass
class Answers:
    """Where answers come from.

    Args:
        terminal: whether someone can be asked.
        take_guesses: whether guesses are taken unasked.
        say: prints a line.
        read: prints a prompt and returns the line that was typed.
    """

    terminal: bool
    take_guesses: bool
    say: Callable[[str], None]
    read: Callable[[str], str]
    missing: list[str] = field(default_factory=list)

    def to(self, question: Question[Answer], given: Answer | None = None) -> Answer | None:
        """Return the answer: the one `given`, the guess, or what is typed; None, and noted as missing, without any."""
        if given is not None:
            return given
        if question.guess and self.take_guesses:
            self.say(f"{question.name}: {question.guess} ({question.reason}; else {question.option})")
            return question.parse(question.guess)
        if not self.terminal:
            self.missing.append(question.option + (f" (a guess: {question.guess})" if question.guess else ""))
            return question.parse(question.guess) if question.guess else None
        return self._asked(question)

    def check(self) -> None:
        """Raise a ConfigError that names the options whose answers are missing."""
        if self.missing:
            guessed = any("(a guess: " in one for one in self.missing)
            advice = "give them, or run it on a terminal" if not guessed else "give them, or pass --yes for the guesses"
            raise ConfigError("new", f"cannot know: {', '.join(self.missing)}", advice)

    def _asked(self, question: Question[Answer]) -> Answer:
        if question.reason:
            self.say(f"  {question.reason}")
        prompt = f"{question.text}{f' [{question.guess}]' if question.guess else ''}: "
        while True:
            try:
                typed = self.read(prompt).strip() or question.guess
            except EOFError as error:
                raise ConfigError("new", "the input has ended", f"answer, or pass {question.option}") from error
            if not typed:
                continue
            try:
                return question.parse(typed)
            except EmgasrError as error:
                self.say(f"  {error}")
