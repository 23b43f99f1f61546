"""`emgasr protocol split | fold | run | report`: recordings and systems in; a table of people never seen out."""

from __future__ import annotations

import argparse
import itertools
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.config import ConfigOptions
from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet, add_seed
from emgasr.cli.progress import bar
from emgasr.errors import ConfigError, OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import locked_folder, replacing
from emgasr.files.plain_data import LARGEST_TABLE, read_json, read_yaml
from emgasr.manifests.manifest import read_manifest, write_manifest

if TYPE_CHECKING:
    from emgasr.protocol.config import ProtocolConfig
    from emgasr.protocol.jobs import Engine
    from emgasr.protocol.plan import System

PROGRAM = "emgasr protocol"


def run(argv: list[str]) -> int:
    """Run one of split, fold, run and report; return the exit code."""
    options = parser().parse_args(argv)
    return {"split": _split, "fold": _fold, "run": _run, "report": _report}[options.command](options, argv)


def _split(options: argparse.Namespace, argv: list[str]) -> int:
    from emgasr.protocol.checks import check_fold
    from emgasr.protocol.folds import RuleConfig, make_splits, write_splits

    if options.out.exists() and not options.overwrite:
        raise OutputError(options.out, "exists", "choose another name or pass --overwrite")
    manifest = read_manifest(options.manifest)
    rule = RuleConfig(
        options.rule, options.groups, options.validation_subject_count, options.test_session_count, options.seed
    )
    made = make_splits(manifest, rule)
    for fold in made.folds:
        check_fold(fold, made.entries(fold, manifest), made.rule, manifest.root)
    write_splits(made, options.out)
    if options.json:
        print_json({"splits": str(options.out), "folds": len(made.folds), "sha256": made.checksum()})
    else:
        print(f"{options.out}: {len(made.folds)} folds, checksum {made.checksum()}")
    return 0


def _fold(options: argparse.Namespace, argv: list[str]) -> int:
    from emgasr.protocol.checks import check_fold
    from emgasr.protocol.folds import read_splits

    if options.out.exists() and not options.overwrite:
        raise OutputError(options.out, "exists", "choose another name or pass --overwrite")
    manifest, splits = read_manifest(options.manifest), read_splits(options.splits)
    splits.check_made_of(manifest, options.splits)
    known = {fold.name: fold for fold in splits.folds}
    if options.fold not in known:
        raise ConfigError("--fold", f"{options.fold} is none of the folds", f"choose of {', '.join(known)}")
    entries = splits.entries(known[options.fold], manifest)
    check_fold(known[options.fold], entries, splits.rule, manifest.root)
    write_manifest(replace(manifest, entries=tuple(entries), claims=()), options.out)
    counts = {
        side: sum(entry.split == side for entry in entries) for side in sorted({entry.split for entry in entries})
    }
    if options.json:
        print_json({"manifest": str(options.out), "fold": options.fold, "recordings": counts})
    else:
        print(f"{options.out}: {', '.join(f'{count} {side}' for side, count in counts.items())}")
    return 0


def _run(options: argparse.Namespace, argv: list[str]) -> int:
    from emgasr.protocol.folds import read_splits
    from emgasr.protocol.plan import prepare, read_lists
    from emgasr.protocol.plan import run as run_protocol
    from emgasr.protocol.report import write_report
    from emgasr.protocol.results import ROWS_NAME

    carried: dict[str, Any] = {"carry": False} if options.no_carry else {}
    config = _configuration().read(options, "protocol run", **carried)
    systems = dict(_system(text) for text in options.system)
    if len(systems) < len(options.system):
        raise ConfigError("--system", "names two systems alike", "give each its own name")
    lists = read_lists(dict(_named(text, "--list", "MANIFEST") for text in options.list))
    root: Path = options.out.absolute()
    command = shlex.join(["emgasr", "protocol", *argv])
    splits = read_splits(options.splits)
    with locked_folder(root):
        prepared = prepare(root, read_manifest(options.manifest), splits, systems, lists, config, command)
        with _reported(options.quiet) as report:
            results = run_protocol(prepared, _engine(options, config), report)
        with replacing(root / ROWS_NAME) as path:
            path.write_text(as_json([dict(result.row) for result in results]) + "\n", encoding="utf-8")
        table = write_report(root, results, options.title, options.target_cer / 100, seconds=_seconds(root))
    _show([row.as_dict() for row in table], root, options.json)
    return 0


