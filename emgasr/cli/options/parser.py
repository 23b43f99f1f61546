"""The parser of every verb: a bad option is one line that says what to do, not a page of usage."""

from __future__ import annotations

import argparse
from typing import NoReturn

from emgasr.errors import ConfigError


class ArgumentParser(argparse.ArgumentParser):
    """argparse's parser, whose errors are ConfigErrors; options must be written in full."""

    def __init__(self, *args: object, **options: object) -> None:
        options.setdefault("allow_abbrev", False)
        super().__init__(*args, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Raise a ConfigError with argparse's own message."""
        raise ConfigError(self.prog.removeprefix("emgasr "), message, f"`{self.prog} --help` lists the options")
