"""Functions in, what became of each in a process of its own out: forked from this one, under limits of CPU and memory.

A child inherits what is imported and compiled here, so that a run costs milliseconds instead of the seconds that torch
takes to import. What it returns comes back through a pipe as JSON; how it ended, from the system.
"""

from __future__ import annotations

import json
import os
import resource
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

SECONDS = 10  # of CPU that a run may take, its own and the system's for it
PATIENCE = 3  # times as long it may wait, which on a busy machine it must
MEMORY_BYTES = 1 << 30  # of address space above what the parent has
FILE_BYTES = 1 << 28


@dataclass(frozen=True)
class End:
    """How a child ended: what it returned, or the reason why it did not; what it took."""

    key: Any
    value: Any
    fault: str  # "" if it returned
    cpu_s: float
    memory_bytes: int


@dataclass
class _Child:
    key: Any
    begun_s: float
    received: bytearray = field(default_factory=bytearray)
    killed: bool = False


def run_each(tasks: Iterable[tuple[Any, Callable[[], Any]]], at_once: int = 1, seconds: int = SECONDS) -> Iterator[End]:
    """The end of each (key, task), in the order in which they end; at most `at_once` run at a time."""
    waiting = iter(tasks)
    children: dict[int, _Child] = {}
    pids: dict[int, int] = {}
    done = False
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                while not done and len(children) < at_once:
                    key, task = next(waiting, (None, None))
                    if task is None:
                        done = True
                        break
                    pid, pipe = _fork(task, seconds)
                    children[pid], pids[pipe] = _Child(key, time.monotonic()), pid
                    selector.register(pipe, selectors.EVENT_READ)
                if not children:
                    return
                for event, _ in selector.select(timeout=0.5):
                    pipe = event.fd
                    child = children[pids[pipe]]
                    if block := os.read(pipe, 1 << 16):
                        child.received += block
                        continue
                    selector.unregister(pipe)
                    os.close(pipe)
                    yield _ended(pids.pop(pipe), children, seconds)
                for pid, child in children.items():
                    if time.monotonic() - child.begun_s > PATIENCE * seconds and not child.killed:
                        child.killed = True
                        os.kill(pid, signal.SIGKILL)
        finally:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _ended(pid: int, children: dict[int, _Child], seconds: int) -> End:
    _, status, usage = os.wait4(pid, 0)
    child = children.pop(pid)
    cpu_s = usage.ru_utime + usage.ru_stime
    value, fault, memory = None, "", 0
    try:
        value, memory = json.loads(child.received)
    except ValueError:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if child.killed:
            fault = f"hung: over {PATIENCE * seconds} s"
        elif number == signal.SIGXCPU:
            fault = f"slow: over {seconds} s"
        elif number:
            fault = f"killed by {signal.Signals(number).name}"
        else:
            fault = f"ended the process with code {os.waitstatus_to_exitcode(status)}"
    return End(child.key, value, fault, cpu_s, memory)


def _fork(task: Callable[[], Any], seconds: int) -> tuple[int, int]:
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:
        os.close(reading)
        before = _status("VmRSS")
        _limit(seconds)
        value = task()
        with open(writing, "w", encoding="ascii") as pipe:
            json.dump([value, max(0, _status("VmHWM") - before)], pipe)
    except BaseException as error:  # of the fuzzer itself: readers' are caught within the task
        sys.__stderr__ and sys.__stderr__.write(f"fuzzer: {error!r}\n")
        os._exit(70)
    finally:
        os._exit(0)


def _limit(seconds: int) -> None:
    address_space = _status("VmSize") + MEMORY_BYTES
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, address_space),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most if what != resource.RLIMIT_CPU else most + 1))
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _status(name: str) -> int:
    """A figure of this process in bytes, as the system tells it."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    return 0
