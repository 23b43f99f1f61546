"""`emgasr pretrain MANIFEST… --out FOLDER`: recordings of many people and devices in; a pretrained encoder out."""

from __future__ import annotations

import sys

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet
from emgasr.cli.progress import fit_progress
from emgasr.errors import OutputError

PROGRAM = "emgasr pretrain"


def run(argv: list[str]) -> int:
    """Pretrain, or resume; 0 when done, 130 when Ctrl-C stopped it (the checkpoint is then written)."""
    pretraining = _configuration()
    options = parser(pretraining).parse_args(argv)
    resolved = options.out / "training.yaml"
    if options.resume and not resolved.is_file():
        raise OutputError(options.out, "holds no run to resume (no training.yaml)", "start it without --resume")
    given = {"manifests": tuple(options.manifests)} if options.manifests else {}
    config = pretraining.read(options, "pretrain", [resolved] if options.resume else [], {}, **given)
    from emgasr.pretraining.run import pretrain

    def log(line: str) -> None:
        print(f"emgasr: {line}", file=sys.stderr)

    with fit_progress(quiet=options.quiet) as report:
        fitted = pretrain(config, options.out, resume=options.resume, report=report, log=log)
    if fitted.interrupted:
        print(f"emgasr: stopped at step {fitted.steps}; continue with --resume --out {options.out}", file=sys.stderr)
        return 130
    if options.json:
        found = {"encoder": str(options.out / "encoder"), **fitted.figures, "best_step": fitted.best_step}
        print_json({**found, "steps": fitted.steps, "minutes": round(fitted.minutes, 3)})
        return 0
    judged = "no validation person has labels to judge by: these are the latest weights"
    if any(name.endswith("_wrong") for name in fitted.figures):
        judged = f"a linear probe is wrong on {100 * fitted.best:.1f} % of validation people's takes, mean of corpora"
    print(f"{options.out}/encoder: {judged} (step {fitted.best_step} of {fitted.steps}, {fitted.minutes:.1f} minutes)")
    return 0


def parser(pretraining: ConfigOptions | None = None) -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Pretrain an encoder on corpora of several devices: any number of electrodes, in rings or not, any "
        "rate from 100 Hz. With labels (--labelled) each corpus has a head of its own; without, frames or contractions "
        "are hidden and guessed. People are split before anything is cut: who judges is not trained on. `emgasr train "
        "--init FOLDER/encoder` goes on from it.",
        examples=(
            "emgasr pretrain laval.jsonl myo.jsonl bar.jsonl --out pretrained --fit.minutes 30",
            "emgasr pretrain myo.jsonl --out masked --labelled 0 --targets.weight 1 --fit.minutes 30",
            "emgasr pretrain --out pretrained --resume",
        ),
    )
    made.add_argument(
        "manifests",
        nargs="*",
        metavar="MANIFEST",
        help="manifests of the corpora (`emgasr manifest`), which go by these names; default with --resume: the run's",
    )
    add_out(made, "where encoder/, readers/, log.jsonl, checkpoint.pt and training.yaml go", overwrite=False)
    made.add_argument("--resume", action="store_true", help="go on with the run in --out, by its own configuration")
    add_json(made)
    add_quiet(made)
    (pretraining or _configuration()).add_to(made)
    return made


def _configuration() -> ConfigOptions:
    from emgasr.pretraining.config import PretrainConfig

    return ConfigOptions(PretrainConfig, {}, apart=("manifests",))
