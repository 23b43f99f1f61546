"""`emgasr train`: a manifest and a configuration in; a folder with the best model, its log and its checkpoint out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import ConfigError, OutputError


def run(argv: list[str]) -> int:
    """Train a recognizer, or resume; 0 when done, 130 when Ctrl-C stopped it (the checkpoint is then written).

    A run is resumed on the recordings that it was started on; with --other-data on others, which is then recorded.
    """
    places = ArgumentParser(prog="emgasr train", add_help=False)
    places.add_argument("--out")
    places.add_argument("--resume", action="store_true")
    places.add_argument("--other-data", action="store_true")
    known, options = places.parse_known_args(argv)

    from emgasr.cli.model.progress import progress
    from emgasr.config.parsing import from_command_line
    from emgasr.training.config import KINDS, TrainingConfig
    from emgasr.training.run import train

    program = "emgasr train --out FOLDER [--resume [--other-data]]"
    if known.resume and known.out:
        resolved = Path(known.out) / "training.yaml"
        if not resolved.is_file():
            raise OutputError(known.out, "holds no run to resume (no training.yaml)", "start it without --resume")
        options = ["--config", str(resolved), *options]
    config = from_command_line(TrainingConfig, KINDS, options, program)
    if not known.out:
        raise ConfigError("emgasr train", "no output folder", "pass --out FOLDER")
    first = os.environ.get("RANK", "0") == "0"  # one process that torchrun started speaks for all
    with progress(quiet=not (first and sys.stderr.isatty())) as report:
        fitted = train(
            config,
            Path(known.out),
            resume=known.resume,
            other_data=known.other_data,
            report=report,
            log=lambda line: print(f"emgasr: {line}", file=sys.stderr),
        )
    if not first:
        return 130 if fitted.interrupted else 0
    if fitted.interrupted:
        print(f"emgasr: stopped at step {fitted.steps}; continue with --resume --out {known.out}", file=sys.stderr)
        return 130
    print(
        f"{known.out}/model: validation CER {100 * fitted.best:.2f} % (step {fitted.best_step} of {fitted.steps},"
        f" {fitted.minutes:.1f} minutes)"
    )
    return 0
