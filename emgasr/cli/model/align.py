"""`emgasr align MANIFEST… --descriptions FILE --out FOLDER`: recordings and meanings in; an aligned encoder out."""

from __future__ import annotations

import sys

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet
from emgasr.cli.progress import fit_progress
from emgasr.errors import OutputError

PROGRAM = "emgasr align"


def run(argv: list[str]) -> int:
    """Align, or resume; 0 when done, 130 when Ctrl-C stopped it (the checkpoint is then written)."""
    aligning = _configuration()
    options = parser(aligning).parse_args(argv)
    resolved = options.out / "training.yaml"
    if options.resume and not resolved.is_file():
        raise OutputError(options.out, "holds no run to resume (no training.yaml)", "start it without --resume")
    given = {"manifests": tuple(options.manifests)} if options.manifests else {}
    config = aligning.read(options, "align", [resolved] if options.resume else [], {}, **given)
    from emgasr.crossmodal.aligning.run import align

    def log(line: str) -> None:
        print(f"emgasr: {line}", file=sys.stderr)

    with fit_progress(quiet=options.quiet) as report:
        fitted = align(config, options.out, resume=options.resume, report=report, log=log)
    if fitted.interrupted:
        print(f"emgasr: stopped at step {fitted.steps}; continue with --resume --out {options.out}", file=sys.stderr)
        return 130
    if options.json:
        found = {"aligned": str(options.out / "aligned"), **fitted.figures, "best_step": fitted.best_step}
        print_json({**found, "steps": fitted.steps, "minutes": round(fitted.minutes, 3)})
        return 0
    judged = "nobody judged: these are the latest weights"
    if any(name.endswith("_wrong") for name in fitted.figures):
        judged = f"{100 * fitted.best:.1f} % of validation people's takes are nearest to another gesture"
    print(f"{options.out}/aligned: {judged} (step {fitted.best_step} of {fitted.steps}, {fitted.minutes:.1f} minutes)")
    return 0


def parser(aligning: ConfigOptions | None = None) -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Align an encoder of muscles with a frozen teacher of meaning: takes come near the texts that "
        "describe their labels, so that gestures which nobody trained can be read from a description, and recordings "
        "be searched by a sentence (`emgasr search`, `describe`, `transcribe --labels`). The teacher is a folder of "
        "sentence-transformers (pip install 'emgasr[crossmodal]'), or words alone (--teacher.kind bag_of_words). "
        "People are split before anything is cut: who judges is not trained on.",
        examples=(
            "emgasr align laval.jsonl myo.jsonl --descriptions gestures.yaml --init pretrained/encoder --out aligned",
            "emgasr align myo.jsonl --descriptions gestures.yaml --left-out '[point,snap]' --fit.minutes 5 --out zero",
            "emgasr align --out aligned --resume",
        ),
    )
    made.add_argument(
        "manifests",
        nargs="*",
        metavar="MANIFEST",
        help="manifests of the corpora (`emgasr manifest`), which go by these names; default with --resume: the run's",
    )
    add_out(made, "where aligned/, log.jsonl, checkpoint.pt and training.yaml go", overwrite=False)
    made.add_argument("--resume", action="store_true", help="go on with the run in --out, by its own configuration")
    add_json(made)
    add_quiet(made)
    (aligning or _configuration()).add_to(made)
    return made


def _configuration() -> ConfigOptions:
    from emgasr.crossmodal.config import AlignConfig

    return ConfigOptions(AlignConfig, {}, apart=("manifests",))
