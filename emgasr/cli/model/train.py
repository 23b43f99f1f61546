"""`emgasr train MANIFEST --out FOLDER`: recordings and a configuration in; a folder with model, log, checkpoint out."""

from __future__ import annotations

import os
import sys

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet
from emgasr.cli.progress import fit_progress
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
    config = training.read(options, "train", [resolved] if options.resume else [], **manifest)
    from emgasr.training.run import train

    first = os.environ.get("RANK", "0") == "0"  # one process that torchrun started speaks for all
    with fit_progress(quiet=options.quiet or not first) as report:
        fitted = train(
            config,
            options.out,
            resume=options.resume,
            other_data=options.other_data,
            report=report,
            log=lambda line: print(f"emgasr: {line}", file=sys.stderr),
        )
    if not first:
        return 130 if fitted.interrupted else 0
    if fitted.interrupted:
        print(f"emgasr: stopped at step {fitted.steps}; continue with --resume --out {options.out}", file=sys.stderr)
        return 130
    if options.json:
        found = {"model": str(options.out / "model"), "cer": fitted.best, "best_step": fitted.best_step}
        print_json({**found, "steps": fitted.steps, "minutes": round(fitted.minutes, 3)})
        return 0
    print(
        f"{options.out}/model: validation CER {100 * fitted.best:.2f} % (step {fitted.best_step} of {fitted.steps},"
        f" {fitted.minutes:.1f} minutes)"
    )
    return 0


def parser(training: ConfigOptions | None = None) -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Train a recognizer on the recordings of a manifest. What is trained, and how, stands in YAML "
        "files (--config) and in single options over them.",
        examples=(
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
