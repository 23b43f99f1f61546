"""`emgasr lm build | train-neural | mix | prune | score | info | lexicon`: text in, language models out, and back."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet

TRAIN_NEURAL = "train-neural"
FILES = "language model: .lm, .arpa or .arpa.gz"
KINDS = "by its name: .lm (compact, opened at once), .arpa or .arpa.gz"


def run(argv: list[str]) -> int:
    """Run one of the commands; return the exit code (130 when Ctrl-C stopped a training)."""
    options = parser(TRAIN_NEURAL in argv).parse_args(argv)
    if options.command == "mix" and (options.weights is None) == (options.held_out is None):
        parser().error("mix needs either --weights or --held-out")
    if options.command == "prune" and (options.threshold is None) == (options.ngrams is None):
        parser().error("prune needs either --threshold or --ngrams")

    from emgasr.cli.language.tables import show

    result = _command_of(options.command)(options)
    if result.get("interrupted"):
        return 130
    if options.json:
        print_json(result)
    else:
        show(result)
    return 0


def _command_of(name: str) -> Callable[[argparse.Namespace], dict[str, Any]]:
    if name == TRAIN_NEURAL:
        from emgasr.cli.language.neural import train_neural

        return train_neural
    from emgasr.cli.language import commands

    found: Callable[[argparse.Namespace], dict[str, Any]] = getattr(commands, name)
    return found


def parser(training: bool = True) -> ArgumentParser:
    """Return the parser of the verb; without `training` train-neural has no options, as they load PyTorch."""
    made = ArgumentParser(
        prog="emgasr lm",
        description="Estimate, mix, prune and query n-gram language models, and train neural ones.",
        examples=(
            "emgasr lm build text.txt --order 6 --out en.lm",
            "emgasr lm mix en.lm mine.lm --held-out letters.txt --out both.lm",
            "emgasr lm prune both.lm --ngrams 150000 --out small.arpa.gz",
            "emgasr lm score en.lm letters.txt",
            "emgasr lm train-neural text.txt --out neural --ngram en.lm --fit.minutes 30",
        ),
    )
    commands = made.add_subparsers(required=True, prog=made.prog, dest="command", metavar="COMMAND", help="what to do")

    build = _command(
        commands, "build", "estimate a model (modified Kneser-Ney, as lmplz) from text files", made.examples[:1]
    )
    _add_text(build, "text", nargs="+")
    build.add_argument("--order", type=int, default=6, metavar="N", help="longest n-gram, 1 to 8")
    counts = (
        "leave out n-grams that come at most so often: a number an order, the last for all higher (as lmplz --prune)"
    )
    build.add_argument("--prune", type=int, nargs="+", default=[], metavar="COUNT", help=counts)
    builder = (
        "own, lmplz (KenLM's, on the PATH), or auto (default): lmplz for large texts where it is there; same models"
    )
    build.add_argument("--builder", choices=("auto", "own", "lmplz"), default="auto", help=builder)

    mix = _command(commands, "mix", "interpolate models (general and a person's own, say) into one", made.examples[1:2])
    mix.add_argument("models", type=Path, nargs="+", metavar="MODEL", help="two models or more")
    mix.add_argument("--weights", type=float, nargs="+", metavar="W", help="a weight a model, instead of tuned ones")
    _add_text(mix, "--held-out", nargs="+", tuned=True)

    prune = _command(
        commands, "prune", "drop the n-grams that a model loses least by (Stolcke 1998)", made.examples[2:3]
    )
    prune.add_argument("model", type=Path, metavar="MODEL", help=FILES)
    threshold = "drop those without which the perplexity grows by a smaller part (as SRILM -prune)"
    prune.add_argument("--threshold", type=float, metavar="T", help=threshold)
    prune.add_argument("--ngrams", type=int, metavar="N", help="keep so many of all lengths at most, instead")
    decimals = "round base-10 logarithms to so many decimals, 1 to 9, for a smaller ARPA file"
    prune.add_argument("--decimals", type=int, metavar="D", help=decimals)

    score = _command(
        commands, "score", "perplexity and unknown symbols of text files under a model", made.examples[3:4]
    )
    score.add_argument("model", type=Path, metavar="MODEL", help=f"{FILES}, or the folder of a neural model")
    _add_text(score, "text", nargs="+")
    mixed = "with a neural model: an n-gram model whose perplexity, and that of their mixture, is printed beside"
    score.add_argument("--ngram", type=Path, metavar="FILE", help=mixed)

    neural = _command(
        commands, TRAIN_NEURAL, "train a neural model (ten million parameters at most)", made.examples[4:]
    )
    if training:
        from emgasr.cli.language.neural import add_options

        add_options(neural)

    info = _command(commands, "info", "order, counts, symbols and sizes of a model", ("emgasr lm info en.lm",))
    info.add_argument("model", type=Path, metavar="MODEL", help=FILES)

    example = "emgasr lm lexicon flashlight.txt --out words.txt"
    lexicon = _command(
        commands, "lexicon", "make a list of words, as --lexicon reads it, of a flashlight lexicon", (example,)
    )
    lexicon.add_argument(
        "lexicon", type=Path, metavar="LEXICON", help="a word and its tokens a line: `cab<TAB>c a b |`"
    )
    lexicon.add_argument("--word-end", default="|", metavar="SIGN", help="token between words")
    lexicon.add_argument("--model", type=Path, metavar="MODEL", help="leave out what this model's symbols cannot write")

    for command in (build, mix, prune):
        add_out(command, f"model to write, {KINDS}", metavar="FILE")
    add_out(lexicon, "list of words to write", metavar="FILE")
    for command in (build, neural, mix, prune, score, info, lexicon):
        add_json(command)
    for command in (build, score):
        add_quiet(command)
    return made


def _command(commands: Any, name: str, what: str, examples: Sequence[str]) -> ArgumentParser:
    made: ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", examples=examples
    )
    return made


def _add_text(command: argparse.ArgumentParser, name: str, nargs: str, tuned: bool = False) -> None:
    what = "UTF-8 text, a sentence a line"
    if tuned:
        what = "text that no model was built from and nothing is tested on: the weights are tuned on it (EM)"
    command.add_argument(name, type=Path, nargs=nargs, metavar="TEXT", help=what)
    made = "what a text is made of"
    command.add_argument("--symbols", choices=("keystrokes", "characters", "words"), default="keystrokes", help=made)
    command.add_argument("--lowercase", action="store_true", help="lower the text's capitals first")
