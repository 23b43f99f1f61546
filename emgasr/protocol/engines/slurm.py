"""Jobs in, their results out by a SLURM cluster, through submitit."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.protocol.jobs import STOP_S, TRIES, Done, Job, problem_of, work
from emgasr.runtime.interrupts import end_as_ctrl_c

FOLDER = "slurm"  # of the protocol's: submission files, and what SLURM itself says of each job


@dataclass(frozen=True)
class SlurmConfig:
    """What SLURM gives each job.

    Args:
        partition: where jobs queue; empty takes the cluster's default.
        account: whose share they use; empty takes the user's default.
        minutes: time limit of a job; a training that reaches it writes its checkpoint and goes on in a new job.
        gpus: GPUs a job.
        cpus: cores a job, each a thread.
        memory_gb: memory a job in GB; 0 takes the cluster's default.
        jobs: most jobs that wait or run at a time.
        poll_s: seconds between two looks for results.
        lag_s: seconds until a file that another node wrote is seen here.
    """

    partition: str = ""
    account: str = ""
    minutes: Annotated[int, Within(1, 1e6)] = 720
    gpus: Annotated[int, Within(0, 1024)] = 0
    cpus: Annotated[int, Within(1, 4096)] = 1
    memory_gb: Annotated[float, Within(0, 1e6)] = 0.0
    jobs: Annotated[int, Within(1, 1e6)] = 64
    poll_s: Annotated[float, Within(0.01, 3600)] = 2.0
    lag_s: Annotated[float, Within(0, 3600)] = 30.0

    def __post_init__(self) -> None:
        check_within(self, "slurm")


class SlurmEngine:
    """Runs each job as a SLURM job; one that was killed, or whose time was up, is submitted again.

    Args:
        config: what each job gets.
        cluster: submitit's executor; "local" runs the jobs on this machine, for tests.
    """

    def __init__(self, config: SlurmConfig | None = None, cluster: str = "slurm") -> None:
        try:
            import submitit
        except ImportError as error:
            advice = "pip install 'emgasr[cluster]'"
            raise ConfigError("--engine slurm", "submitit is not installed", advice) from error
        self._submitit: Any = submitit
        self.config = config or SlurmConfig()
        self.slots = self.config.jobs
        self._cluster = cluster
        self._executors: dict[Path, Any] = {}
        self._running: list[_Submitted] = []

    def start(self, job: Job, root: Path) -> Any:
        """Submit a job."""
        submitted = _Submitted(job, root, self._submit(job, root))
        self._running.append(submitted)
        return submitted

    def wait(self) -> list[Done]:
        """Block until jobs have ended; submit those without an answer again."""
        while True:
            done: list[Done] = []
            for submitted in [one for one in self._running if one.handle.done()]:
                answered, problem = self._answer(submitted)
                if not answered and submitted.tries < TRIES:
                    submitted.handle = self._submit(submitted.job, submitted.root)
                    submitted.tries += 1
                    continue
                self._running.remove(submitted)
                lost = f"its worker was lost {TRIES} times ({submitted.handle.state})"
                done.append((submitted, problem if answered else lost))
            if done:
                return done
            time.sleep(self.config.poll_s)

    def stop(self) -> None:
        """Cancel the jobs that wait or run, and give them a minute to end."""
        for submitted in self._running:
            submitted.handle.cancel(check=False)
        deadline = time.monotonic() + STOP_S
        while self._running and time.monotonic() < deadline:
            self._running = [one for one in self._running if not one.handle.done(force_check=True)]
            if self._running:
                time.sleep(self.config.poll_s)
        self._running = []

    def _submit(self, job: Job, root: Path) -> Any:
        try:
            if root not in self._executors:
                self._executors[root] = self._executor(root / FOLDER)
            return self._executors[root].submit(_task, job, root, self.config.cpus)
        except (RuntimeError, OSError, self._submitit.core.utils.FailedJobError) as error:
            lines = str(error).strip().splitlines()
            wrong = f"SLURM takes no job ({lines[-1] if lines else type(error).__name__})"
            raise ConfigError("--engine slurm", wrong, "run on a login node, with a partition that it has") from error

    def _executor(self, folder: Path) -> Any:
        config = self.config
        executor = self._submitit.AutoExecutor(folder=folder, cluster=self._cluster)
        executor.update_parameters(
            name="emgasr",
            timeout_min=config.minutes,
            cpus_per_task=config.cpus,
            gpus_per_node=config.gpus or None,
            mem_gb=config.memory_gb or None,
            slurm_partition=config.partition or None,
            slurm_account=config.account or None,
        )
        return executor

    def _answer(self, submitted: _Submitted) -> tuple[bool, str | None]:
        """Return whether a job that has ended left an answer, and the problem that this names."""
        answer = submitted.handle.paths.result_pickle
        deadline = time.monotonic() + self.config.lag_s
        while not answer.exists() and time.monotonic() < deadline:
            time.sleep(min(0.5, self.config.poll_s))
        return (True, submitted.handle.result()) if answer.exists() else (False, None)


@dataclass(eq=False)
class _Submitted:
    job: Job
    root: Path
    handle: Any
    tries: int = 1


def _task(job: Job, root: Path, threads: int) -> str | None:
    """Do a job on a node; return its problem. A signal ends it without an answer, so that it is submitted again."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # SLURM's shells may have it ignored
    end_as_ctrl_c()
    signal.signal(signal.SIGUSR2, lambda number, frame: signal.raise_signal(signal.SIGINT))  # submitit's: time is up
    try:
        work(job, root, threads)
    except Exception:
        return problem_of(job, root)
    return None
