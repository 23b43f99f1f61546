"""Jobs in, their results out by processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from emgasr.errors import ConfigError
from emgasr.protocol.jobs import STOP_S, TRIES, Done, Job, problem_of, work
from emgasr.runtime.interrupts import end_as_ctrl_c


class LocalEngine:
    """Runs jobs on this machine, each in a process of its own.

    Args:
        workers: jobs at a time.
        threads: threads of a job.
        preload: modules that jobs need, imported once for all of them; those that are not installed are passed over.
    """

    def __init__(self, workers: int = 1, threads: int = 1, preload: Sequence[str] = ()) -> None:
        if min(workers, threads) < 1:
            raise ConfigError("jobs", f"{workers} workers of {threads} threads", "give 1 or more of each")
        self.slots = workers
        self.threads = threads
        # Forked from a server that has imported nothing: no threads and no locks come along, and no state of this run.
        known = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")
        if "forkserver" in known:
            self._context.set_forkserver_preload([__name__, *preload])
        self._running: list[_Process] = []

    def start(self, job: Job, root: Path) -> Any:
        """Start a job's process."""
        process = _Process(job, root, self._begin(job, root))
        self._running.append(process)
        return process

    def wait(self) -> list[Done]:
        """Block until jobs have ended; start those whose process was killed again."""
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
        """Interrupt what still runs, so that training writes its checkpoint; after a minute kill it."""
        for running in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.process.pid or 0, signal.SIGINT) if running.process.is_alive() else None
        for running in self._running:
            running.process.join(STOP_S)
            running.process.kill()
        self._running = []

    def _begin(self, job: Job, root: Path) -> Any:
        if self._context.get_start_method() == "forkserver":
            _start_server()
        process = self._context.Process(target=_guarded, args=(job, root, self.threads), name=job.name)
        process.start()
        return process


def _start_server() -> None:
    """Start the server that forks jobs deaf to Ctrl-C: in the midst of its imports that would print a traceback."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        forkserver.ensure_running()
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(eq=False)
class _Process:
    job: Job
    root: Path
    process: Any
    tries: int = 1


def _guarded(job: Job, root: Path, threads: int) -> None:
    """Do a job; the exit code says that something went wrong, the log what."""
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