def _report(options: argparse.Namespace, argv: list[str]) -> int:
    from emgasr.protocol.report import write_report
    from emgasr.protocol.results import ROWS_NAME, read_results

    results = [result for path in (options.folder / ROWS_NAME, *options.rows) for result in read_results(path)]
    published = options.published.read_text(encoding="utf-8") if options.published else ""
    target, seconds = options.target_cer / 100, _seconds(options.folder)
    table = write_report(options.folder, results, options.title, target, published, seconds)
    _show([row.as_dict() for row in table], options.folder, options.json)
    return 0


def _system(text: str) -> tuple[str, System]:
    """NAME=words, the words as `emgasr train` takes them, a bare file being a --config; or options of a classifier."""
    from emgasr.classifiers.config import KINDS as CLASSIFY_KINDS
    from emgasr.classifiers.config import ClassifyConfig
    from emgasr.cli.options.config import from_command_line
    from emgasr.training.config import KINDS, TrainingConfig

    name, words = _named(text, "--system", "CONFIG [options]")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigError("--system", f"{name!r} cannot name a folder", "use letters, digits, - and _")
    argv: list[str] = []
    for word in shlex.split(words):
        file = word.endswith((".yaml", ".yml")) and (not argv or argv[-1] != "--config")
        argv += ["--config", word] if file else [word]
    where = f"protocol run: --system {name}"
    if _is_classifier(argv):
        return name, from_command_line(ClassifyConfig, CLASSIFY_KINDS, argv, where)
    return name, from_command_line(TrainingConfig, KINDS, argv, where)


def _is_classifier(argv: Sequence[str]) -> bool:
    """Whether the words of a system name a classifier of windows: by an option, or in a file."""
    files = [word for option, word in itertools.pairwise(argv) if option == "--config"]
    contents = [read_yaml(file) for file in files]
    return any(word.startswith("--classifier.") for word in argv) or any(
        isinstance(content, dict) and "classifier" in content for content in contents
    )


