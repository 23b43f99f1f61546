"""Jobs: each is done once, in order, in its own process, with its log; a lost worker is tried again, a failure told."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from emgasr.errors import ConfigError, DataError, OutputError
from emgasr.protocol.engines.local import LocalEngine
from emgasr.protocol.jobs import Job, result_of, run_jobs, work
from tests.helpers.jobs import Here


def sums() -> list[Job]:
    """The last first: order is by need."""
    return [
        Job("sum", "tests.helpers.jobs:add", {"of": ["a", "b/c"], "plus": 4}, ("a", "b/c")),
        Job("a", "tests.helpers.jobs:add", {"of": [], "plus": 1}),
        Job("b/c", "tests.helpers.jobs:add", {"of": ["a"], "plus": 2}, ("a",)),
    ]


def test_jobs_come_after_those_they_need_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    engine, told = Here(), []
    results = run_jobs(sums(), tmp_path, engine, lambda *what: told.append(what))
    assert results == {"sum": 8, "a": 1, "b/c": 3}
    assert engine.seen == ["a", "b/c", "sum"]
    assert engine.stopped
    assert told == [(1, 3, "a"), (2, 3, "b/c"), (3, 3, "sum")]
    log = (tmp_path / "jobs" / "b" / "c" / "log.txt").read_text()
    assert log == f"b/c on {socket.gethostname()}, process {os.getpid()}\nadding 2\n"
    again = Here()
    assert run_jobs(sums(), tmp_path, again) == results
    assert again.seen == []


def test_a_second_run_does_what_lacks_a_result(tmp_path: Path) -> None:
    run_jobs(sums(), tmp_path, Here())
    (tmp_path / "jobs" / "sum" / "result.json").unlink()
    engine = Here()
    run_jobs(sums(), tmp_path, engine)
    assert engine.seen == ["sum"]


@pytest.mark.parametrize(("function", "told"), [("fail", "the recording: is empty; record again"), ("crash", "oops")])
def test_a_job_that_fails_is_told_and_holds_up_only_what_needs_it(tmp_path: Path, function: str, told: str) -> None:
    never = Job("never", "tests.helpers.jobs:crash", after=("bad",))
    jobs = [Job("bad", f"tests.helpers.jobs:{function}"), *sums(), never]
    engine = Here()
    with pytest.raises(
        DataError, match=rf"^job bad: failed: {told} \(and 1 more are not done\); see .*log.txt"
    ) as error:
        run_jobs(jobs, tmp_path, engine)
    assert sorted(engine.seen) == ["a", "b/c", "bad", "sum"]
    assert ("Traceback" in Path(str(error.value).partition("see ")[2].partition(";")[0]).read_text()) == (
        told == "oops"
    )
    assert result_of("sum", tmp_path) == 8


def test_the_result_of_other_settings_is_neither_used_nor_replaced(tmp_path: Path) -> None:
    run_jobs(sums(), tmp_path, Here())
    other = [Job("a", "tests.helpers.jobs:add", {"of": [], "plus": 5})]
    with pytest.raises(OutputError, match=r"a/result\.json: is the result of other settings"):
        run_jobs(other, tmp_path, Here())
    assert result_of("a", tmp_path) == 1
    (tmp_path / "jobs" / "a" / "result.json").write_text("{oops")
    with pytest.raises(OutputError, match=r"is not JSON .*; remove it"):
        run_jobs(other, tmp_path, Here())


def test_a_result_does_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    run_jobs(sums(), tmp_path / "here", Here())
    (tmp_path / "here").rename(tmp_path / "there")
    engine = Here()
    assert run_jobs(sums(), tmp_path / "there", engine)["sum"] == 8
    assert engine.seen == []


def test_two_jobs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="two jobs have the same name"):
        run_jobs([sums()[1], sums()[1]], tmp_path, Here())


def in_parts(*parts: str, **arguments: object) -> Job:
    return Job("all", "tests.helpers.jobs:greet", {"greeting": "hello", **arguments}, parts=parts)


def test_a_part_that_fails_is_named_the_others_are_done_and_the_next_run_does_it_alone(tmp_path: Path) -> None:
    job = in_parts("ann", "bad", "cat", "worse")
    for wrong in ("bad", "worse"):
        (tmp_path / wrong).write_text("is empty")
    told = r"^job all: failed: bad: the recording: is empty \(and 1 more of its 4 parts failed\); see .*log.txt"
    with pytest.raises(DataError, match=told):
        run_jobs([job], tmp_path, Here())
    assert not (tmp_path / "jobs" / "all" / "result.json").exists()
    (tmp_path / "bad").unlink()
    with pytest.raises(DataError, match=r"failed: worse: the recording: is empty; see"):
        run_jobs([job], tmp_path, Here())
    (tmp_path / "worse").unlink()
    (tmp_path / "jobs" / "all" / "parts" / ".3.json.part-abcdefgh.json").write_text("{")  # a write that was cut off
    results = run_jobs([job], tmp_path, Here())
    assert list(results["all"].items()) == [(name, f"hello {name}") for name in ("ann", "bad", "cat", "worse")]
    log = (tmp_path / "jobs" / "all" / "log.txt").read_text()
    assert [log.count(f"greeting {name}\n") for name in ("ann", "bad", "cat", "worse")] == [1, 2, 1, 3]
    assert "3 of 4 parts are there from an earlier try" in log
    assert not (tmp_path / "jobs" / "all" / "parts").exists()  # the result holds them


def test_a_crash_in_a_part_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    with pytest.raises(DataError, match=r"failed: bad: .*Is a directory"):
        run_jobs([in_parts("ann", "bad")], tmp_path, Here())
    assert "IsADirectoryError" in (tmp_path / "jobs" / "all" / "log.txt").read_text()


def test_parts_that_other_settings_left_are_neither_used_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("oops")
    with pytest.raises(DataError, match="failed: bad"):
        run_jobs([in_parts("ann", "bad")], tmp_path, Here())
    for other in (in_parts("ann", "bad", greeting="goodbye"), in_parts("bad", "ann")):
        with pytest.raises(OutputError, match=r"parts/0\.json: is the result of other settings"):
            run_jobs([other], tmp_path, Here())
    (tmp_path / "jobs" / "all" / "parts" / "0.json").write_text("{}")
    with pytest.raises(OutputError, match=r"parts/0\.json: is not a job's result; remove it"):
        run_jobs([in_parts("ann", "bad")], tmp_path, Here())


def test_the_seconds_of_a_job_count_what_earlier_tries_did_of_it(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("oops")
    with pytest.raises(DataError, match="failed: bad"):
        run_jobs([in_parts("ann", "bad")], tmp_path, Here())
    part = tmp_path / "jobs" / "all" / "parts" / "0.json"
    part.write_text(json.dumps(json.loads(part.read_text()) | {"seconds": 1000.0}))
    (tmp_path / "bad").unlink()
    run_jobs([in_parts("ann", "bad")], tmp_path, Here())
    assert json.loads((tmp_path / "jobs" / "all" / "result.json").read_text())["seconds"] == pytest.approx(1000, abs=60)


@pytest.mark.process
def test_killed_processes_are_tried_again_and_leave_the_results_as_they_would_be(tmp_path: Path) -> None:
    jobs = [
        *sums(),
        Job("lost", "tests.helpers.jobs:lost_once", {"times": 1}),
        Job("dead", "tests.helpers.jobs:lost_once", {"times": 9}),
        Job("bad", "tests.helpers.jobs:fail"),
    ]
    with pytest.raises(DataError, match="and 1 more are not done"):
        run_jobs(jobs, tmp_path, LocalEngine(workers=3))
    assert result_of("lost", tmp_path) == "after 1 losses"
    assert result_of("sum", tmp_path) == 8
    assert not (tmp_path / "jobs" / "dead" / "result.json").exists()
    assert json.loads((tmp_path / "jobs" / "sum" / "result.json").read_text())["host"]
    with pytest.raises(DataError, match=r"job dead: failed: its worker was lost 3 times \(signal 9\)"):
        run_jobs(jobs[:-1], tmp_path, LocalEngine())


@pytest.mark.process
def test_ctrl_c_ends_the_processes(tmp_path: Path) -> None:
    engine = LocalEngine()
    job = Job("long", "tests.helpers.jobs:long")
    handle = engine.start(job, tmp_path)
    while not (job.folder(tmp_path) / "begun").exists():
        time.sleep(0.05)
    started = time.monotonic()
    engine.stop()
    assert not handle.process.is_alive()
    assert time.monotonic() - started < 30
    assert "KeyboardInterrupt" in (job.folder(tmp_path) / "log.txt").read_text()


def test_torch_gets_the_threads_of_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(set_num_threads=told.append))
    work(sums()[1], tmp_path, threads=3)
    assert told == [3]


def test_a_job_without_torch_imports_none_and_leaves_word_of_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    work(sums()[1], tmp_path, threads=3)
    assert "torch" not in sys.modules
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("3", "3")


def test_impossible_workers_are_refused() -> None:
    with pytest.raises(ConfigError, match="0 workers of 1 threads"):
        LocalEngine(0)
