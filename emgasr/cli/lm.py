"""`emgasr lm build | score | info`: text in, an n-gram model in a file out, and what it says of text."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emgasr.cli.parser import ArgumentParser
from emgasr.errors import DataError, OutputError
from emgasr.lm import estimate, read_model, write_model
from emgasr.lm.ngram import NGramModel
from emgasr.lm.texts import SYMBOLS, read_lines, sentences


def run(argv: list[str]) -> int:
    """Run one of build, score and info; return the exit code."""
    options = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], dict[str, Any]] = options.command
    result = command(options)
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        width = max(map(len, result))
        for name, value in result.items():
            print(f"{name.replace('_', ' '):{width}}  {_shown(value)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(prog="emgasr lm", description="Estimate n-gram language models from text and query them.")
    commands = parser.add_subparsers(required=True, metavar="build | score | info")

    build = commands.add_parser("build", help="estimate a model (modified Kneser-Ney, as lmplz) from text files")
    build.add_argument("text", type=Path, nargs="+", metavar="TEXT", help="UTF-8 text, a sentence a line")
    build.add_argument("--order", type=int, default=6, help="longest n-gram (default 6)")
    build.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write: .arpa, .arpa.gz or .lm")
    build.add_argument("--overwrite", action="store_true", help="replace the file if it exists")
    build.set_defaults(command=_build)

    score = commands.add_parser("score", help="perplexity and unknown symbols of text files under a model")
    score.add_argument("model", type=Path, metavar="MODEL")
    score.add_argument("text", type=Path, nargs="+", metavar="TEXT")
    score.set_defaults(command=_score)

    for command in (build, score):
        command.add_argument("--symbols", choices=SYMBOLS, default="keystrokes", help="what a text is made of")
        command.add_argument("--lowercase", action="store_true", help="lower the text's capitals first")

    info = commands.add_parser("info", help="order, counts and symbols of a model")
    info.add_argument("model", type=Path, metavar="MODEL")
    info.set_defaults(command=_info)

    for command in (build, score, info):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _build(options: argparse.Namespace) -> dict[str, Any]:
    if options.out.exists() and not options.overwrite:
        raise OutputError(options.out, "already exists", "choose another name or pass --overwrite")
    model = estimate(sentences(read_lines(options.text, options.lowercase), options.symbols), options.order)
    write_model(model, options.out)
    return {"model": str(options.out), **_summary(model)}


def _score(options: argparse.Namespace) -> dict[str, Any]:
    model = read_model(options.model)
    ln_p, length, unknown, count = 0.0, 0, 0, 0
    for sentence in sentences(read_lines(options.text, options.lowercase), options.symbols):
        scored = model.sentence(sentence)
        ln_p += scored.ln_p
        length += scored.length
        unknown += scored.unknown
        count += 1
    if not count:
        raise DataError(options.text[0], "holds no text", "give at least one line")
    return {
        "sentences": count,
        "symbols": length - count,
        "unknown": unknown,
        "ln_p": ln_p,
        "perplexity": math.exp(-ln_p / length),
    }


def _info(options: argparse.Namespace) -> dict[str, Any]:
    return {"model": str(options.model), **_summary(read_model(options.model))}


def _summary(model: NGramModel) -> dict[str, Any]:
    return {"order": model.order, "ngrams": model.counts, "symbols": sorted(model.symbols)}


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, list) and value and isinstance(value[0], str):
        shown = " ".join(repr(symbol)[1:-1] if symbol.strip() else "␣" for symbol in value[:100])
        return f"{len(value)}: {shown}{' …' if len(value) > 100 else ''}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
