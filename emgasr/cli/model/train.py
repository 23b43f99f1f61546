"""`emgasr train MANIFEST --out FOLDER`: recordings and a configuration in; a folder with model, log, checkpoint out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet
from emgasr.cli.progress import figures_line, fit_progress
from emgasr.errors import OutputError

PROGRAM = "emgasr train"


def run(argv: list[str]) -> int:
    """Train a recognizer, or resume; 0 when done, 130 when Ctrl-C stopped it (the checkpoint is then written).

    A run is resumed on the recordings that it was started on; with --other-data on others, which is then recorded.
    """
    training = _configuration()
    options = parser(training).parse_args(argv)
    resolved = options.out / "training.yaml"
    if options.resume and not resolved.is_file():
        raise OutputError(options.out, "holds no run to resume (no training.yaml)", "start it without --resume")
    manifest = {"manifest": options.manifest} if options.manifest else {}
    first = os.environ.get("RANK", "0") == "0"  # one process that torchrun started speaks for all

    def log(line: str) -> None:
        if first:
            print(f"emgasr: {line}", file=sys.stderr)

    beneath, free = ({}, ()) if options.resume else _beneath(training.given(options, "train") | manifest, options, log)
    config = training.read(options, "train", [resolved] if options.resume else [], beneath, **manifest)
    from emgasr.training.run import train

    with fit_progress(quiet=options.quiet or not first) as report:
        fitted = train(
            config,
            options.out,
            resume=options.resume,
            other_data=options.other_data,
            free=free,
            report=report,
            log=log,
        )
    if not first:
        return 130 if fitted.interrupted else 0
    if fitted.interrupted:
        print(f"emgasr: stopped at step {fitted.steps}; continue with --resume --out {options.out}", file=sys.stderr)
        return 130
    if options.json:
        found = {"model": str(options.out / "model"), **fitted.figures, "best_step": fitted.best_step}
        restarted = {"restarted_step": fitted.restarted_step} if fitted.restarted_step else {}
        print_json({**found, "steps": fitted.steps, "minutes": round(fitted.minutes, 3), **restarted})
        return 0
    print(
        f"{options.out}/model: validation {figures_line(fitted.figures)} (step {fitted.best_step} of {fitted.steps},"
        f" {fitted.minutes:.1f} minutes)"
    )
    return 0


def _beneath(
    given: Mapping[str, Any], options: argparse.Namespace, log: Callable[[str], None]
) -> tuple[dict[str, Any], frozenset[str]]:
    """Return what lies below all that is given, as the task at hand asks for it, and what may be fitted to the budget.

    Without a task a configuration of one's own stands as it is; what a preset chose is logged with its reasons.
    """
    task = given.get("task", "none" if options.config else "auto")
    if task == "none" or not given.get("manifest"):
        return {}, frozenset()
    from emgasr.training.presets import BUDGET_MINUTES, preset_for

    manifest = str(given["manifest"])
    judged = str(given.get("validation_manifest") or manifest), str(given.get("validation_split", "validation"))
    chosen = preset_for(manifest, str(given.get("train_split", "train")), judged, task, str(given.get("init", "")))
    fit = given.get("fit", {})
    values = {**chosen.values, "task": chosen.task}
    if chosen.values and not (fit.get("steps") or fit.get("minutes")):
        values["fit"] = {**values["fit"], "minutes": BUDGET_MINUTES}
    if not options.quiet:
        for what, because in chosen.reasons:
            log(f"{what} ({because})")
    free = {f"{section}.{name}" for section, names in chosen.free.items() for name in names}
    told = {f"{section}.{name}" for section, inside in given.items() if isinstance(inside, dict) for name in inside}
    return values, frozenset(free - told)


def parser(training: ConfigOptions | None = None) -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Train a recognizer on the recordings of a manifest. Without --config the labels say what is read "
        "(--task), and a preset for it is fitted to the recordings, the machine and the budget. What was chosen, and "
        "why, is printed and stands in FOLDER/training.yaml. YAML files (--config) and single options go over it.",
        examples=(
            "emgasr train takes.jsonl --out run --fit.minutes 5",
            "emgasr train corpus.jsonl --out run --config recipes/emg2qwerty/conformer_s.yaml",
            "emgasr train corpus.jsonl --out run --encoder.kind tds --fit.minutes 10",
            "emgasr train --out run --resume",
        ),
    )
    made.add_argument(
        "manifest",
        nargs="?",
        metavar="MANIFEST",
        help="manifest of the recordings (`emgasr manifest`); default with --resume: the run's own",
    )
    add_out(made, "where model/, log.jsonl, checkpoint.pt and training.yaml go", overwrite=False)
    made.add_argument("--resume", action="store_true", help="go on with the run in --out, by its own configuration")
    made.add_argument("--other-data", action="store_true", help="with --resume: allow other recordings, and record it")
    add_json(made)
    add_quiet(made)
    (training or _configuration()).add_to(made)
    return made


def _configuration() -> ConfigOptions:
    from emgasr.training.config import KINDS, TrainingConfig

    return ConfigOptions(TrainingConfig, KINDS, apart=("manifest",))
