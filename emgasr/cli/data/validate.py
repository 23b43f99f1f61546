"""`emgasr validate PATH`: a manifest or one recording in, what it holds and every problem out; exit code 2 if any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_quiet
from emgasr.cli.progress import bar
from emgasr.display.wording import counted

if TYPE_CHECKING:
    from emgasr.data.validate import Validation

RECORDINGS = (".hdf5", ".h5", ".bdf", ".edf")
SHOWN = 50  # problems in the table; --json has them all


def run(argv: list[str]) -> int:
    """Check the recordings and the splits of a manifest, or a recording by itself."""
    arguments = parser().parse_args(argv)
    if arguments.path.suffix.lower() in RECORDINGS:
        return _recording(arguments.path, arguments.json)

    from emgasr.data.validate import validate
    from emgasr.manifests.manifest import read_manifest

    manifest = read_manifest(arguments.path)
    with bar(arguments.quiet or arguments.json, transient=True) as progress:
        task = progress.add_task("checking", total=len(manifest.entries))
        report = validate(manifest, arguments.lm_text, progress=lambda entry: progress.advance(task))
    if arguments.json:
        print_json(report.as_dict())
    else:
        _show(report)
    return 0 if report.ok else 2


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr validate",
        description="Check the recordings and the splits of a manifest, or one recording. Exit code 2 if there are "
        "problems.",
        examples=("emgasr validate all.jsonl --lm-text lm/prompts.txt", "emgasr validate session.hdf5"),
    )
    made.add_argument("path", metavar="PATH", type=Path, help="manifest (.jsonl), or a recording, also one cut short")
    text = "text of the language model, which must not hold the test's prompts"
    made.add_argument("--lm-text", type=Path, nargs="+", default=[], metavar="FILE", help=text)
    add_json(made, "print the whole report as JSON")
    add_quiet(made)
    return made


def _recording(path: Path, as_json: bool) -> int:
    from emgasr.corpora import open_any
    from emgasr.data.validate import check_recording

    recording = open_any(path)
    problems, notes = check_recording(recording)
    notes = [*recording.notes, *notes]
    if as_json:
        found = {"problems": problems, "notes": notes}
        print_json({"ok": not problems, "seconds": recording.duration_s, **found})
        return 2 if problems else 0
    for problem in problems:
        print(f"problem {path}: {problem}")
    for note in notes:
        print(f"note {path}: {note}")
    if not problems:
        keys, spans = len(recording.events), len(recording.spans)
        print(f"{path}: {recording.duration_s:.1f} s, {keys} keys, {spans} spans; {_nothing_wrong(len(notes))}")
    return 2 if problems else 0


def _show(report: Validation) -> None:
    from rich.markup import escape
    from rich.table import Table

    from emgasr.display.console import Console

    console = Console(soft_wrap=True)
    heads = ("split", "recordings", "subjects", "sessions", "hours", "Hz", "ch.", "unit", "events", "spans")
    table = Table(*heads, box=None, padding=(0, 1, 0, 0))  # fits 80 columns
    for row in report.splits:
        rates = [f"{rate:g}" for rate in row.rates_hz]
        several = [",".join(map(str, values)) for values in (rates, row.channels, row.units)]
        counts = (row.recordings, row.subjects, row.sessions)
        table.add_row(row.split, *map(str, counts), f"{row.hours:.2f}", *several, str(row.events), str(row.spans))
    console.print(table)
    for split, overlap in report.overlaps.items():
        shared = f"{overlap.ngram_fraction:.1%} of its {overlap.ngrams} {overlap.n}-{overlap.unit} n-grams"
        whole = f"{overlap.prompt_fraction:.1%} of its {overlap.prompts} whole prompts"
        short = f" ({overlap.prompts_short} shorter prompts not compared)" if overlap.prompts_short else ""
        console.print(f"language model's text holds of {split}: {shared}, {whole}{short}", highlight=False)
    for problem in report.problems[:SHOWN]:
        console.print(f"[red]problem[/] {escape(problem.where)}: {escape(problem.what)}", markup=True, highlight=False)
    if len(report.problems) > SHOWN:
        console.print(f"… and {len(report.problems) - SHOWN} more problems (--json has them all)")
    for note in report.notes[:SHOWN]:
        console.print(f"note {escape(note.where)}: {escape(note.what)}", highlight=False)
    if len(report.notes) > SHOWN:
        console.print(f"… and {len(report.notes) - SHOWN} more notes (--json has them all)")
    verdict = _nothing_wrong(len(report.notes)) if report.ok else counted(len(report.problems), "problem")
    console.print(verdict, highlight=False)


def _nothing_wrong(notes: int) -> str:
    """The verdict where there is no problem; notes of what was passed over or looks odd are for a person to judge."""
    return f"nothing wrong in what was read; see {counted(notes, 'note')}" if notes else "no problem found"
