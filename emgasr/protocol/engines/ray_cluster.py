"""Jobs in, their results out by a Ray cluster: the one that RAY_ADDRESS names, or one of this machine alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emgasr.errors import ConfigError
from emgasr.protocol.jobs import STOP_S, TRIES, Done, Job, problem_of, work


class RayEngine:
    """Runs each job as a task; Ray tries one again whose worker or node was lost.

    Args:
        threads: CPUs of a job.
        gpus: GPUs of a job, parts allowed.
    """

    slots = 1 << 20  # Ray itself knows what there is room for

    def __init__(self, threads: int = 1, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise ConfigError("--engine ray", "Ray is not installed", "pip install 'emgasr[cluster]'") from error
        self._ray: Any = ray
        self._own = not ray.is_initialized()
        if self._own:
            ray.init(log_to_driver=False, include_dashboard=False)
        remote = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=TRIES - 1)
        self._task: Any = remote(_task)
        self._threads = threads
        self._running: list[Any] = []

    def start(self, job: Job, root: Path) -> Any:
        """Hand a job to the cluster."""
        reference = self._task.remote(job, root, self._threads)
        self._running.append(reference)
        return reference

    def wait(self) -> list[Done]:
        """Block until a job has ended."""
        ended, _ = self._ray.wait(self._running, num_returns=1)
        done: list[Done] = []
        for reference in ended:
            (started,) = (other for other in self._running if other == reference)
            self._running = [other for other in self._running if other is not started]
            try:
                done.append((started, self._ray.get(reference)))
            except self._ray.exceptions.RayError as error:
                done.append((started, f"its worker was lost {TRIES} times ({type(error).__name__})"))
        return done

    def stop(self) -> None:
        """Interrupt what still runs, and after a minute end it; a cluster that was started for this run ends."""
        for reference in self._running:
            self._ray.cancel(reference)
        if self._running:
            _, left = self._ray.wait(self._running, num_returns=len(self._running), timeout=STOP_S)
            for reference in left:
                self._ray.cancel(reference, force=True)
        self._running = []
        if self._own:
            self._ray.shutdown()


def _task(job: Job, root: Path, threads: int) -> str | None:
    """Do a job on a worker; return the problem if it failed, since Ray tries what raises again."""
    try:
        work(job, root, threads)
    except Exception:
        return problem_of(job, root)
    return None
