"""`emgasr lm train-neural TEXT... --out FOLDER`: text and a configuration in; a neural language model's folder out."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_out, add_quiet
from emgasr.cli.progress import fit_progress
from emgasr.errors import OutputError

PROGRAM = "emgasr lm train-neural"


def add_options(command: ArgumentParser) -> None:
    """Add the options of `train-neural`."""
    command.add_argument(
        "text",
        nargs="*",
        metavar="TEXT",
        help="UTF-8 text, a sentence a line; default with --resume: the run's own",
    )
    add_out(command, "where model/, log.jsonl, checkpoint.pt and training.yaml go", overwrite=False)
    command.add_argument("--resume", action="store_true", help="go on with the run in --out, by its own configuration")
    add_quiet(command)
    _configuration().add_to(command)


def train_neural(options: argparse.Namespace) -> dict[str, Any]:
    """Train a neural language model, or resume; `interrupted` in the result says that Ctrl-C stopped it."""
    resolved = options.out / "training.yaml"
    if options.resume and not resolved.is_file():
        raise OutputError(options.out, "holds no run to resume (no training.yaml)", "start it without --resume")
    texts: dict[str, Any] = {"texts": list(options.text)} if options.text else {}
    config = _configuration().read(options, PROGRAM, [resolved] if options.resume else [], **texts)
    from emgasr.training.language.run import train_language

    with fit_progress(quiet=options.quiet) as report:
        trained = train_language(config, options.out, resume=options.resume, report=report, log=_say)
    fitted, compared = trained.fitted, trained.compared
    if compared is None:
        _say(f"stopped at step {fitted.steps}; continue with --resume --out {options.out}")
        return {"interrupted": True}
    found = {
        "model": str(options.out / "model"),
        "parameters": trained.parameters,
        "symbols": trained.symbols,
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "minutes": round(fitted.minutes, 3),
        "perplexity_per_character": compared.neural,
    }
    if compared.ngram is not None:
        beside = {"ngram": config.ngram, "ngram_perplexity_per_character": compared.ngram}
        found |= beside | {"mixed_perplexity_per_character": compared.mixed, "ngram_share": compared.ngram_share}
    return found


def _say(line: str) -> None:
    print(f"emgasr: {line}", file=sys.stderr)


def _configuration() -> ConfigOptions[Any]:
    from emgasr.training.language.config import LanguageTrainingConfig

    return ConfigOptions(LanguageTrainingConfig, {}, apart=("texts",))
