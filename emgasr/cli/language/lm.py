"""`emgasr lm build | mix | score | info | lexicon`: text in, n-gram models in files out, and what they say of text."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser

KINDS = "by its name: .lm (compact, opened at once), .arpa or .arpa.gz"


def run(argv: list[str]) -> int:
    """Run one of build, mix, score, info and lexicon; return the exit code."""
    options = _parser().parse_args(argv)
    if options.command == "mix" and (options.weights is None) == (options.held_out is None):
        _parser().error("mix needs either --weights or --held-out")

    from emgasr.cli.language import commands as lm_commands
    from emgasr.cli.language.tables import show

    command: Callable[[argparse.Namespace], dict[str, Any]] = getattr(lm_commands, options.command)
    result = command(options)
    if options.json:
        print_json(result)
    else:
        show(result)
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="emgasr lm", description="Estimate, mix and query n-gram language models.")
    commands = parser.add_subparsers(required=True, dest="command", metavar="build | mix | score | info | lexicon")

    build = commands.add_parser("build", help="estimate a model (modified Kneser-Ney, as lmplz) from text files")
    _add_text(build, "text", nargs="+")
    build.add_argument("--order", type=int, default=6, metavar="N", help="longest n-gram, 1 to 8 (default 6)")
    prune = (
        "leave out n-grams that come at most so often: a number an order, the last for all higher (as lmplz --prune)"
    )
    build.add_argument("--prune", type=int, nargs="+", default=[], metavar="COUNT", help=prune)
    builder = (
        "own, lmplz (KenLM's, on the PATH), or auto (default): lmplz for large texts where it is there; same models"
    )
    build.add_argument("--builder", choices=("auto", "own", "lmplz"), default="auto", help=builder)

    mix = commands.add_parser("mix", help="interpolate models (general and a person's own, say) into one")
    mix.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="two or more")
    mix.add_argument("--weights", type=float, nargs="+", metavar="W", help="a weight a model, instead of tuned ones")
    _add_text(mix, "--held-out", nargs="+", tuned=True)

    score = commands.add_parser("score", help="perplexity and unknown symbols of text files under a model")
    score.add_argument("model", type=Path, metavar="MODEL")
    _add_text(score, "text", nargs="+")

    info = commands.add_parser("info", help="order, counts, symbols and sizes of a model")
    info.add_argument("model", type=Path, metavar="MODEL")

    lexicon = commands.add_parser(
        "lexicon", help="make a list of words, as --lexicon reads it, of a flashlight lexicon"
    )
    lexicon.add_argument(
        "lexicon", type=Path, metavar="LEXICON", help="a word and its tokens a line: `cab<TAB>c a b |`"
    )
    lexicon.add_argument("--word-end", default="|", metavar="SIGN", help="token between words (default |)")
    lexicon.add_argument("--model", type=Path, metavar="MODEL", help="leave out what this model's symbols cannot write")

    for command in (build, mix, lexicon):
        command.add_argument("--out", type=Path, required=True, metavar="FILE", help=f"file to write, {KINDS}")
        command.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    for command in (build, mix, score, info, lexicon):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _add_text(command: argparse.ArgumentParser, name: str, nargs: str, tuned: bool = False) -> None:
    what = "UTF-8 text, a sentence a line"
    if tuned:
        what = "text that no model was built from and nothing is tested on: the weights are tuned on it (EM)"
    command.add_argument(name, type=Path, nargs=nargs, metavar="TEXT", help=what)
    made = "what a text is made of (default keystrokes)"
    command.add_argument("--symbols", choices=("keystrokes", "characters", "words"), default="keystrokes", help=made)
    command.add_argument("--lowercase", action="store_true", help="lower the text's capitals first")
