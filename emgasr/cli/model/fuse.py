"""`emgasr fuse MODEL MODEL...`: models and held-out people in; a folder by which they answer together out.

The folder is a MODEL for transcribe, evaluate, stream and tune.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import SHIPPED, add_json, add_out, add_quiet
from emgasr.cli.progress import counted
from emgasr.errors import ConfigError
from emgasr.files.output import claimed_folder, replacing
from emgasr.manifests.manifest import VALIDATION, Manifest, read_manifest

if TYPE_CHECKING:
    from emgasr.fusion.config import FusionConfig, Kind, System
    from emgasr.fusion.system import Ensemble

MEANS: tuple[Kind, ...] = ("geometric", "arithmetic")
BEST, ROVER = "best", "rover"
SHIFT = 2  # frames
MINUTES = 30.0


def run(argv: list[str]) -> int:
    """Fit the fusion on held-out people, where these are given, and write its folder."""
    options = parser().parse_args(argv)
    if not 0 <= options.most_shift <= 100:
        raise ConfigError("--most-shift", f"is {options.most_shift}", "give 0 to 100 frames")
    if not options.data_minutes > 0:
        raise ConfigError("--data-minutes", f"is {options.data_minutes:g}", "give more than 0")
    from emgasr.evaluation.fusing.tuning import refuse_fitting
    from emgasr.fusion.config import FusionConfig, write_fusion
    from emgasr.fusion.system import Ensemble
    from emgasr.manifests import lineage
    from emgasr.pipeline import Pipeline, model_folder

    folders = [model_folder(model)[0] for model in options.models]
    manifest = read_manifest(options.validation_manifest) if options.validation_manifest else None
    said: list[str] = []
    if manifest is not None:
        said += refuse_fitting(manifest, options.validation_split, folders)
    pipelines = [Pipeline.of_folder(folder) for folder in folders]
    with claimed_folder(options.out, options.overwrite) as out:
        systems = tuple(
            _system(*one, options, out) for one in zip(range(len(folders)), folders, pipelines, strict=True)
        )
        kind: Kind = MEANS[0] if options.kind == BEST else options.kind
        config = FusionConfig(systems, kind)
        ensemble = Ensemble.of_pipelines(config, pipelines, "fusion")
        figures: dict[str, Any] = {}
        if manifest is None:
            said.append("no held-out people are given (--validation-manifest): temperatures 1, equal weights")
        else:
            config, figures = _fitted(ensemble, manifest, options, said)
        write_fusion(config, out)
        known = [entry for folder in folders for entry in lineage.read(folder) or ()]
        lineage.write(lineage.together(known, config.fitted_on), out)
        with replacing(out / "README.md") as path:
            path.write_text(_card(config, figures), encoding="utf-8")
    for line in said:
        print(f"emgasr: {line}", file=sys.stderr)
    _report(config, figures, options)
    return 0


def _system(number: int, folder: Path, pipeline: Any, options: argparse.Namespace, out: Path) -> System:
    """Return the system of a model; with --copy its folder is copied into the fusion's."""
    from emgasr.fusion.config import System, checksum_of

    own = tuple(band.name for band in pipeline.recognizer.signal.bands)
    if options.bands is not None:
        if len(options.bands) != len(options.models):
            wrong = f"names bands of {len(options.bands)} models, there are {len(options.models)}"
            raise ConfigError("--bands", wrong, "give a word for each model, as left or left+right")
        named = tuple(options.bands[number].split("+"))
        if len(named) != len(own):
            wrong = f"{options.bands[number]!r} are {len(named)} bands, {folder} reads {len(own)}"
            raise ConfigError("--bands", wrong, "name as many as the model has, with + between them")
        own = named
    place = os.path.relpath(folder.absolute(), out.absolute())
    if options.copy:
        place = f"models/{number}"
        shutil.copytree(folder, out / place, dirs_exist_ok=True)
    return System(place, checksum_of(folder), own)


