"""Jobs and an engine in, the results of the jobs by name out, resumed where an earlier run stopped.

A job is a function of the package and JSON arguments. Its folder, ROOT/jobs/<name>, holds log.txt, and result.json once
it is done; a second run of the same jobs does those that have none. A job of many parts keeps each part's result as it
comes, so that a job that was stopped goes on there. On a cluster every node must see ROOT and the data.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import shutil
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from emgasr.errors import DataError, EmgasrError, OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import LARGEST_TABLE, read_json
from emgasr.files.plain_text import lines_of

RESULT, LOG = "result.json", "log.txt"
PARTS = "parts"  # results of parts, until the job has its own
STOP_S = 60.0  # as long as a job that is stopped has to write its checkpoint
TRIES = 3  # of a job whose worker was lost: killed, out of memory, or its node gone


@dataclass(frozen=True)
class Job:
    """A call `function(folder, root, **arguments)`, made once the jobs of `after` have their results.

    Where a job has parts, the call returns a function of a part's name, and the job's result maps each name to what
    that function returns.

    Args:
        name: of its folder.
        function: "module:name".
        arguments: for JSON.
        after: names of jobs whose results it needs.
        depends: what else its result depends on, by name: checksums of data, of a model, of an earlier job.
        parts: names of its parts, in order.
    """

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    depends: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Return a checksum that differs from another job's; a result keeps that of its job."""
        content: list[Any] = [self.function, dict(self.arguments), list(self.after), dict(self.depends)]
        content += [list(self.parts)] if self.parts else []
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def folder(self, root: Path) -> Path:
        """Return the folder of its log and result."""
        return root / "jobs" / self.name


Done = tuple[Any, str | None]  # a handle that an engine returned, and the problem if the job has no result
OnDone = Callable[[int, int, str], None]  # jobs that have ended, of all jobs, and which one ended now, with its problem


class Engine(Protocol):
    """Runs jobs elsewhere; `tests/protocol/test_engines.py` holds the law for every engine.

    A job runs by `work`. If its worker is lost (killed, out of memory, its node gone), the engine tries it again, TRIES
    times in all; what raises in a job is a problem and is not tried again.
    """

    slots: int
    """Jobs that may be handed over before `wait` has returned one."""

    def start(self, job: Job, root: Path) -> Any:
        """Hand a job over and return a handle."""

    def wait(self) -> list[Done]:
        """Block until at least one job has ended, and return those that have."""

    def stop(self) -> None:
        """End the jobs that still run, as Ctrl-C does: training writes its checkpoint first."""


def run_jobs(
    jobs: Sequence[Job], root: Path, engine: Engine, report: OnDone = lambda done, of, name: None
) -> dict[str, Any]:
    """Run the jobs that have no result yet, each after those it needs; return all results by name.

    A job that fails keeps only those that need it from running.

    Raises:
        DataError: A job failed; the error names its log.
        OutputError: A result is of other settings; it is neither used nor replaced.
    """
    by_name = {job.name: job for job in jobs}
    if len(by_name) < len(jobs):
        raise DataError("jobs", "two jobs have the same name", "name each for itself")
    waiting = {job.name: job for job in jobs if not _finished(job, root)}
    running: list[tuple[Any, Job]] = []
    problems: dict[str, str] = {}
    try:
        while waiting or running:
            for job in _ready(waiting, {job.name for _, job in running} | problems.keys())[
                : max(0, engine.slots - len(running))
            ]:
                running.append((engine.start(waiting.pop(job.name), root), job))
            if not running:
                break
            for handle, problem in engine.wait():
                (job,) = (job for other, job in running if other is handle)
                running = [(other, kept) for other, kept in running if other is not handle]
                if problem is not None:
                    problems[job.name] = problem
                done = len(jobs) - len(waiting) - len(running)
                report(done, len(jobs), job.name if problem is None else f"{job.name} failed: {problem}")
    finally:
        engine.stop()
    if problems:
        name, problem = next(iter(problems.items()))
        left = (
            f" (and {len(problems) + len(waiting) - 1} more are not done)" if len(problems) + len(waiting) > 1 else ""
        )
        wrong = f"failed: {problem}{left}"
        raise DataError(f"job {name}", wrong, f"see {by_name[name].folder(root) / LOG}; the next run goes on from here")
    return {job.name: result_of(job.name, root) for job in jobs}


def result_of(name: str, root: Path) -> Any:
    """Return the result of a job that is done."""
    return _content(root / "jobs" / name / RESULT)["result"]


