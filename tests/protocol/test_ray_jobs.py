"""Jobs on a real Ray cluster of two nodes on this machine: a worker and a node are lost, the results are the same."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emgasr.errors import ConfigError, DataError
from emgasr.protocol.jobs import Job, result_of, run_jobs
from emgasr.protocol.results import PersonResult
from emgasr.protocol.tables import over_people
from tests.helpers.jobs import Here
from tests.helpers.people import prepared, write_corpus
from tests.helpers.scripts import ROOT

pytestmark = [pytest.mark.process, pytest.mark.slow]


def jobs() -> list[Job]:
    return [
        Job("one", "tests.helpers.jobs:node", {"waits": 2, "number": 3}),
        Job("two", "tests.helpers.jobs:node", {"waits": 2, "number": 4}),
        Job("sum", "tests.helpers.jobs:add", {"of": ["one", "two", "lost"], "plus": 0}, ("one", "two", "lost")),
        Job("lost", "tests.helpers.jobs:lost", {"times": 1}),
    ]


def alive(worker: int) -> bool:
    try:
        os.kill(worker, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one CPU; jobs find the tests' modules."""
    pytest.importorskip("ray")
    import ray
    from ray.cluster_utils import Cluster

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), before]))
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    ray.init(address=made.address, log_to_driver=False)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()
    os.environ["PYTHONPATH"] = before or ""


@pytest.mark.process
@pytest.mark.timeout(280)
def test_two_nodes_of_which_one_dies_and_a_killed_worker_give_the_results_of_a_local_run(
    cluster: Any, tmp_path: Path
) -> None:
    from emgasr.protocol.engines.ray_cluster import RayEngine

    second = cluster.list_all_nodes()[1]

    def end_a_node() -> None:
        deadline = time.monotonic() + 120
        while len(list(tmp_path.glob("jobs/*/node-*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        workers = [int(path.read_text()) for path in tmp_path.glob("jobs/*/node-*")]
        cluster.remove_node(second, allow_graceful=False)
        while all(map(alive, workers)) and time.monotonic() < deadline:
            time.sleep(0.05)  # a node's worker outlives it for a moment, and could end its job
        (tmp_path / "go").touch()

    killer = threading.Thread(target=end_a_node)
    killer.start()
    results = run_jobs(jobs(), tmp_path, RayEngine())
    killer.join()
    nodes = [len(list((tmp_path / "jobs" / name).glob("node-*"))) for name in ("one", "two")]
    assert sorted(nodes) == [1, 2]  # the job of the node that was lost ran on both
    assert len(list((tmp_path / "jobs" / "lost").glob("try*"))) == 2
    assert results == {"one": 9, "two": 16, "lost": 1, "sum": 26}
    assert run_jobs(jobs(), tmp_path, Here()) == results  # nothing is left for a local run to do


@pytest.mark.process
@pytest.mark.timeout(280)
def test_a_protocol_on_two_nodes_whose_worker_is_killed_gives_the_table_of_a_local_run(
    cluster: Any, tmp_path: Path
) -> None:
    from emgasr.protocol.engines.ray_cluster import RayEngine
    from emgasr.protocol.plan import run

    while len(cluster.list_all_nodes()) < 2:
        cluster.add_node(num_cpus=1)
    write_corpus(tmp_path)
    killed = []

    def kill_a_worker() -> None:
        deadline = time.monotonic() + 120
        while not killed and time.monotonic() < deadline:
            for log in (tmp_path / "there").glob("jobs/*/*/seed0/train/log.txt"):
                if not killed and (found := re.search(r"process (\d+)\n", log.read_text())):
                    killed.append(log.parent)
                    os.kill(int(found[1]), signal.SIGKILL)
            time.sleep(0.001)

    killer = threading.Thread(target=kill_a_worker)
    killer.start()
    results = [run(prepared(tmp_path, "there"), RayEngine()), run(prepared(tmp_path, "here"), Here())]
    killer.join()
    assert len(re.findall("process", (killed[0] / "log.txt").read_text())) == 2
    tables = [over_people([PersonResult.of({**r.row, "train_minutes": 0.0}) for r in one]) for one in results]
    assert tables[0] == tables[1]


@pytest.mark.process
@pytest.mark.timeout(280)
def test_on_a_cluster_too_a_failure_is_told_and_a_worker_lost_thrice_given_up(cluster: Any, tmp_path: Path) -> None:
    from emgasr.protocol.engines.ray_cluster import RayEngine

    bad = Job("bad", "tests.helpers.jobs:fail")
    with pytest.raises(DataError, match="job bad: failed: the recording: is empty; record again; see"):
        run_jobs([bad, *jobs()[3:]], tmp_path, RayEngine())
    assert result_of("lost", tmp_path) == 1
    with pytest.raises(DataError, match=r"job dead: failed: its worker was lost 3 times \(WorkerCrashedError\)"):
        run_jobs([Job("dead", "tests.helpers.jobs:lost", {"times": 9})], tmp_path, RayEngine())


def test_without_ray_its_engine_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from emgasr.protocol.engines.ray_cluster import RayEngine

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"Ray is not installed; pip install 'emgasr\[cluster\]'"):
        RayEngine()
