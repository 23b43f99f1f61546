"""`emgasr personalize MODEL RECORDING…`: a model and one person's recordings in; a model fitted to them out."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_model, add_out, add_quiet
from emgasr.cli.progress import fit_progress
from emgasr.corpora import open_entry
from emgasr.errors import ConfigError
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TRAIN, Entry, read_manifest

if TYPE_CHECKING:
    from emgasr.recording import Recording

PROGRAM = "emgasr personalize"
MANIFESTS = (".jsonl", ".ndjson")


def run(argv: list[str]) -> int:
    """Personalize; 0 when done (also when the base model was kept), 130 when Ctrl-C stopped it."""
    fitting = _configuration()
    options = parser(fitting).parse_args(argv)
    config = fitting.read(options, "personalize")
    from emgasr.evaluation.naming import naming_of
    from emgasr.pipeline import model_folder
    from emgasr.training.personalize import personalize

    recordings, entries = _recordings(options)
    with fit_progress(quiet=options.quiet) as report:
        result = personalize(
            model_folder(options.model)[0], recordings, config, options.out, report, log=_log, entries=entries
        )
    if result.interrupted:
        print(f"emgasr: stopped; {options.out}/model is the best so far", file=sys.stderr)
        return 130
    naming = naming_of(result.recognizer.tokens)
    if options.json:
        errors = {f"{naming.rate}_before": result.error_before, f"{naming.rate}_after": result.error_after}
        found = {"model": str(options.out / "model"), **errors}
        print_json({**found, "kept": result.kept, "minutes": round(result.minutes, 3)})
        return 0
    outcome = "the fitted model is kept" if result.kept else "no better: the base model is kept"
    print(
        f"{options.out}/model: {naming.short} on the held-out part {100 * result.error_before:.2f} % →"
        f" {100 * result.error_after:.2f} % ({outcome}; {result.minutes:.1f} minutes)"
    )
    return 0


def parser(fitting: ConfigOptions | None = None) -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Fit a trained recognizer to one person's labelled recordings. The end of each recording, or of "
        "single takes the last of each label, is held out and judges the result: the fitted model is kept only if it "
        "reads that better.",
        examples=(
            "emgasr personalize demo monday.hdf5 tuesday.hdf5 --out mine --fit.minutes 5",
            "emgasr personalize my_model corpus.jsonl --subject p01 --out p01 --fit.steps 500",
        ),
    )
    add_model(made)
    data = "the person's recordings, or a manifest that lists them (.jsonl)"
    made.add_argument("recordings", type=Path, nargs="+", metavar="RECORDING", help=data)
    made.add_argument("--split", default=TRAIN, metavar="NAME", help="split of the manifest to fit on")
    made.add_argument("--subject", metavar="NAME", help="person of the manifest, where it lists several")
    add_out(made, "where model/ and its log go", overwrite=False)
    add_json(made)
    add_quiet(made)
    (fitting or _configuration()).add_to(made)
    return made


def _configuration() -> ConfigOptions:
    from emgasr.training.config import PersonalizeConfig

    return ConfigOptions(PersonalizeConfig, {})


def _log(line: str) -> None:
    print(f"emgasr: {line}", file=sys.stderr)


def _recordings(options: argparse.Namespace) -> tuple[list[Recording], list[Entry]]:
    """The recordings to fit on, with their entries."""
    manifests = [path for path in options.recordings if path.suffix in MANIFESTS]
    if not manifests:
        from emgasr.corpora import open_any

        recordings = [open_any(path) for path in options.recordings]
        files = zip(recordings, options.recordings, strict=True)
        return recordings, [Entry.of(recording, file, "native") for recording, file in files]
    if len(options.recordings) > 1:
        raise ConfigError(
            "personalize", f"{manifests[0]} is a manifest among other files", "give one manifest or recordings"
        )
    manifest = read_manifest(manifests[0])
    check_disjoint(manifest)
    chosen = [entry for entry in manifest.split(options.split) if options.subject in (None, entry.subject)]
    if not chosen:
        raise ConfigError(
            "--subject", f"{options.subject!r} has nothing in split {options.split!r}", "see the manifest"
        )
    return [open_entry(entry, manifest.root) for entry in chosen], chosen
