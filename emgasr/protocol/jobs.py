"""Independent jobs in, their results out: on this machine's processes or on a Ray cluster, resumed where they stopped.

A job is a function of the package and JSON arguments. Its folder, ROOT/jobs/<name>, holds log.txt, and result.json once
it is done; a second run of the same jobs does what lacks one. On a cluster every node must see ROOT and the data.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import multiprocessing
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

from emgasr.errors import ConfigError, DataError, EmgasrError, OutputError
from emgasr.files.as_json import as_json
from emgasr.files.output import replacing
from emgasr.files.plain_data import LARGEST_TABLE, read_json
from emgasr.files.plain_text import lines_of
from emgasr.runtime.interrupts import end_as_ctrl_c

# What jobs import, by name so that only the processes that do jobs import it; what is not installed is passed over.
PRELOADED = ["emgasr.protocol.jobs", "emgasr.protocol.work", "torch._dynamo", "torch.utils.tensorboard"]
RESULT, LOG = "result.json", "log.txt"
TRIES = 3  # of a job whose worker was lost: killed, out of memory, or its node gone


@dataclass(frozen=True)
class Job:
    """`function` ("module:name"), called as function(folder, root, **arguments) once the jobs of `after` are done."""

    name: str
    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """What tells that a result is of this very job."""
        content = [self.function, dict(self.arguments), list(self.after)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def folder(self, root: Path) -> Path:
        """Where its log and result lie."""
        return root / "jobs" / self.name


Done = tuple[Any, str | None]  # a handle that an engine gave, and the problem if the job has no result
Report = Callable[[int, int, str], None]


class Engine(Protocol):
    """Runs jobs: `slots` at a time are handed over, and `wait` returns when at least one of them has ended."""

    slots: int

    def start(self, job: Job, root: Path) -> Any: ...

    def wait(self) -> list[Done]: ...

    def stop(self) -> None: ...


def run_jobs(
    jobs: Sequence[Job], root: Path, engine: Engine, report: Report = lambda done, of, name: None
) -> dict[str, Any]:
    """Run the jobs that have no result yet, each after those it needs; return all results by name.

    A job that fails keeps those that need it from running, no others; a DataError then names it and its log. A result
    that is of other settings is refused by an OutputError, never used or replaced.
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
        told = f"failed: {problem}{left}"
        raise DataError(f"job {name}", told, f"see {by_name[name].folder(root) / LOG}; the next run goes on from here")
    return {job.name: result_of(job.name, root) for job in jobs}


def result_of(name: str, root: Path) -> Any:
    """The result of a job that is done."""
    return _content(root / "jobs" / name / RESULT)["result"]


def work(job: Job, root: Path, threads: int = 1) -> None:
    """Do one job in this process: standard output and error go to its log, what it returns to its result."""
    folder = job.folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    with _logged(folder / LOG):
        print(f"{job.name} on {socket.gethostname()}, process {os.getpid()}", flush=True)
        _use(threads)
        started = time.monotonic()
        module, _, name = job.function.partition(":")
        result = getattr(importlib.import_module(module), name)(folder, root, **job.arguments)
        content = {
            "fingerprint": job.fingerprint(),
            "result": result,
            "seconds": round(time.monotonic() - started, 3),
            "host": socket.gethostname(),
        }
        with replacing(folder / RESULT) as path:
            path.write_text(as_json(content) + "\n", encoding="utf-8")


class LocalEngine:
    """`workers` jobs at a time on this machine, a process each, of `threads` threads; a lost process is tried again."""

    def __init__(self, workers: int = 1, threads: int = 1) -> None:
        if min(workers, threads) < 1:
            raise ConfigError("jobs", f"{workers} workers of {threads} threads", "give 1 or more of each")
        self.slots = workers
        self.threads = threads
        # Forked from a server that has imported nothing: no threads and no locks come along, and no state of this run.
        known = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
        if "forkserver" in known:
            self._context.set_forkserver_preload(PRELOADED)
        self._running: list[_Process] = []

    def start(self, job: Job, root: Path) -> Any:
        """Start a job's process."""
        process = _Process(job, root, self._begin(job, root))
        self._running.append(process)
        return process

    def wait(self) -> list[Done]:
        """Wait until jobs have ended; those whose process was killed are started again, TRIES times in all."""
        while True:
            ended = wait([running.process.sentinel for running in self._running])
            done: list[Done] = []
            for running in [running for running in self._running if running.process.sentinel in ended]:
                running.process.join()
                code = running.process.exitcode
                if code is not None and code < 0 and running.tries < TRIES:
                    running.process = self._begin(running.job, running.root)
                    running.tries += 1
                    continue
                self._running.remove(running)
                lost = code is not None and code < 0
                problem = f"its worker was lost {TRIES} times (signal {-(code or 0)})" if lost else None
                done.append((running, problem if lost or code == 0 else problem_of(running.job, running.root)))
            if done:
                return done

    def stop(self) -> None:
        """End what still runs: politely, so that training writes its checkpoint, and after a while at once."""
        for running in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.process.pid or 0, signal.SIGINT) if running.process.is_alive() else None
        for running in self._running:
            running.process.join(60)
            running.process.kill()
        self._running = []

    def _begin(self, job: Job, root: Path) -> Any:
        process = self._context.Process(target=_guarded, args=(job, root, self.threads), name=job.name)
        process.start()
        return process


@dataclass(eq=False)
class _Process:
    job: Job
    root: Path
    process: Any
    tries: int = 1


def _guarded(job: Job, root: Path, threads: int) -> None:
    """Do a job; what goes wrong is in its log, and the exit code tells that something did."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C in the terminal reaches the process that runs the jobs alone, which passes it on once
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background ignores it
    came = end_as_ctrl_c()
    try:
        work(job, root, threads)
    except BaseException:
        if came:  # training has written its checkpoint: to be tried again, as a worker that was lost
            signal.signal(came[0], signal.SIG_DFL)
            os.kill(os.getpid(), came[0])
        sys.exit(1)


def _ready(waiting: Mapping[str, Job], without_result: set[str]) -> list[Job]:
    missing = waiting.keys() | without_result
    return [job for job in waiting.values() if missing.isdisjoint(job.after)]


def _finished(job: Job, root: Path) -> bool:
    path = job.folder(root) / RESULT
    if not path.is_file():
        return False
    if _content(path).get("fingerprint") != job.fingerprint():
        advice = "choose another folder for these, or remove its folder to do it anew"
        raise OutputError(path, "is the result of other settings", advice)
    return True


def _content(path: Path) -> dict[str, Any]:
    content = read_json(path, OutputError, "remove it: the job is then done anew", LARGEST_TABLE)
    if not isinstance(content, dict):
        raise OutputError(path, "is not a job's result", "remove it: the job is then done anew")
    return content


def problem_of(job: Job, root: Path) -> str:
    """The last line of a failed job's log, which tells what went wrong."""
    log = (job.folder(root) / LOG).read_text(encoding="utf-8", errors="replace")  # libraries write there too
    lines = [line for line in lines_of(log) if line.strip()]
    return lines[-1].removeprefix("emgasr: ")[:300] if lines else "it wrote nothing"


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Send standard output and error (those of libraries too) to the end of a file; errors are told there first."""
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
    import torch

    torch.set_num_threads(threads)