def _named(text: str, option: str, what: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise ConfigError(option, f"{text!r} is not NAME={what}", f"see `{PROGRAM} run --help`")
    return name, value


def _engine(options: argparse.Namespace, config: ProtocolConfig) -> Engine:
    if options.engine == "ray":
        from emgasr.protocol.engines.ray_cluster import RayEngine

        return RayEngine(options.threads, options.gpus)
    if options.engine == "slurm":
        from emgasr.protocol.engines.slurm import SlurmEngine

        return SlurmEngine(config.slurm)
    from emgasr.protocol.engines.local import LocalEngine
    from emgasr.protocol.work import PRELOAD

    return LocalEngine(options.workers, options.threads, PRELOAD)


@contextmanager
def _reported(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Yield what reports each job that ended: a bar on a terminal, else a line on standard error."""
    with bar(quiet) as shown:
        task = shown.add_task("jobs")

        def report(done: int, of: int, name: str) -> None:
            shown.update(task, completed=done, total=of)
            if not quiet:
                line = f"{done} of {of} done: {name}"
                shown.console.print(line, highlight=False, markup=False, soft_wrap=True)

        yield report


def _seconds(root: Path) -> float:
    """How long all jobs took together."""
    found = root.glob("jobs/**/result.json")
    return sum(read_json(path, OutputError, "remove it", LARGEST_TABLE)["seconds"] for path in found)


def _show(table: list[dict[str, Any]], root: Path, as_json: bool) -> None:
    if as_json:
        print_json({"rows": table})
        return
    text = (root / "RESULTS.md").read_text(encoding="utf-8")
    print(text)
    print(root / "RESULTS.md")


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog=PROGRAM,
        description="Measure results that hold for people whom a model never saw.",
        examples=(
            "emgasr protocol split all.jsonl --rule leave-one-subject-out --out splits.json",
            "emgasr protocol fold all.jsonl splits.json --fold s01 --out s01.jsonl",
            "emgasr protocol run all.jsonl splits.json --system conformer=conformer.yaml --out table",
            "emgasr protocol report table --published published.md",
        ),
    )
    commands = made.add_subparsers(
        required=True, prog=PROGRAM, dest="command", metavar="COMMAND", help="what to do, in this order"
    )
    _add_split(commands, made.examples[:1])
    _add_fold(commands, made.examples[1:2])
    _add_run(commands, made.examples[2:3])
    _add_report(commands, made.examples[3:])
    return made


def _add_split(commands: Any, examples: Sequence[str]) -> None:
    what = "make a split file: folds with checksums, the same for everybody"
    split = commands.add_parser("split", help=what, description=f"{what.capitalize()}.", examples=examples)
    split.add_argument("manifest", type=Path, metavar="MANIFEST", help="recordings (see `emgasr manifest`)")
    rules = ("leave-one-subject-out", "groups", "within-subject", "official")
    rule = (
        "leave-one-subject-out (a fold a person), groups (K parts of the people), within-subject (own sessions: of "
        "one person too), or official (the manifest's own splits)"
    )
    split.add_argument("--rule", required=True, choices=rules, metavar="RULE", help=rule)
    split.add_argument("--groups", type=int, default=5, metavar="K", help="with --rule groups: parts of the people")
    people = "people of each fold who choose the checkpoint, drawn by --seed"
    split.add_argument("--validation-subject-count", type=int, default=1, metavar="N", help=people)
    sessions = (
        "test each test person's last N sessions, calibrate with the earlier; 0 (default) tests all, or cuts in time "
        "within-subject"
    )
    split.add_argument("--test-session-count", type=int, default=0, metavar="N", help=sessions)
    add_seed(split, "the draws")
    add_out(split, "split file to write (JSON)", metavar="FILE")
    add_json(split)


def _add_fold(commands: Any, examples: Sequence[str]) -> None:
    what = "write the manifest of one fold, as for `emgasr pretrain` or a training of your own"
    fold = commands.add_parser("fold", help=what, description=f"{what.capitalize()}.", examples=examples)
    fold.add_argument("manifest", type=Path, metavar="MANIFEST", help="the recordings that the split file was made of")
    fold.add_argument("splits", type=Path, metavar="SPLITS", help="made by `emgasr protocol split`")
    fold.add_argument("--fold", required=True, metavar="NAME", help="which, by its name in the split file")
    add_out(fold, "manifest to write (JSON lines), with the sides of the fold as splits", metavar="FILE")
    add_json(fold)


def _add_run(commands: Any, examples: Sequence[str]) -> None:
    described = (
        "Train every system on every fold and read the test people, without and with calibration. A second run into "
        "the same folder goes on where the first stopped."
    )
    run = commands.add_parser(
        "run", help="train, calibrate, test: the whole table", description=described, examples=examples
    )
    run.add_argument("manifest", type=Path, metavar="MANIFEST", help="the recordings that the split file was made of")
    run.add_argument("splits", type=Path, metavar="SPLITS", help="made by `emgasr protocol split`")
    system = (
        "a system: configurations and options as `emgasr train` takes them, in quotes, or those of a classifier of "
        "windows ('--classifier.kind lda', or a file with a section `classifier`); once for each"
    )
    run.add_argument("--system", action="append", required=True, metavar="NAME='CONFIG …'", help=system)
    listed = (
        "validate and test on sequences composed of these sessions (`emgasr compose --same-session`); the first one "
        "validates"
    )
    run.add_argument("--list", action="append", default=[], metavar="NAME=MANIFEST", help=listed)
    add_out(run, "where everything goes", overwrite=False)
    engine = "what does the jobs: processes here, the Ray cluster of RAY_ADDRESS, or SLURM (by --slurm.… below)"
    run.add_argument("--engine", choices=("local", "ray", "slurm"), default="local", help=engine)
    run.add_argument("--workers", type=int, default=1, metavar="N", help="jobs at a time (local)")
    run.add_argument("--threads", type=int, default=1, metavar="N", help="threads a job (local, ray)")
    run.add_argument("--gpus", type=float, default=0.0, metavar="N", help="GPUs a job, parts allowed (ray)")
    run.add_argument("--no-carry", action="store_true", help="begin each recording anew, as --carry false")
    _add_table(run)
    add_json(run)
    add_quiet(run)
    _configuration().add_to(run)


def _add_report(commands: Any, examples: Sequence[str]) -> None:
    what = "write the tables of a finished run anew"
    report = commands.add_parser("report", help=what, description=f"{what.capitalize()}.", examples=examples)
    report.add_argument("folder", type=Path, metavar="FOLDER", help="what `run` wrote")
    report.add_argument("--rows", type=Path, nargs="+", default=[], metavar="FILE", help="rows of further systems")
    report.add_argument("--published", type=Path, metavar="FILE", help="Markdown of published figures, not re-run")
    _add_table(report)
    add_json(report)


def _add_table(command: ArgumentParser) -> None:
    command.add_argument("--title", default="Results", metavar="TEXT", help="title of RESULTS.md")
    target = "error rate that calibration is to reach"
    command.add_argument("--target-cer", type=float, default=10.0, metavar="PERCENT", help=target)


def _configuration() -> ConfigOptions:
    from emgasr.protocol.config import ProtocolConfig

    return ConfigOptions(ProtocolConfig, {})