def work(job: Job, root: Path, threads: int = 1) -> None:
    """Do one job in this process: write its output to its log and what it returns to its result."""
    folder = job.folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    with _logged(folder / LOG):
        print(f"{job.name} on {socket.gethostname()}, process {os.getpid()}", flush=True)
        started = time.monotonic()
        module, _, name = job.function.partition(":")
        function = getattr(importlib.import_module(module), name)
        _use(threads)
        earlier = _kept(job, root)
        before_s = sum(content["seconds"] for content in earlier.values())
        result = function(folder, root, **job.arguments)
        if job.parts:
            result = _in_parts(job, folder, result, {part: content["result"] for part, content in earlier.items()})
        _write(folder / RESULT, job, result, before_s + time.monotonic() - started)
        shutil.rmtree(folder / PARTS, ignore_errors=True)


def _in_parts(job: Job, folder: Path, made: Callable[[str], Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each part comes to; those `kept` by an earlier try are not done again.

    A part that raises keeps none of the others from being done.

    Raises:
        DataError: A part failed; the error names it.
    """
    results = dict(kept)
    if kept:
        print(f"{len(kept)} of {len(job.parts)} parts are there from an earlier try", flush=True)
    problems: list[tuple[str, str]] = []
    for number, part in enumerate(job.parts):
        if part in results:
            continue
        started = time.monotonic()
        try:
            results[part] = made(part)
        except Exception as error:
            if not isinstance(error, EmgasrError):
                traceback.print_exc()
            problems.append((part, str(error) or type(error).__name__))
            print(f"emgasr: {part}: {problems[-1][1]}", flush=True)
            continue
        _write(folder / PARTS / f"{number}.json", job, results[part], time.monotonic() - started, part=part)
    if problems:
        part, problem = problems[0]
        left = f" (and {len(problems) - 1} more of its {len(job.parts)} parts failed)" if len(problems) > 1 else ""
        raise DataError(part, f"{problem}{left}")
    return {part: results[part] for part in job.parts}


def _kept(job: Job, root: Path) -> dict[str, dict[str, Any]]:
    """Return what an earlier try of a job kept of its parts, by their names; an OutputError if of other settings."""
    found = {}
    for path in (job.folder(root) / PARTS).glob("[0-9]*.json"):  # not what a write that was cut off left
        content = _content(path, "part")
        _check_settings(job, content, path)
        found[content["part"]] = content
    return found


def _write(path: Path, job: Job, result: Any, seconds: float, **more: str) -> None:
    about = {"fingerprint": job.fingerprint(), **more}
    content = {**about, "result": result, "seconds": round(seconds, 3), "host": socket.gethostname()}
    with replacing(path) as temporary:
        temporary.write_text(as_json(content) + "\n", encoding="utf-8")


def _ready(waiting: Mapping[str, Job], without_result: set[str]) -> list[Job]:
    missing = waiting.keys() | without_result
    return [job for job in waiting.values() if missing.isdisjoint(job.after)]


def _finished(job: Job, root: Path) -> bool:
    path = job.folder(root) / RESULT
    if not path.is_file():
        _kept(job, root)
        return False
    _check_settings(job, _content(path), path)
    return True


def _check_settings(job: Job, content: Mapping[str, Any], path: Path) -> None:
    """Raise an OutputError if a result, of a job or of a part of it, is not of this job's settings."""
    if content["fingerprint"] != job.fingerprint():
        advice = "choose another folder for these, or remove its job's folder to do it anew"
        raise OutputError(path, "is the result of other settings", advice)


def _content(path: Path, *keys: str) -> dict[str, Any]:
    content = read_json(path, OutputError, "remove it: the job is then done anew", LARGEST_TABLE)
    if not isinstance(content, dict) or not {"fingerprint", "result", "seconds", *keys} <= content.keys():
        raise OutputError(path, "is not a job's result", "remove it: the job is then done anew")
    return content


def problem_of(job: Job, root: Path) -> str:
    """Return the last line of a failed job's log, which says what went wrong."""
    log = (job.folder(root) / LOG).read_text(encoding="utf-8", errors="replace")  # libraries write there too
    lines = [line for line in lines_of(log) if line.strip()]
    return lines[-1].removeprefix("emgasr: ")[:300] if lines else "it wrote nothing"


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send standard output and error (those of libraries too) to the end of a file; write errors there too."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with open(path, "a", encoding="utf-8") as log:
        streams = sys.stdout, sys.stderr
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
        sys.stdout = sys.stderr = log  # a worker's own may be captured already
        try:
            yield
        except BaseException as error:
            if not isinstance(error, EmgasrError):
                traceback.print_exc()
            print(f"emgasr: {error or type(error).__name__}")
            raise
        finally:
            log.flush()
            sys.stdout, sys.stderr = streams
            for descriptor, old in zip((1, 2), kept, strict=True):
                os.dup2(old, descriptor)
                os.close(old)


def _use(threads: int) -> None:
    """Set the number of torch's threads; to import torch for that alone would take a job seconds."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    else:  # torch reads these when the job imports it after all
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
