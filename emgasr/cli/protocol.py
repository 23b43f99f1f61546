"""`emgasr protocol split | run | report`: recordings and systems in; a table of people never seen out."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import ConfigError, OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import locked_folder, replacing
from emgasr.files.plain_data import LARGEST_TABLE, read_json
from emgasr.manifests.manifest import read_manifest

if TYPE_CHECKING:
    from emgasr.protocol.jobs import Engine
    from emgasr.training.config import TrainingConfig

PROGRAM = "emgasr protocol"
ROWS_NAME = "rows.json"


def run(argv: list[str]) -> int:
    """Run one of split, run and report; return the exit code."""
    options, rest = _parser().parse_known_args(argv)
    if rest and options.command != "run":
        raise ConfigError(f"protocol {options.command}", f"unknown option {rest[0]!r}", f"see `{PROGRAM} --help`")
    return {"split": _split, "run": _run, "report": _report}[options.command](options, rest, argv)


def _split(options: argparse.Namespace, rest: list[str], argv: list[str]) -> int:
    from emgasr.protocol.checks import check_fold
    from emgasr.protocol.folds import RuleConfig, make_splits, write_splits

    if options.out.exists() and not options.overwrite:
        raise OutputError(options.out, "exists", "choose another name or pass --overwrite")
    manifest = read_manifest(options.manifest)
    rule = RuleConfig(options.rule, options.groups, options.validation_people, options.test_sessions, options.seed)
    made = make_splits(manifest, rule)
    for fold in made.folds:
        check_fold(fold, made.entries(fold, manifest), made.rule, manifest.root)
    write_splits(made, options.out)
    if options.json:
        print_json({"splits": str(options.out), "folds": len(made.folds), "sha256": made.checksum()})
    else:
        print(f"{options.out}: {len(made.folds)} folds, checksum {made.checksum()}")
    return 0


def _run(options: argparse.Namespace, rest: list[str], argv: list[str]) -> int:
    from emgasr.config.parsing import from_command_line
    from emgasr.protocol.folds import read_splits
    from emgasr.protocol.plan import ProtocolConfig, prepare, read_lists
    from emgasr.protocol.plan import run as run_protocol
    from emgasr.protocol.report import write_report

    config = from_command_line(ProtocolConfig, {}, rest, f"{PROGRAM} run")
    systems = dict(_system(text) for text in options.system)
    if len(systems) < len(options.system):
        raise ConfigError("--system", "names two systems alike", "give each its own name")
    lists = read_lists(dict(_named(text, "--list", "MANIFEST") for text in options.list))
    root: Path = options.out.absolute()
    command = shlex.join(["emgasr", "protocol", *argv])
    splits = read_splits(options.splits)
    with locked_folder(root):
        prepared = prepare(root, read_manifest(options.manifest), splits, systems, lists, config, command)
        with _told(options.quiet) as report:
            rows = run_protocol(prepared, _engine(options), report)
        with replacing(root / ROWS_NAME) as path:
            path.write_text(as_json(rows) + "\n", encoding="utf-8")
        table = write_report(root, rows, options.title, options.target_cer / 100, seconds=_seconds(root))
    _show(table, root, options.json)
    return 0


def _report(options: argparse.Namespace, rest: list[str], argv: list[str]) -> int:
    from emgasr.protocol.report import write_report

    rows = _rows(options.folder / ROWS_NAME)
    for path in options.rows:
        rows += _rows(path)
    published = options.published.read_text(encoding="utf-8") if options.published else ""
    target, seconds = options.target_cer / 100, _seconds(options.folder)
    table = write_report(options.folder, rows, options.title, target, published, seconds)
    _show(table, options.folder, options.json)
    return 0


def _system(text: str) -> tuple[str, TrainingConfig]:
    """NAME=words, the words as `emgasr train` takes them, a bare file being a --config."""
    from emgasr.config.parsing import from_command_line
    from emgasr.training.config import KINDS, TrainingConfig

    name, words = _named(text, "--system", "CONFIG [options]")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigError("--system", f"{name!r} cannot name a folder", "use letters, digits, - and _")
    argv: list[str] = []
    for word in shlex.split(words):
        file = word.endswith((".yaml", ".yml")) and (not argv or argv[-1] != "--config")
        argv += ["--config", word] if file else [word]
    config = from_command_line(TrainingConfig, KINDS, argv, f"{PROGRAM} run --system {name}")
    if config.init:
        config = replace(config, init=str(Path(config.init).absolute()))
    return name, config


def _named(text: str, option: str, what: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals or not value:
        raise ConfigError(option, f"{text!r} is not NAME={what}", f"see `{PROGRAM} run --help`")
    return name, value


def _engine(options: argparse.Namespace) -> Engine:
    if options.engine == "ray":
        from emgasr.protocol.ray_jobs import RayEngine

        return RayEngine(options.threads, options.gpus)
    from emgasr.protocol.jobs import LocalEngine

    return LocalEngine(options.workers, options.threads)


@contextmanager
def _told(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Yield what tells of each job that ended: a bar on a terminal, else a line on standard error."""
    from rich.progress import Progress

    from emgasr.display.console import Console

    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("jobs")

        def report(done: int, of: int, name: str) -> None:
            bar.update(task, completed=done, total=of)
            if not quiet:
                console.print(f"{done} of {of} done: {name}", highlight=False, markup=False, soft_wrap=True)

        yield report


