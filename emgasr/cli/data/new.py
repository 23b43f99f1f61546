"""`emgasr new FOLDER`: a folder of takes in; metadata.csv, a manifest, a model and its report out."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet, add_seed
from emgasr.cli.options.takes import add_montage_option
from emgasr.cli.progress import counted as counted_by_bar
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, DataError, OutputError, RecordingError
from emgasr.manifests.manifest import TEST, read_manifest
from emgasr.quickstart.splitting import RULES
from emgasr.quickstart.steps import INTERRUPTED, MANIFEST, RECORD, RUN, TASKS, TRAIN, Plan, Record, Step, command

if TYPE_CHECKING:
    from emgasr.quickstart.interview import Takes
    from emgasr.quickstart.survey import Folder
    from emgasr.quickstart.takes import Take

SHOWN = 20  # files that do not fit, of a kind; --json has them all
GENERIC = ("takes", "data", "recordings", "wav", "emg")  # names of folders that say nothing
LONGEST_MINUTES = 7 * 24 * 60


def run(argv: list[str]) -> int:
    """Look, ask, write metadata.csv and go the whole path; 130 when Ctrl-C stopped the training, which then goes on."""
    options = parser().parse_args(argv)
    if not 0 < options.fit_minutes <= LONGEST_MINUTES:
        raise ConfigError("--fit-minutes", f"is {options.fit_minutes:g}", "give more than 0, a week at most")
    from emgasr.corpora.takes import TABLE
    from emgasr.quickstart.survey import look
    from emgasr.quickstart.takes import oddities, overview, write_table

    say = _printer(options.json)
    out = options.out or Path("out") / _name(options.folder)
    if options.overwrite and (out / RUN).exists():
        raise OutputError(out / RUN, "holds a model, which is never replaced", "give another --out")
    folder = look(options.folder)
    say(f"{options.folder}: {folder.summary()}")
    for note in folder.notes:
        say(f"note: {note}")
    asked = _takes(options, folder, say)
    takes, found = _good(options, folder, asked, say)
    say(overview(takes))
    notes = [*found, *oddities(takes, options.rest)]
    plan = _plan(options, out, takes, asked, notes)
    for note in notes:
        say(f"note: {note}")
    table, steps = options.folder / TABLE, plan.steps()
    record = Record(out / RECORD) if options.overwrite else Record.read(out)
    if asked.listed or record.done:
        record.check(steps, table)
    if asked.listed:
        say(f"{table}: used as it is")
    else:
        write_table(takes, options.folder, options.overwrite)
        say(f"{table}: written, {counted(len(takes), 'row')}")
    return _go(options, plan, steps, record, table, say, notes)


def _name(folder: Path) -> str:
    """What a folder of takes is called: its own name, or its parent's where that says more."""
    path = folder.resolve()
    return path.parent.name if path.name.lower() in GENERIC and path.parent.name else path.name


def _takes(options: argparse.Namespace, folder: Folder, say: Callable[[str], None]) -> Takes:
    """The takes of metadata.csv where there is one, else as the options and the answers have them."""
    from emgasr.corpora.takes import TABLE
    from emgasr.quickstart.answers import Answers
    from emgasr.quickstart.interview import Given, takes_asked, takes_listed

    names = ("rate", "unit", "pattern", "subject", "session", "ring", "montage")
    given = Given(*(getattr(options, name) for name in names))
    answers = Answers(_on_terminal(), options.yes, say, _read)
    listed = (options.folder / TABLE).exists() and not options.overwrite
    asked = (takes_listed if listed else takes_asked)(folder, given, answers)
    answers.check()
    return asked


