"""Words of a command line in, checked options out: the parser of every verb, with one kind of help.

Options are shown with hyphens and may be written with underscores. Old spellings (`emgasr.cli.options.renamed`) work
and warn. A bad option is one line that names what to do, not a page of usage.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from emgasr.cli.options.renamed import MANY, Renamed, renamed_of
from emgasr.config.renamed import renamed_line, warn
from emgasr.errors import ConfigError

PROGRAM = "emgasr"
_METAVARS = {int: "N", float: "X", Path: "PATH", None: "TEXT"}


class Help(argparse.HelpFormatter):
    """Help whose usage line holds what must be given, and whose options show their defaults as plain values."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)

    def _format_usage(
        self, usage: str | None, actions: Iterable[argparse.Action], groups: Any, prefix: str | None
    ) -> str:
        if usage is not None:
            return super()._format_usage(usage, actions, [], prefix)
        actions = list(actions)
        named = [(action, self._get_default_metavar_for_optional(action)) for action in actions if action.required]
        words = [self._format_args(action, action.dest) for action in actions if not action.option_strings]
        words += [
            f"{action.option_strings[0]} {self._format_args(action, name)}"
            for action, name in named
            if action.option_strings
        ]
        words += ["[options]"] if len(words) < len(actions) else []
        return f"{'usage: ' if prefix is None else prefix}{' '.join((self._prog, *words))}\n\n"

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap a paragraph; what has lines of its own keeps them."""
        return text if "\n" in text else "\n".join(indent + line for line in self._split_lines(text, width))

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Wrap between words alone, so that `--rest-seconds` stays in one piece."""
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _expand_help(self, action: argparse.Action) -> str:
        text = super()._expand_help(action)
        default = action.default
        if any(default is none for none in (None, False, argparse.SUPPRESS)) or default == [] or "default" in text:
            return text
        shown = " ".join(map(str, default)) if isinstance(default, list | tuple) else default
        return f"{text} (default {shown:g})" if isinstance(shown, float) else f"{text} (default {shown})"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return _METAVARS.get(action.type, "TEXT")  # type: ignore[arg-type]


