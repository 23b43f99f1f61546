"""The parsers of the command line, each verb's and those of its sub-commands, for tests that read them all."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterator

from emgasr.cli import VERBS
from emgasr.cli.options.parser import ArgumentParser


def parsers() -> dict[str, ArgumentParser]:
    """Every parser by its verb, as in `evaluate` and `lm build`."""
    found: dict[str, ArgumentParser] = {}
    for verb, (module, _) in VERBS.items():
        parser = importlib.import_module(module).parser()
        found[verb] = parser
        found |= {f"{verb} {name}": inner for name, inner in commands(parser).items()}
    return found


def commands(parser: argparse.ArgumentParser) -> dict[str, ArgumentParser]:
    """The sub-commands of a parser."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The options of a parser, but for --help."""
    for action in parser._actions:
        if action.option_strings and action.dest != "help":
            yield action


def positionals(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """What a parser takes by its place."""
    for action in parser._actions:
        if not action.option_strings:
            yield action