def _good(
    options: argparse.Namespace, folder: Folder, asked: Takes, say: Callable[[str], None]
) -> tuple[list[Take], list[str]]:
    """The takes that fit together, and notes; what does not is listed, and left out only if that is wanted."""
    from emgasr.quickstart.survey import check, silent_labels
    from emgasr.quickstart.takes import meant

    rates = {take.file: take.rate_hz for take in asked.takes}
    unit = asked.unit or next((take.unit for take in asked.takes), "") or None
    bad: dict[str, str] = {}
    notes: list[str] = []
    if rates:
        quiet = options.quiet or options.json
        bad, notes = check(
            folder,
            list(rates),
            rates,
            unit,
            options.columns or (),
            lambda takes: counted_by_bar(takes, "reading", len(rates), quiet),
        )
    bad = {**asked.bad, **bad}
    lines = [f"{name}: {why}" for name, why in sorted(bad.items(), key=lambda one: (one[1], one[0]))]
    for line in silent_labels(bad, {take.file: take.label for take in asked.takes}) + lines[:SHOWN]:
        say(f"does not fit: {line}")
    if len(lines) > SHOWN:
        say(f"does not fit: … and {len(lines) - SHOWN} more")
    if bad and (asked.listed or not _may_leave_out(options, len(bad))):
        advice = "mend them, or drop their rows" if asked.listed else "mend them, or pass --leave-out-bad"
        of = f"{len(bad)} of {counted(len(folder.headers), 'file')}"
        raise RecordingError(options.folder, f"{of} {'does' if len(bad) == 1 else 'do'} not fit (above)", advice)
    takes = [take for take in asked.takes if take.file not in bad]
    labels = meant(takes, options.rest)
    if len(labels) < 2:
        wrong = f"holds {'takes of one label alone' if labels else 'no take'} ({', '.join(labels) or 'none fits'})"
        raise DataError(options.folder, wrong, "a model tells labels apart: record others, or give another --pattern")
    return takes, [*notes, *([f"left out: {counted(len(bad), 'file')} (above)"] if bad else [])]


def _may_leave_out(options: argparse.Namespace, count: int) -> bool:
    from emgasr.quickstart.answers import Answers, Question
    from emgasr.quickstart.interview import yes_or_no

    if options.leave_out_bad or options.yes or not _on_terminal():
        return bool(options.leave_out_bad)
    answers = Answers(True, False, _printer(options.json), _read)
    text = f"Leave {'it' if count == 1 else 'them'} out (yes or no)"
    question = Question("bad files", "--leave-out-bad", text, yes_or_no, "no", "the files stay where they are")
    answer = answers.to(question)
    return bool(answer)


def _plan(options: argparse.Namespace, out: Path, takes: Sequence[Take], asked: Takes, notes: list[str]) -> Plan:
    """The steps' answers; what was chosen, and why, goes to `notes`."""
    from emgasr.quickstart.interview import guess_task
    from emgasr.quickstart.splitting import guess_rule, split_takes
    from emgasr.quickstart.takes import meant

    rule, why = guess_rule(takes)
    split = split_takes(takes, options.split_by or rule)
    notes.append(f"split by {options.split_by or rule}" + ("" if options.split_by else f" ({why}; else --split-by)"))
    notes.append(f"the test measures {split.measures}")
    task, why = guess_task(meant(takes, options.rest))
    if not options.task:
        notes.append(f"task: {task} ({why}; else --task)")
    reading = ["--unit", asked.unit] if asked.unit else []
    reading += ["--rest", *options.rest] if options.rest is not None else []
    reading += ["--ring"] if asked.ring else []
    reading += ["--montage", asked.montage] if asked.montage else []
    if not asked.montage:
        notes.append("montage: not told (a model then reads any; say --montage)")
    reading += ["--bands", *options.bands] if options.bands else []
    reading += ["--columns", *options.columns] if options.columns else []
    training = [word for file in options.config for word in ("--config", file)]
    return Plan(
        options.folder,
        out,
        split,
        options.task or task,
        options.fit_minutes,
        tuple(reading),
        tuple(training),
        strings=options.strings,
        seed=options.seed,
        quiet=options.quiet,
    )


def _go(
    options: argparse.Namespace,
    plan: Plan,
    steps: list[Step],
    record: Record,
    table: Path,
    say: Callable[[str], None],
    notes: list[str],
) -> int:
    """Run the steps that are not done; print each as the command that it is."""
    todo = steps if options.train else [step for step in steps if step.name == MANIFEST]
    for step in todo:
        if step.name in record.done:
            say(f"\n$ {step}\n(done already)")
            continue
        say(f"\n# {step.does}\n$ {step}")
        if step.name == TRAIN and not record.resumes():
            record.begin(step, table)
        if code := _run(step, plan, record, options):
            if code == INTERRUPTED:
                say("stopped; the same command again goes on from here")
            return code
        record.add(step, table)
    left = [str(step) for step in steps if step not in todo]
    following = [*left, *plan.next_commands(_test_take(plan))]
    if options.json:
        made = {
            "table": str(table),
            "manifest": str(plan.manifest),
            "model": str(plan.model) if options.train else None,
        }
        print_json({**made, "commands": [str(step) for step in todo], "next": following, "notes": notes})
        return 0
    say("\nWhat next:")
    for line in following:
        say(f"  {line}")
    return 0


