"""`emgasr tune-live MODEL MANIFEST`: validation recordings in; rules for final keys out, as a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.search import add_search_options, pipeline_of, tell_if_cold
from emgasr.cli.options.standard import add_json, add_model, add_out, add_quiet
from emgasr.cli.progress import counted
from emgasr.cli.read.tuning import MINUTES, destination, trials_shown
from emgasr.corpora import open_entry
from emgasr.errors import ConfigError, DataError
from emgasr.manifests.manifest import TEST, VALIDATION

if TYPE_CHECKING:
    from rich.table import Table

    from emgasr.evaluation.endpoint_tuning import LiveTrial
    from emgasr.evaluation.items import Item
    from emgasr.streaming.rules import LiveRules


def run(argv: list[str]) -> int:
    """Read validation recordings by many rules, and write those that finalize keys soonest at hardly more errors."""
    options = parser().parse_args(argv)
    if not options.slack >= 0:
        raise ConfigError("--slack", f"is {options.slack:g}", "give 0 or more, such as 0.05")
    if not options.data_minutes > 0:
        raise ConfigError("--data-minutes", f"is {options.data_minutes:g}", "give more than 0")
    from emgasr.evaluation.endpoint_tuning import GRID, tune_live_rules
    from emgasr.evaluation.items import items_of, refuse_tuning_on_test
    from emgasr.evaluation.naming import naming_of
    from emgasr.models.folder import LIVE_NAME
    from emgasr.streaming.delay import step_frames
    from emgasr.streaming.rules import write_rules

    folder, out, manifest = destination(options, LIVE_NAME)
    refuse_tuning_on_test(manifest, options.split, manifest, TEST, folder)
    pipeline = pipeline_of(options, options.model)
    search = pipeline.beam_search()
    if search is None:
        raise ConfigError("--lm", "is missing", "without a language model keys are final as soon as they appear")
    tell_if_cold()
    recognizer = pipeline.recognizer
    entries = manifest.split(options.split)
    recordings = (
        (entry.path, open_entry(entry, manifest.root))
        for entry in counted(entries, "reading", len(entries), options.quiet)
    )
    items, minutes = _first(items_of(recognizer, recordings), recognizer.frame_rate_hz, options.data_minutes)
    rate_hz, unit = recognizer.frame_rate_hz, step_frames(recognizer)
    with trials_shown("rules", len(GRID), options.quiet) as report:
        best, tried = tune_live_rules(items, search, rate_hz, unit, options.slack, report)
    comment = (
        f"found by emgasr tune-live on {minutes:.1f} minutes of the split {options.split} with {pipeline.lm_name}:"
        f" {_rate(best)} wrong, {_rate(tried[0])} without rules"
    )
    write_rules(best.rules, out, comment)
    naming = naming_of(recognizer.tokens)
    if options.json:
        figures = {
            "rules": asdict(best.rules),
            naming.rate: best.counts.rate,
            f"{naming.rate}_without_rules": tried[0].counts.rate,
        }
        print_json({**figures, "final_s": best.final_s, "minutes": round(minutes, 2), "out": str(out)})
    else:
        _show(best, tried, minutes, out, naming.short)
    return 0


def _first(items: Any, frame_rate_hz: float, minutes: float) -> tuple[list[Item], float]:
    """Whole items until there are `minutes` of them."""
    kept: list[Item] = []
    seconds = 0.0
    for item in items:
        if seconds >= 60 * minutes:
            break
        kept.append(item)
        seconds += len(item.emissions) / frame_rate_hz
    if not kept:
        raise DataError("split", "holds no recording", "check --split")
    return kept, seconds / 60


def _rate(trial: LiveTrial) -> str:
    return f"{100 * trial.counts.rate:.2f} %"


def _show(best: LiveTrial, tried: tuple[LiveTrial, ...], minutes: float, out: Path, rate: str) -> None:
    from emgasr.display.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(best, tried, rate))
    console.print(f"{len(tried)} rules tried on {minutes:.1f} minutes\nrules: {out}")


def _table(best: LiveTrial, tried: tuple[LiveTrial, ...], rate: str) -> Table:
    """Without rules, the best, and the rules that no others beat in both errors and time."""
    from rich.table import Table

    timed = sorted((s for s in tried[1:] if s.final_s is not None), key=lambda s: (s.final_s, s.counts.errors))
    front: list[LiveTrial] = []
    for trial in timed:
        if not front or trial.counts.errors < front[-1].counts.errors:
            front.append(trial)
    table = Table("", box=None, padding=(0, 2, 0, 0))
    for head in ("agreement", "within", "pause", rate, "final after (median)"):
        table.add_column(head, justify="right")
    table.add_row("no rules", "all", "-", "-", _rate(tried[0]), _seconds(tried[0].final_s))
    for trial in front:
        name = "chosen" if trial is best else ""
        table.add_row(name, *_cells(trial.rules), _rate(trial), _seconds(trial.final_s))
    if best not in front:
        table.add_row("chosen", *_cells(best.rules), _rate(best), _seconds(best.final_s))
    return table


def _cells(rules: LiveRules) -> tuple[str, str, str]:
    return f"{rules.agreement:g}", _seconds(rules.finalize_within_s), _seconds(rules.pause_s)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr tune-live",
        description="Find when a live stream may finalize keys (agreement, age, pause): as soon as it costs hardly "
        "more errors on validation recordings; never test data. `stream` uses what is written into the model folder.",
        examples=("emgasr tune-live my_model corpus.jsonl --lm en.lm",),
    )
    add_model(made)
    made.add_argument("manifest", metavar="MANIFEST", help="manifest of the validation recordings")
    made.add_argument("--split", default=VALIDATION, metavar="NAME", help="split to read")
    slack = "errors that finalizing may add, as a part of those without rules"
    made.add_argument("--slack", type=float, default=0.05, metavar="PART", help=slack)
    made.add_argument("--data-minutes", type=float, default=MINUTES, metavar="M", help="minutes of recordings to use")
    add_out(made, "where the rules go (default: MODEL/live.yaml)", metavar="FILE", required=False)
    add_json(made)
    add_quiet(made)
    add_search_options(made)
    return made