def _seconds(root: Path) -> float:
    """How long all jobs took together."""
    found = root.glob("jobs/**/result.json")
    return sum(read_json(path, OutputError, "remove it", LARGEST_TABLE)["seconds"] for path in found)


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        content = read_json(path, OutputError, "run `emgasr protocol run` to its end", LARGEST_TABLE)
        rows = content["rows"] if isinstance(content, dict) else content
        return [dict(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(path, "holds no rows of a protocol", "run `emgasr protocol run` to its end") from error


def _show(table: list[dict[str, Any]], root: Path, as_json: bool) -> None:
    if as_json:
        print_json({"rows": table})
        return
    text = (root / "RESULTS.md").read_text(encoding="utf-8")
    print(text)
    print(root / "RESULTS.md")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog=PROGRAM, description="Results that hold for people a model never saw.")
    commands = parser.add_subparsers(required=True, dest="command", metavar="split | run | report")

    split = commands.add_parser("split", help="make a split file: folds with checksums, the same for everybody")
    split.add_argument("manifest", type=Path, metavar="MANIFEST", help="recordings (see `emgasr manifest`)")
    rules = ("leave-one-subject-out", "groups", "within-subject", "official")
    split.add_argument("--rule", required=True, choices=rules, help="official takes the manifest's own splits")
    split.add_argument("--groups", type=int, default=5, metavar="K", help="parts of the people (groups; default 5)")
    people = "people of each fold who choose the checkpoint, drawn by --seed (default 1)"
    split.add_argument("--validation-people", type=int, default=1, metavar="N", help=people)
    sessions = "test each test person's last N sessions, calibrate with the earlier; 0 (default) tests all, or "
    split.add_argument(
        "--test-sessions", type=int, default=0, metavar="N", help=sessions + "cuts in time within-subject"
    )
    split.add_argument("--seed", type=int, default=0, help="of the draws (default 0)")
    split.add_argument("--out", type=Path, required=True, metavar="FILE", help="split file to write (JSON)")
    split.add_argument("--overwrite", action="store_true", help="replace the file if it exists")

    usage = f"{PROGRAM} run MANIFEST SPLITS --system NAME=CONFIG … --out FOLDER [options]"
    described = (
        "Train every system on every fold and read the test people, without and with calibration. A second run into "
        "the same folder goes on where the first stopped. Also, as --config FILE or as options: --seeds [0,1], --lm "
        "FILE, --lm_text [FILE], --tune_minutes, --tune_trials, --carry [LIST], and --calibration.minutes [0.5,1], "
        ".rungs [statistics,affine,head,all], .steps, .budget_s, .validations, .learning_rate, .head_learning_rate, "
        ".held_out, .shortfall, .batch_s, .prior_s, .turns; write them with =, as in --calibration.minutes=[0.5,1]."
    )
    run = commands.add_parser("run", help="train, calibrate, test: the whole table", usage=usage, description=described)
    run.add_argument("manifest", type=Path, metavar="MANIFEST", help="the recordings that the split file was made of")
    run.add_argument("splits", type=Path, metavar="SPLITS", help="made by `emgasr protocol split`")
    system = "a system: configurations and options as `emgasr train` takes them, in quotes; once for each"
    run.add_argument("--system", action="append", required=True, metavar="NAME='CONFIG …'", help=system)
    listed = "validate and test on sequences composed of these sessions (`emgasr compose --same-session`); the first "
    run.add_argument("--list", action="append", default=[], metavar="NAME=MANIFEST", help=listed + "one validates")
    run.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where everything goes")
    run.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: the cluster of RAY_ADDRESS")
    run.add_argument("--workers", type=int, default=1, metavar="N", help="jobs at a time (local; default 1)")
    run.add_argument("--threads", type=int, default=1, metavar="N", help="threads a job (default 1)")
    run.add_argument("--gpus", type=float, default=0.0, metavar="N", help="GPUs a job, parts allowed (ray; default 0)")
    run.add_argument("--quiet", action="store_true", help="tell nothing of single jobs")

    report = commands.add_parser("report", help="write the tables of a finished run anew")
    report.add_argument("folder", type=Path, metavar="FOLDER", help="what `run` wrote")
    report.add_argument("--rows", type=Path, nargs="+", default=[], metavar="FILE", help="rows of further systems")
    report.add_argument("--published", type=Path, metavar="FILE", help="Markdown of published figures, not re-run")
    for command in (run, report):
        command.add_argument("--title", default="Results", help="of RESULTS.md")
        target = "error rate that calibration is to reach (default 10)"
        command.add_argument("--target-cer", type=float, default=10.0, metavar="PERCENT", help=target)
    for command in (split, run, report):
        command.add_argument("--json", action="store_true", help="print JSON")
    return parser
