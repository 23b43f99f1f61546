"""`emgasr simulate`: seeds and text (or real key times) in, a folder of session files and its manifest out."""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from emgasr.cli.options.json_out import print_json
from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.standard import add_json, add_out, add_quiet, add_seed
from emgasr.cli.progress import counted
from emgasr.display import wording
from emgasr.errors import ConfigError, DataError
from emgasr.files.output import claimed_folder
from emgasr.files.plain_text import normalized, read_lines
from emgasr.manifests.manifest import Entry, Manifest, write_manifest
from emgasr.recording import Events, Spans


@dataclass(frozen=True)
class _Task:
    """What is typed in one session."""

    prompts: tuple[str, ...] | None = None
    events: Events | None = None
    spans: Spans | None = None


@dataclass(frozen=True)
class _Session:
    """One session to simulate: whose, which, what is typed, for how long, and where its file goes."""

    person_seed: int
    number: int
    task: _Task
    minutes: float | None
    rest_minutes: float
    folder: Path
    split: str


def run(argv: list[str]) -> int:
    """Simulate people and write OUT/<subject>/<session>.hdf5 and OUT/manifest.jsonl; return the exit code."""
    options = parser().parse_args(argv)
    _check(options)
    tasks = _tasks(options)  # before anything is written, so that bad input leaves nothing behind
    with claimed_folder(options.out, options.overwrite) as folder:
        sessions = _sessions(options, tasks, folder)
        entries = list(counted(_simulated(sessions, options.jobs), "simulating", len(sessions), options.quiet))
        manifest = write_manifest(Manifest(tuple(entries), folder, ("subject",)), folder / "manifest.jsonl")
    _report(manifest, folder, options.json)
    return 0


def parser() -> ArgumentParser:
    """Return the parser of the verb."""
    made = ArgumentParser(
        prog="emgasr simulate",
        description="Make recordings of simulated people who type, for trying the whole line without data. "
        "The same options make the same recordings.",
        examples=(
            "emgasr simulate --out sim --people 4 --sessions 2 --session-minutes 5",
            "emgasr simulate --out sim --events sub-*/**/*_events.tsv",
        ),
    )
    add_out(made, "where FOLDER/<subject>/<session>.hdf5 and manifest.jsonl go")
    made.add_argument("--people", type=int, default=4, help="how many people")
    made.add_argument("--sessions", type=int, default=2, help="sessions a person; bands are put on anew for each")
    made.add_argument("--first-session", type=int, default=0, help="number of the first session")
    made.add_argument(
        "--session-minutes", type=float, help="length of a session (default: 5; with --events the file's own)"
    )
    rest = "rest before the first prompt, part of the session (default: 3 to 5 s)"
    made.add_argument("--rest-minutes", type=float, default=0.0, help=rest)
    made.add_argument(
        "--split", choices=("train", "validation", "test"), default="train", help="people and prompts of this split"
    )
    source = made.add_mutually_exclusive_group()
    source.add_argument("--text", type=Path, help="lines to type instead of the sentences that ship with emgasr")
    source.add_argument(
        "--events", type=Path, nargs="+", metavar="TSV", help="real key times to replay: events.tsv(.gz) in BIDS form"
    )
    made.add_argument("--jobs", type=int, default=1, metavar="N", help="sessions simulated at a time, a process each")
    add_seed(made, "the people: the first one's number within the split")
    add_json(made)
    add_quiet(made)
    return made


def _check(options: argparse.Namespace) -> None:
    from emgasr.simulate.person import SPLIT_SEEDS

    for name in ("people", "sessions", "jobs"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name}", f"is {getattr(options, name)}", "give 1 or more")
    if options.first_session < 0:
        raise ConfigError("--first-session", f"is {options.first_session}", "give 0 or more")
    if options.session_minutes is not None and not 0 < options.session_minutes <= 24 * 60:
        raise ConfigError("--session-minutes", f"is {options.session_minutes:g}", "give minutes above 0, at most a day")
    if not 0 <= options.rest_minutes < (options.session_minutes or 5.0):
        problem = f"{options.rest_minutes:g} does not fit into {options.session_minutes or 5:g} minutes"
        raise ConfigError("--rest-minutes", problem, "give less, or more --session-minutes")
    if options.rest_minutes and options.events:
        raise ConfigError("--rest-minutes", "was given with --events", "events rest at their own times")
    most = len(SPLIT_SEEDS[options.split])
    if options.seed < 0 or options.seed + options.people > most:
        raise ConfigError(
            "--seed", f"{options.seed} with {options.people} people leaves the split", f"it has people 0 to {most - 1}"
        )


