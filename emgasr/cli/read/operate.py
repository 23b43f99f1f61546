"""`emgasr operate MODEL MANIFEST`: validation people in; the point out from which on the model says something."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import add_search_options, pipeline_of, tell_if_cold
from emgasr.cli.options.session import add_session_options, session_of
from emgasr.cli.options.standard import add_json, add_model, add_out, add_quiet
from emgasr.cli.progress import counted
from emgasr.corpora import open_entry
from emgasr.display.pictures import missing
from emgasr.errors import ConfigError, OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import claimed_folder, replacing
from emgasr.manifests.leaks import check_disjoint
from emgasr.manifests.manifest import TEST, VALIDATION, Manifest, read_manifest

if TYPE_CHECKING:
    from emgasr.evaluation.operating.points import Costs, Heard
    from emgasr.pipeline import Pipeline


def run(argv: list[str]) -> int:
    """Choose the operating point on validation people, read the test people at it once, and keep it by the model."""
    options = parser().parse_args(argv)
    for name, value in (("--false-an-hour", options.false_an_hour), ("--rest-hours", options.rest_hours)):
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(name, f"is {value:g}", "give more than 0")
    from emgasr.decoding.held import write_point
    from emgasr.evaluation.items import refuse_tested_people, refuse_tuning_on_test
    from emgasr.evaluation.operating.points import choose, costs_of, grid, with_model
    from emgasr.models.folder import OPERATING_NAME, weights_sha256
    from emgasr.pipeline import model_folder

    folder, _ = model_folder(options.model)
    kept = options.point or folder / OPERATING_NAME
    if kept.exists() and not options.overwrite:
        raise OutputError(kept, "already exists", "choose another name with --point or pass --overwrite")
    manifest = read_manifest(options.manifest)
    validation = read_manifest(options.validation_manifest) if options.validation_manifest else manifest
    check_disjoint(manifest)
    refuse_tuning_on_test(validation, options.validation_split, manifest, options.split, folder)
    refuse_tested_people(validation, options.validation_split, manifest, options.split)
    pipeline = pipeline_of(options, options.model)
    pipeline = replace(pipeline, beside=replace(pipeline.beside, point=None))  # an old one is no part of what is read
    if pipeline.language is not None:
        tell_if_cold()
    tested_people = options.split in manifest.splits
    with claimed_folder(options.out, options.overwrite) if options.out else nullcontext() as out:
        heard = _heard(options, pipeline, validation, options.validation_split)
        reads, calibrated = heard[0].reads, pipeline.sure.confidence is not None
        costs = costs_of(heard, grid(reads, pipeline.recognizer.frame_rate_hz, pipeline.recognizer.tokens))
        chosen = choose(costs, options.false_an_hour)
        point = with_model(chosen, weights_sha256(folder), calibrated)
        tested = before = long_rest = None
        if tested_people:
            others = _heard(options, pipeline, manifest, options.split)
            before, tested = costs_of(others, [costs[0].point, point])
        if options.rest_hours is not None:
            long_rest = _long_rest(options, pipeline, manifest, point)
        what = "false activations" if reads == "held" else "false words"
        result: dict[str, Any] = {"wanted_an_hour": options.false_an_hour, "reads": reads, "what": what}
        result |= {"chosen": chosen.as_dict(), "without": costs[0].as_dict(), "point": str(kept)}
        result |= {"tested": None if tested is None else tested.as_dict()}
        result |= {"tested_without": None if before is None else before.as_dict(), "long_rest": long_rest}
        if out is not None:
            _write(out, result, costs, chosen, tested)
        write_point(point, kept, _comment(chosen, tested, what, options.validation_split))
    if options.json:
        print_json(result)
        return 0
    _show(result, chosen, costs[0], before, tested)
    return 0


def _heard(options: argparse.Namespace, pipeline: Pipeline, manifest: Manifest, split: str) -> list[Heard]:
    from emgasr.errors import DataError
    from emgasr.evaluation.items import items_of
    from emgasr.evaluation.operating.points import heard_of

    entries = manifest.split(split)
    recordings = (
        (entry.path, open_entry(entry, manifest.root))
        for entry in counted(entries, f"reading {split}", len(entries), options.quiet)
    )
    items = items_of(pipeline.recognizer, recordings, session_of(options))
    heard = heard_of(items, pipeline.recognizer.tokens, pipeline.resting, pipeline.beam_search(), pipeline.sure)
    if not heard:
        raise DataError(f"split {split}", "holds nothing whose times are known", "give recordings with times")
    return heard


def _long_rest(options: argparse.Namespace, pipeline: Pipeline, manifest: Manifest, point: Any) -> dict[str, Any]:
    """Stream hours of rest of the people who are tested, at the point."""
    from emgasr.evaluation.operating.long_rest import stream_rest

    at_point = replace(pipeline, beside=replace(pipeline.beside, point=point))
    split = options.split if options.split in manifest.splits else options.validation_split
    entries = sorted(manifest.split(split), key=lambda entry: entry.key("session"))
    found = stream_rest(at_point, (open_entry(entry, manifest.root) for entry in entries), options.rest_hours)
    if found.hours < 0.999 * options.rest_hours:
        line = f"{found.hours:.2g} h of rest are in the split {split}, {options.rest_hours:g} were asked for"
        print(f"emgasr: {line}; none of it was read twice", file=sys.stderr)
    return {"split": split} | found.as_dict()


def _write(folder: Path, result: dict[str, Any], costs: list[Costs], chosen: Costs, tested: Costs | None) -> None:
    from emgasr.evaluation.operating.points import front

    rows = result | {"front": [one.as_dict() for one in front(costs)]}
    with replacing(folder / "operate.json") as path:
        path.write_text(as_json(rows, indent=1) + "\n", encoding="utf-8")
    if lacking := missing():
        print(f"emgasr: no picture: it {lacking}", file=sys.stderr)
        return
    from emgasr.evaluation.operating.curve import draw_curve

    with replacing(folder / "curve.png") as path:
        path.write_bytes(draw_curve(costs, chosen, tested, result["what"]))


def _comment(chosen: Costs, tested: Costs | None, what: str, split: str) -> str:
    line = f"found by emgasr operate on the split {split}: {_said(chosen, what)}"
    return line + ("" if tested is None else f"; on people who are tested: {_said(tested, what)}")


def _said(one: Costs, what: str) -> str:
    low, high = one.bounds if one.rest_hours else (0.0, float("inf"))
    rate = f"{one.false} {what} in {one.rest_hours:.2f} h ({one.an_hour:.2g} an hour, bounds {low:.2g} to {high:.2g})"
    return f"{rate}, {100 * one.misses:.1f} % of {one.meant:,} missed"


def _show(result: dict[str, Any], chosen: Costs, without: Costs, before: Costs | None, tested: Costs | None) -> None:
    from emgasr.display.console import columns_of, print_table

    what = result["what"]
    heads = (
        "people",
        "",
        "threshold",
        "mean of",
        "frames",
        "refractory",
        what,
        "hours",
        "an hour",
        "95 % bounds",
        "missed",
    )
    table = columns_of(*heads, left=2)
    for who, name, one in (
        ("validation", "without", without),
        ("validation", "chosen", chosen),
        ("tested", "without", before),
        ("tested", "chosen", tested),
    ):
        if one is not None:
            bounds = "–".join(f"{bound:.2g}" for bound in one.bounds) if one.rest_hours else ""
            point = one.point
            at = [f"{point.threshold:g}", str(point.mean_frames), str(point.frames), f"{point.refractory_s:g} s"]
            counts = [str(one.false), f"{one.rest_hours:.2f}", f"{one.an_hour:.2g}", bounds]
            table.add_row(who, name, *at, *counts, f"{100 * one.misses:.1f} % of {one.meant:,}")
    print_table(table)
    if found := result["long_rest"]:
        print(f"streamed rest: {found['false']} {what} in {found['hours']:.2f} h of {found['people']} people")
    print(f"operating point: {result['point']}")


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr operate",
        description="Choose from when on a model says something: false activations (or false words) an hour of rest "
        "against misses, over thresholds, frames one after another, and refractory times. The point with the fewest "
        "misses whose exact Poisson bound is below the wanted rate is chosen on validation people, read once on the "
        "people who are tested, and kept beside the model, where `stream` and `transcribe` use it.",
        examples=("emgasr operate my_model corpus.jsonl --false-an-hour 6 --out point",),
    )
    add_model(made)
    made.add_argument("manifest", metavar="MANIFEST", help="manifest of the recordings; what has no label is rest")
    made.add_argument("--false-an-hour", type=float, default=6.0, metavar="R", help="wanted rate, or less (default: 6)")
    made.add_argument("--validation-split", default=VALIDATION, metavar="NAME", help="split to choose on")
    made.add_argument("--validation-manifest", metavar="FILE", help="manifest of that split, if it is another")
    made.add_argument("--split", default=TEST, metavar="NAME", help="split to read once at the point, if there is one")
    hours = "stream the rest of that split end to end too, each person's for up to this long in all"
    made.add_argument("--rest-hours", type=float, metavar="H", help=hours)
    made.add_argument("--point", type=Path, metavar="FILE", help="where the point goes (default: MODEL/operating.yaml)")
    add_out(made, "where operate.json and curve.png go (default: nowhere)", required=False)
    add_json(made)
    add_quiet(made)
    add_session_options(made)
    add_search_options(made)
    return made
