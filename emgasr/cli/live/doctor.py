"""`emgasr doctor --source …`: a live signal in; a table of its electrodes, a verdict and what to do out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.source import add_source_option
from emgasr.cli.options.standard import add_json, add_quiet
from emgasr.cli.progress import bar
from emgasr.errors import ConfigError

if TYPE_CHECKING:
    from emgasr.capture.doctor import Diagnosis

COLORS = {"good": "green", "usable": "yellow", "bad": "red"}


def run(argv: list[str]) -> int:
    """Measure; 0 for a good or usable signal, 2 for a bad one."""
    options = parser().parse_args(argv)
    if not 1.0 <= options.limit_seconds <= 3600.0:
        raise ConfigError("--limit-seconds", f"is {options.limit_seconds:g}", "give 1 to 3600")

    from emgasr.capture.doctor import examine
    from emgasr.sources import open_source

    source = open_source(options.source)
    with bar(options.quiet, transient=True) as progress:
        task = progress.add_task("rest, and lie still", total=1.0)
        diagnosis = examine(source, options.limit_seconds, lambda done: progress.update(task, completed=done))
    if options.json:
        print_json(diagnosis.as_dict())
    else:
        _show(diagnosis)
    return 2 if diagnosis.verdict == "bad" else 0


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr doctor",
        description="Measure a live signal while the person rests: rate, lost samples, electrodes, mains, noise. Exit "
        "code 2 for a bad signal.",
        examples=("emgasr doctor --source brainflow:board=0",),
    )
    add_source_option(made)
    made.add_argument("--limit-seconds", type=float, default=10.0, metavar="S", help="how long to listen")
    add_json(made)
    add_quiet(made)
    return made


def _show(diagnosis: Diagnosis) -> None:
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from emgasr.display.console import Console

    console = Console(highlight=False)
    unit = "µV" if diagnosis.unit == "uV" else diagnosis.unit
    heads = ("band", "electrode", f"offset {unit}", f"rms {unit}", "floor", "rest", "mains", "stuck", "state")
    table = Table(box=None, padding=(0, 1, 0, 0))  # fits 80 columns
    for head in heads:
        table.add_column(head, justify="left" if head in ("band", "electrode", "state") else "right")
    for e in diagnosis.electrodes:
        offset = round(e.offset, 1) + 0.0  # no "-0.0"
        numbers = (f"{offset:.1f}", f"{e.rms:.1f}", f"{e.noise_floor:.1f}", f"{e.rest_level:.1f}", f"{e.mains:.1f}")
        state = Text(e.state, style="" if e.state == "good" else "red")
        table.add_row(e.band, e.name, *numbers, f"{e.saturated:.1%}", state)
    console.print(table)
    measured = diagnosis.measured_rate_hz
    rate = "not live, so not measured" if measured is None else f"{measured:.2f} ± {diagnosis.rate_error_hz:.2f} Hz"
    mains = f"{diagnosis.mains_hz:g} Hz" if diagnosis.mains_hz else "not found"
    counted = ", ".join(f"{kind} {count}" for kind, count in diagnosis.counts.items()) or "nothing lost or repeated"
    console.print(
        f"\n{diagnosis.seconds:.1f} s   declared {diagnosis.declared_rate_hz:g} Hz, measured {rate}   mains {mains}"
    )
    console.print(f"samples: {counted}")
    for finding in diagnosis.findings:
        color = COLORS[finding.verdict]
        console.print(f"[{color}]{finding.verdict}[/]: {escape(finding.wrong)}; {escape(finding.advice)}", markup=True)
    console.print(f"verdict: [{COLORS[diagnosis.verdict]}]{diagnosis.verdict}[/]", markup=True)
