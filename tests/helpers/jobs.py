"""Jobs to be run by engines: what they do well, badly, for long, or in a process that is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emgasr.errors import DataError
from emgasr.protocol.jobs import Job, problem_of, result_of, work


@dataclass
class Here:
    """An engine that does jobs in this process, one at a time; `seen` names them in order."""

    slots: int = 1
    seen: list[str] = field(default_factory=list)
    stopped: bool = False

    def start(self, job: Job, root: Path) -> Any:
        self.seen.append(job.name)
        self._next = [object(), None]
        try:
            work(job, root)
        except Exception:
            self._next[1] = problem_of(job, root)
        return self._next[0]

    def wait(self) -> list[tuple[Any, str | None]]:
        return [(self._next[0], self._next[1])]

    def stop(self) -> None:
        self.stopped = True


def add(folder: Path, root: Path, *, of: list[str], plus: int) -> int:
    print(f"adding {plus}")
    return sum(result_of(name, root) for name in of) + plus


def fail(folder: Path, root: Path) -> None:
    raise DataError("the recording", "is empty", "record again")


def crash(folder: Path, root: Path) -> None:
    raise ZeroDivisionError("oops")


def greet(folder: Path, root: Path, *, greeting: str, lost: str = "") -> Callable[[str], str]:
    """What greets each part; one named by a file fails as this says, and the worker is killed once at `lost`."""

    def part(name: str) -> str:
        print(f"greeting {name}", flush=True)
        if (root / name).exists():
            raise DataError("the recording", (root / name).read_text(encoding="utf-8"))
        if name == lost and not (folder / "lost").exists():
            (folder / "lost").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return f"{greeting} {name}"

    return part


def lost_once(folder: Path, root: Path, *, times: int) -> str:
    tries = len(list(folder.glob("try*")))
    (folder / f"try{tries}").touch()
    if tries < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"after {tries} losses"


def long(folder: Path, root: Path) -> str:
    """Run for a minute, or until ROOT/go is there; "begun" names the process."""
    (folder / "new").write_text(str(os.getpid()))
    (folder / "new").rename(folder / "begun")
    deadline = time.monotonic() + 60
    while not (root / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return "at last"


def once_begun(folder: Path, root: Path, *, of: str) -> None:
    """Return as soon as another job has begun."""
    deadline = time.monotonic() + 60
    while not (root / "jobs" / of / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def node(folder: Path, root: Path, *, waits: int, number: int) -> int:
    """Wait until `waits` jobs run at once, which one node alone has no room for; say on which node this one ran."""
    import ray

    told = ray.get_runtime_context().get_node_id()
    (folder / "new").write_text(str(os.getpid()))
    (folder / "new").rename(folder / f"node-{told}")
    deadline = time.monotonic() + 60
    while len(list((root / "jobs").glob("*/node-*"))) < waits and time.monotonic() < deadline:
        time.sleep(0.05)
    while waits and not (root / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return number**2


def lost(folder: Path, root: Path, *, times: int) -> int:
    """A number, by a worker that is killed as often as this."""
    tries = len(list(folder.glob("try*")))
    (folder / f"try{tries}").touch()
    if tries < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return tries
