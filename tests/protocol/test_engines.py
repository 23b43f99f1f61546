"""The law of engines: whatever runs jobs, they come in order, failures are reported, lost workers are replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emgasr.errors import ConfigError, DataError
from emgasr.protocol.engines.local import LocalEngine
from emgasr.protocol.engines.slurm import SlurmConfig, SlurmEngine
from emgasr.protocol.jobs import Engine, Job, result_of, run_jobs
from tests.helpers.fake_slurm import write_fake_slurm
from tests.helpers.jobs import Here
from tests.helpers.scripts import ROOT

QUICK = SlurmConfig(poll_s=0.05, lag_s=0.5, minutes=60)
HERE, LOCAL, RAY, SUBMITIT, SLURM = "this process", "local", "ray", "submitit's local executor", "slurm"
ELSEWHERE = (
    pytest.param(LOCAL, marks=pytest.mark.process),
    *(pytest.param(name, marks=[pytest.mark.process, pytest.mark.slow]) for name in (RAY, SUBMITIT, SLURM)),
)


@pytest.fixture
def engine_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Engine]:
    """Makes an engine by its name; jobs that it runs elsewhere find the tests' modules."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])))

    def make(name: str) -> Engine:
        if name == HERE:
            return Here()
        if name == LOCAL:
            return LocalEngine(3, preload=["torch"])
        if name == RAY:
            pytest.importorskip("ray")
            from emgasr.protocol.engines.ray_cluster import RayEngine

            return RayEngine()
        pytest.importorskip("submitit")
        if name == SUBMITIT:
            return SlurmEngine(QUICK, "local")
        monkeypatch.setenv("PATH", f"{write_fake_slurm(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
        return SlurmEngine(QUICK)

    return make


def job(name: str, function: str, after: tuple[str, ...] = (), **arguments: object) -> Job:
    return Job(name, f"tests.helpers.jobs:{function}", arguments, after)


def tries(folder: Path, name: str) -> int:
    return (folder / "jobs" / name / "log.txt").read_text().count(f"{name} on ")


@pytest.mark.process
@pytest.mark.parametrize("name", [HERE, *ELSEWHERE])
def test_jobs_come_after_those_they_need_failures_are_reported_and_a_second_run_does_the_rest(
    engine_of: Callable[[str], Engine], name: str, tmp_path: Path
) -> None:
    root = tmp_path / "out"
    jobs = [
        job("sum", "add", ("a", "b"), of=["a", "b"], plus=4),
        job("b", "add", ("a",), of=["a"], plus=2),
        job("a", "add", of=[], plus=1),
        job("bad", "fail"),
        job("never", "add", ("bad",), of=[], plus=0),
    ]
    wrong = r"job bad: failed: the recording: is empty; record again \(and 1 more are not done\)"
    with pytest.raises(DataError, match=wrong):
        run_jobs(jobs, root, engine_of(name))
    assert result_of("sum", root) == 8
    assert tries(root, "bad") == 1  # what raises would raise again
    assert not (root / "jobs" / "never").exists()
    seen: list[str] = []
    (root / "jobs" / "b" / "result.json").unlink()
    run_jobs(jobs[:3], root, Here(), lambda done, of, told: seen.append(told))
    assert seen == ["b"]


@pytest.mark.process
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_lost_worker_is_replaced_and_the_third_one_is_the_last(
    engine_of: Callable[[str], Engine], name: str, tmp_path: Path
) -> None:
    root = tmp_path / "out"
    greeting = {"greeting": "hello", "lost": "bob"}
    people = Job("people", "tests.helpers.jobs:greet", greeting, parts=("ann", "bob", "cat"))
    jobs = [job("lost", "lost_once", times=1), job("dead", "lost_once", times=9), people]
    with pytest.raises(DataError, match="job dead: failed: its worker was lost 3 times"):
        run_jobs(jobs, root, engine_of(name))
    assert result_of("lost", root) == "after 1 losses"
    assert tries(root, "dead") == 3
    assert result_of("people", root) == {"ann": "hello ann", "bob": "hello bob", "cat": "hello cat"}
    log = (root / "jobs" / "people" / "log.txt").read_text()
    assert [log.count(f"greeting {name}\n") for name in people.parts] == [1, 2, 1]  # it goes on where it was lost


@pytest.mark.process
@pytest.mark.parametrize("name", ELSEWHERE)
def test_ctrl_c_ends_the_jobs_and_the_next_run_goes_on(
    engine_of: Callable[[str], Engine], name: str, tmp_path: Path
) -> None:
    root = tmp_path / "out"
    jobs = [job("long", "long"), job("short", "once_begun", of="long")]

    def ctrl_c(done: int, of: int, told: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs, root, engine_of(name), ctrl_c)
    worker = int((root / "jobs" / "long" / "begun").read_text())
    assert ended(worker)
    assert "KeyboardInterrupt" in (root / "jobs" / "long" / "log.txt").read_text()
    (root / "go").touch()
    assert run_jobs(jobs, root, Here()) == {"long": "at last", "short": None}
    assert tries(root, "short") == 1


@pytest.mark.process
@pytest.mark.slow
def test_a_slurm_job_whose_time_is_up_ends_as_by_ctrl_c_and_is_submitted_again(
    engine_of: Callable[[str], Engine], tmp_path: Path
) -> None:
    root = tmp_path / "out"
    begun = root / "jobs" / "long" / "begun"

    def time_is_up() -> None:
        deadline = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        worker = int(begun.read_text())
        os.kill(worker, signal.SIGUSR2)  # which SLURM sends before the limit
        assert ended(worker)
        (root / "go").touch()

    engine = engine_of(SLURM)  # which skips the test where there is no submitit
    clock = threading.Thread(target=time_is_up)
    clock.start()
    assert run_jobs([job("long", "long")], root, engine) == {"long": "at last"}
    clock.join()
    assert tries(root, "long") == 2
    assert "KeyboardInterrupt" in (root / "jobs" / "long" / "log.txt").read_text()


@pytest.mark.process
@pytest.mark.slow
def test_slurm_is_asked_for_what_the_options_say(
    engine_of: Callable[[str], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_of(SLURM)
    config = SlurmConfig("gpu", "lab", 90, 2, 8, 32.0, poll_s=0.05)
    assert run_jobs([job("a", "add", of=[], plus=1)], tmp_path / "out", SlurmEngine(config)) == {"a": 1}
    (asked,) = (path.read_text() for path in (tmp_path / "bin").glob("job-*"))
    wanted = ("partition=gpu", "account=lab", "time=90", "gpus-per-node=2", "cpus-per-task=8", "mem=32GB")
    for option in (*wanted, "job-name=emgasr"):
        assert f"#SBATCH --{option}\n" in asked


def test_without_slurm_or_submitit_the_engine_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"--engine slurm: SLURM takes no job .*srun"):
        run_jobs([job("a", "add", of=[], plus=1)], tmp_path, SlurmEngine())
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(ConfigError, match=r"submitit is not installed; pip install 'emgasr\[cluster\]'"):
        SlurmEngine()


@pytest.mark.parametrize("changes", [{"minutes": 0}, {"cpus": 0}, {"memory_gb": -1.0}, {"jobs": 0}])
def test_impossible_slurm_jobs_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"slurm.{next(iter(changes))}: .* is out of range"):
        SlurmConfig(**changes)  # type: ignore[arg-type]


def ended(worker: int) -> bool:
    """Whether a process ends within seconds; a zombie has ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.process
def test_ctrl_c_while_the_server_of_jobs_imports_prints_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text(
        "import pathlib, time\npathlib.Path(__file__).with_name('begun').touch()\ntime.sleep(1.5)\n"
    )
    script = (
        "import pathlib, time\nfrom emgasr.protocol.engines import local\n"
        "engine = local.LocalEngine(preload=['slow_to_import'])\n"
        "engine._context.set_forkserver_preload(['slow_to_import'])\nlocal._start_server()\n"
        "try:\n    time.sleep(30)\nexcept KeyboardInterrupt:\n    time.sleep(2)\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", ""), *sys.path]),
    }
    run = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    begun = time.monotonic()
    while not (tmp_path / "begun").exists() and time.monotonic() < begun + 20:
        time.sleep(0.05)
    os.killpg(run.pid, signal.SIGINT)
    assert "Traceback" not in run.communicate(timeout=20)[1]
    assert (tmp_path / "begun").exists()