def _fitted(
    ensemble: Ensemble, manifest: Manifest, options: argparse.Namespace, said: list[str]
) -> tuple[FusionConfig, dict[str, Any]]:
    from emgasr.corpora import open_entry
    from emgasr.evaluation.fusing.tuning import fitted_mean, fitted_vote
    from emgasr.manifests import lineage

    entries = manifest.split(options.validation_split)
    shown = counted(entries, "reading", len(entries), options.quiet)
    recordings = ((entry.path, open_entry(entry, manifest.root)) for entry in shown)
    if options.kind == ROVER:
        vote = fitted_vote(ensemble, recordings, said.append)
        config = vote.config
        rates = [errors / vote.symbols for errors in vote.alone]
        figures = {"error_rate_alone": rates, "error_rate_together": vote.together / vote.symbols}
    else:
        kinds = MEANS if options.kind == BEST else (options.kind,)
        config, fit = fitted_mean(ensemble, recordings, kinds, options.data_minutes, options.most_shift, said.append)
        figures = {
            "nats_per_symbol_alone": list(fit.alone),
            "nats_per_symbol_equal_weights": fit.equal,
            "nats_per_symbol_together": fit.together,
            "stretches_left_out": fit.left_out,
        }
    return replace(config, fitted_on=lineage.of_entries(entries, VALIDATION)), figures


def _card(config: FusionConfig, figures: dict[str, Any]) -> str:
    lines = ["# Models that answer together", "", f"Written by `emgasr fuse`; {config.kind}.", ""]
    lines += ["| model | bands | temperature | weight | frames later |", "|---|---|---|---|---|"]
    for one in config.systems:
        row = (one.model, "+".join(one.bands), one.temperature, one.weight, one.shift_frames)
        lines.append(f"| {' | '.join(map(str, row))} |")
    people = sorted({entry.subject for entry in config.fitted_on})
    lines += ["", f"Fitted on: {', '.join(people) or 'nobody'}.", ""]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in figures.items()]
    return "\n".join(lines) + "\n"


def _report(config: FusionConfig, figures: dict[str, Any], options: argparse.Namespace) -> None:
    from emgasr.config.parsing import to_mapping

    if options.json:
        systems = [to_mapping(system) for system in config.systems]
        print_json({"out": str(options.out), "kind": config.kind, "systems": systems, **figures})
        return
    from emgasr.display.console import columns_of, print_table

    alone = next((value for name, value in figures.items() if name.endswith("_alone")), None)
    together = next((value for name, value in figures.items() if name.endswith("_together")), None)
    what = "errors" if config.kind == ROVER else "nats a symbol"
    table = columns_of("system", "bands", "temperature", "weight", "frames later", what, left=2)
    for place, one in enumerate(config.systems):
        cost = f"{alone[place]:.4f}" if alone else ""
        cells = (f"{one.temperature:.3f}", f"{one.weight:.3f}", str(one.shift_frames), cost)
        table.add_row(one.model, "+".join(one.bands), *cells)
    table.add_row(f"together ({config.kind})", "", "", "", "", "" if together is None else f"{together:.4f}")
    print_table(table)
    print(f"written: {options.out}")


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr fuse",
        description="Let several models answer together: of one sensor, or of several, each with its rate and delay. "
        "Temperatures and weights are fitted on held-out people, who must not be tested. A sensor that is missing, "
        "dead or saturated is left out, live too, and the answer is exactly that of the others.",
        examples=(
            "emgasr fuse left/model right/model --validation-manifest validation.jsonl --out both",
            "emgasr fuse seed0/model seed1/model seed2/model --kind arithmetic --out mean",
        ),
    )
    made.add_argument("models", metavar="MODEL", nargs="+", help=f"two model folders or more, or {SHIPPED}")
    add_out(made, "folder to write, which is a MODEL for other verbs")
    kind = "mean of each frame's probabilities: geometric, arithmetic, or the best of both on the held-out people "
    vote = "(default); or rover: a vote on n-best lists, of whole recordings alone"
    made.add_argument("--kind", choices=(BEST, *MEANS, ROVER), default=BEST, help=kind + vote)
    bands = "bands of a recording that each model reads, in order, with + between those of one (default: its own names)"
    made.add_argument("--bands", nargs="+", metavar="NAMES", help=bands)
    made.add_argument("--copy", action="store_true", help="copy the models into the folder (default: their paths)")
    fit = made.add_argument_group("held-out people (default: nobody; temperatures 1, equal weights)")
    fit.add_argument("--validation-manifest", type=Path, metavar="FILE", help="manifest that lists them")
    fit.add_argument("--validation-split", default=VALIDATION, metavar="NAME", help="split that they are")
    fit.add_argument("--data-minutes", type=float, default=MINUTES, metavar="M", help="minutes of it to use")
    shift = "most frames by which a model may be later than its times say"
    fit.add_argument("--most-shift", type=int, default=SHIFT, metavar="N", help=shift)
    add_json(made)
    add_quiet(made)
    return made