def _tasks(options: argparse.Namespace) -> list[_Task]:
    """Return what the sessions type, taken in turn."""
    if options.events:
        return [_replay(path) for path in options.events]
    if options.text is None:
        return [_Task()]
    from emgasr.simulate.typist import check_text

    lines = [normalized(line.strip()) for line in read_lines(options.text)]
    prompts = tuple(filter(None, lines))
    if not prompts:
        raise DataError(options.text, "holds no text", "give at least one line to type")
    for number, line in enumerate(lines, start=1):
        if line:
            check_text(line, f"{options.text} line {number}")
    return [_Task(prompts=prompts)]


def _replay(path: Path) -> _Task:
    from emgasr.simulate.replay import read_key_events

    events, spans, left_out = read_key_events(path)
    if left_out:
        print(f"emgasr: {path}: {left_out} presses of keys without a place on the layout are left out", file=sys.stderr)
    return _Task(events=events, spans=spans)


def _sessions(options: argparse.Namespace, tasks: list[_Task], folder: Path) -> list[_Session]:
    """Return the sessions to simulate, person by person."""
    from emgasr.simulate import SPLIT_SEEDS

    first = SPLIT_SEEDS[options.split].start + options.seed
    numbers = range(options.first_session, options.first_session + options.sessions)
    pairs = [(first + i, number) for i in range(options.people) for number in numbers]
    sessions = []
    for place, (seed, number) in enumerate(pairs):
        task = tasks[place % len(tasks)]
        minutes = options.session_minutes or (None if task.events is not None else 5.0)
        sessions.append(_Session(seed, number, task, minutes, options.rest_minutes, folder, options.split))
    return sessions


def _simulated(sessions: Sequence[_Session], jobs: int) -> Iterator[Entry]:
    """Yield the entries of the sessions in their order, as `jobs` processes write the files."""
    if min(jobs, len(sessions)) == 1:
        yield from map(_simulate, sessions)
        return
    # Started afresh: no threads and no locks come along.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(sessions)), context, _leave_ctrl_c)
    try:
        yield from pool.map(_simulate, sessions)
    except BrokenProcessPool as error:
        raise DataError("simulation", "a process was lost", "lower --jobs, or close other programs") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _simulate(session: _Session) -> Entry:
    """Simulate one session, write its file and return its entry."""
    from emgasr.sessions.native import save_session
    from emgasr.simulate import simulate_person, simulate_session

    recording = simulate_session(
        simulate_person(session.person_seed),
        session.number,
        prompts=session.task.prompts,
        events=session.task.events,
        spans=session.task.spans,
        minutes=session.minutes,
        rest_minutes=session.rest_minutes,
    )
    path = session.folder / recording.subject / f"{recording.session}.hdf5"
    save_session(recording, path)
    return Entry.of(recording, path.absolute(), "native", session.split)


def _leave_ctrl_c() -> None:
    """Leave Ctrl-C to the process that started this one, which stops it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _report(manifest: Manifest, folder: Path, as_json: bool) -> None:
    people = len({entry.subject for entry in manifest.entries})
    minutes = sum(entry.duration_s for entry in manifest.entries) / 60
    if as_json:
        summary = {
            "folder": str(folder),
            "manifest": str(folder / "manifest.jsonl"),
            "people": people,
            "sessions": len(manifest.entries),
            "minutes": round(minutes, 3),
            "checksum": manifest.checksum(),
        }
        print_json(summary)
    else:
        print(
            f"{wording.counted(len(manifest.entries), 'session')} of {people} {'person' if people == 1 else 'people'},"
            f" {minutes:.1f} minutes: {folder / 'manifest.jsonl'}"
        )