def _test_take(plan: Plan) -> str:
    """A take that the model was not trained on, by its path from the folder."""
    manifest = read_manifest(plan.manifest)
    return Path(os.path.relpath(manifest.file(manifest.split(TEST)[0]), plan.folder)).as_posix()


def _run(step: Step, plan: Plan, record: Record, options: argparse.Namespace) -> int:
    from emgasr.cli import VERBS

    words = list(step.words)
    if step.name == TRAIN and record.resumes():
        words = ["train", "--resume", "--fit.minutes", f"{plan.minutes:g}", "--out", str(plan.run)]
        _printer(options.json)(f"which has begun: $ {command(*words)}")
    elif options.overwrite and step.name != TRAIN:
        words.append("--overwrite")
    sys.stdout.flush()
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        return int(importlib.import_module(VERBS[words[0]][0]).run(words[1:]) or 0)


def _printer(to_stderr: bool) -> Callable[[str], None]:
    """What prints a line of the story at once: on standard error where standard output is for programs."""

    def say(line: str) -> None:
        print(line, file=sys.stderr if to_stderr else sys.stdout, flush=True)

    return say


def _on_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def _read(prompt: str) -> str:
    print(prompt, end="", file=sys.stderr, flush=True)
    if not (line := sys.stdin.readline()):
        raise EOFError
    return line


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr new",
        description="From a folder of your own takes to a model that reads: look at the files, ask what they do not "
        "say, write metadata.csv and a manifest, train, evaluate. Each step is an ordinary command, which is printed. "
        "The same command again goes on where it stopped. Files of samples are never changed.",
        examples=(
            "emgasr new takes",
            "emgasr new takes --rate 1000 --unit uV --pattern {label}_{session}_{take} --subject me --no-ring",
            "emgasr new takes --yes --no-train",
        ),
    )
    made.add_argument(
        "folder", type=Path, metavar="FOLDER", help="where the takes lie: .npy, .wav or .csv, one label each"
    )
    add_out(made, "where manifest, model and results go (default: out/ and the folder's name)", required=False)
    made.add_argument("--yes", action="store_true", help="take the guesses, and do not ask")
    made.add_argument("--leave-out-bad", action="store_true", help="go on without the files that do not fit")
    add_json(made, "print what was made as JSON; all else goes to stderr")
    add_quiet(made)
    add_seed(made, "training, test strings and intervals")

    facts = made.add_argument_group("what the files do not say (asked on a terminal)")
    facts.add_argument("--rate", type=float, metavar="HZ", help="sampling rate, where the files do not tell it")
    facts.add_argument("--unit", help="uV, mV, V, nV, or counts for a device with no factor to volts")
    pattern = (
        "where the label stands in the names of the files, as in {label}_{session}_{take} or {subject}/{label}-{take}"
    )
    facts.add_argument("--pattern", metavar="PATTERN", help=pattern)
    facts.add_argument("--subject", metavar="NAME", help="who made the takes, where the names do not tell it")
    facts.add_argument("--session", metavar="NAME", help="the sitting, where the names do not tell it")
    rest = "labels that mark rest (default: rest silence pause); none: rest is a label like others"
    facts.add_argument("--rest", nargs="*", metavar="LABEL", help=rest)
    ring = facts.add_mutually_exclusive_group()
    ring.add_argument("--ring", action="store_true", default=None, help="the electrodes go round a limb")
    ring.add_argument("--no-ring", action="store_false", dest="ring", help="they do not (default: asked)")
    add_montage_option(facts)
    bands = "electrodes of each band, in order (default: one band)"
    facts.add_argument("--bands", nargs="+", metavar="NAME:ELECTRODES", help=bands)
    columns = "the electrodes' columns of a table, by name or number from 1, where its header leaves them open"
    facts.add_argument("--columns", nargs="+", metavar="COLUMN", help=columns)

    path = made.add_argument_group("what is made of them")
    held_out = "what the test holds out (default: people, else sessions, else takes, by what is there)"
    path.add_argument("--split-by", choices=RULES, help=held_out)
    path.add_argument("--task", choices=TASKS, help="kind of task (default: letters if each label is a character)")
    path.add_argument("--fit-minutes", type=float, default=5.0, metavar="M", help="wall-clock time to train in")
    path.add_argument("--config", action="append", default=[], metavar="FILE", help="YAML file for `emgasr train`")
    strings = "read single test takes alone (default: strings composed of them as well)"
    path.add_argument("--no-strings", action="store_false", dest="strings", help=strings)
    path.add_argument("--no-train", action="store_false", dest="train", help="stop before training (default: go on)")
    return made