class ArgumentParser(argparse.ArgumentParser):
    """argparse's parser with the manners of every verb; options must be written in full.

    Args:
        prog: the verb, as in `emgasr lm build`.
        description: what the verb does, in a sentence or two.
        examples: command lines that the help ends with.
        notes: what the help says before them, line by line.
    """

    def __init__(
        self,
        prog: str,
        description: str = "",
        examples: Sequence[str] = (),
        notes: str = "",
        **options: Any,
    ) -> None:
        options = {"allow_abbrev": False, "formatter_class": Help, **options}
        super().__init__(prog=prog, description=description, **options)
        self.examples = tuple(examples)
        self.notes = notes
        self.renamed = renamed_of(self.verb)

    @property
    def verb(self) -> str:
        """The verb, as in `lm build`."""
        return self.prog.removeprefix(PROGRAM).strip()

    def format_help(self) -> str:
        """Return the help, which ends with examples."""
        shown = "\n".join(f"  {example}" for example in self.examples)
        examples = f"{'examples' if len(self.examples) > 1 else 'example'}:\n{shown}" if shown else ""
        self.epilog = "\n\n".join(filter(None, (self.notes, examples)))
        return super().format_help()

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Return the options, and no words besides: a ConfigError names the first word that no option takes."""
        words = hyphened(sys.argv[1:] if args is None else args)
        old = [renamed for renamed in self.renamed if renamed.old.startswith("--") and _holds(words, renamed.old)]
        for renamed in old:
            self._check_once(words, renamed)
            words = self._respelled(words, renamed)
        found, left = self._parsed(words, namespace, old)
        if old:
            warn(renamed_line(self.verb, {renamed.old: renamed.new for renamed in old}))
        if left:
            self._refuse(left[0])
        return found, left

    def _parsed(self, words: list[str], namespace: Any, old: list[Renamed]) -> tuple[Any, list[str]]:
        """Parse words; where an option has replaced the last positional, a word that is left over is its value."""
        renamed = next((renamed for renamed in self.renamed if not renamed.old.startswith("--")), None)
        if renamed is None or _holds(words, renamed.new) or {"-h", "--help"} & set(words):
            return super().parse_known_args(words, namespace)
        option = self._option_string_actions[renamed.new]
        required, option.required = option.required, False
        try:
            found, left = super().parse_known_args(words, namespace)
        finally:
            option.required = required
        if len(left) == 1 and not left[0].startswith("-"):
            old.append(renamed)
            setattr(found, option.dest, self._get_value(option, left.pop()))
        elif required and not left:
            self.error(f"the following arguments are required: {renamed.new}")
        return found, left

    def _respelled(self, words: list[str], renamed: Renamed) -> list[str]:
        """Return the words with an old option's spelling replaced by the new one, or moved to the positionals."""
        if not renamed.new.startswith("--"):
            return _moved(words, renamed, alone=len(self._get_positional_actions()) == 1)
        return [renamed.new + word.removeprefix(renamed.old) if _holds([word], renamed.old) else word for word in words]

    def error(self, message: str) -> NoReturn:
        """Raise a ConfigError with argparse's own message."""
        raise ConfigError(self.verb, message, f"`{self.prog} --help` lists the options")

    def _check_once(self, words: Sequence[str], renamed: Renamed) -> None:
        """Refuse an option that is given by its old spelling and by its new one: which of the two counts?"""
        names = [word.partition("=")[0] for word in words]
        for name in names:
            new = renamed.new + name.removeprefix(renamed.old)
            if renamed.new.startswith("--") and _holds([name], renamed.old) and new in names:
                raise ConfigError(
                    self.verb, f"{name} is the old spelling of {new}, which is there too", "leave one out"
                )

    def _refuse(self, word: str) -> NoReturn:
        name = word.partition("=")[0]
        known = [option for option in self._option_string_actions if option.startswith("--")]
        near = difflib.get_close_matches(name[:80], known, n=1) if name.startswith("-") else []
        what = "unknown option" if name.startswith("-") else "one word too many:"
        raise ConfigError(
            self.verb,
            f"{what} {name}",
            f"did you mean {near[0]}?" if near else f"`{self.prog} --help` lists the options",
        )


def hyphened(words: Iterable[str]) -> list[str]:
    """Return the words with every option spelled with hyphens: `--lm_weight=2` is `--lm-weight=2`."""
    found: list[str] = []
    for word in words:
        if word.startswith("--") and len(word) > 2 and "--" not in found:
            name, equals, value = word.partition("=")
            word = name.replace("_", "-") + equals + value
        found.append(word)
    return found


def _holds(words: Sequence[str], option: str) -> bool:
    """Whether an option is among the words, or one of the section that is called so."""
    return any(word == option or word.startswith((option + "=", option + ".")) for word in words)


def _moved(words: list[str], renamed: Renamed, alone: bool) -> list[str]:
    """Return the words with an option's values put behind the positionals that stand at the beginning.

    Where none stands there and the values are not `alone`, the others come later: the values go to the end.
    """
    at = next(place for place, word in enumerate(words) if word.partition("=")[0] == renamed.old)
    _, equals, value = words[at].partition("=")
    if equals:
        values, behind = [value], at + 1
    else:
        behind = at + 1
        while behind < len(words) and not words[behind].startswith("-"):
            behind += 1
            if not renamed.new.endswith(MANY):
                break
        values = words[at + 1 : behind]
    rest = words[:at] + words[behind:]
    front = next((place for place, word in enumerate(rest) if word.startswith("-")), len(rest))
    if not front and not alone:
        return [*rest, *values]
    return [*rest[:front], *values, *rest[front:]]
