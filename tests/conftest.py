"""What every test shares: one thread, the same examples, and a watch on the mark `process`.

The tests' models are tiny: two threads that wait for each other at every operation take many times as long as one where
other work shares the cores. Hypothesis draws the same examples each time, so that a change is judged by what it does;
HYPOTHESIS_PROFILE=explore draws new ones, and an example that fails is then added to its test.
"""

from __future__ import annotations

import multiprocessing.process
import os
import platform
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is first imported, here and in the tests' processes

settings.register_profile("repeat", derandomize=True)
settings.register_profile("explore")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))

_STARTED: list[str] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
        _STARTED.append(event)


def _watched_start(process: Any, start: Any = multiprocessing.process.BaseProcess.start) -> None:
    _STARTED.append("multiprocessing")
    start(process)


platform.processor()  # runs `uname -p` once in a process, whichever test's import asks first
sys.addaudithook(_watch)
multiprocessing.process.BaseProcess.start = _watched_start  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _process_is_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that starts a process without the mark `process`, so that `make test-fast` stays fast."""
    _STARTED.clear()
    yield
    if _STARTED and request.node.get_closest_marker("process") is None:
        pytest.fail(f"starts a process ({_STARTED[0]}): mark the test `process`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with the most slow tests and processes first: what comes last should keep no worker waiting."""
    heavy = Counter(
        item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("process")
    )
    items.sort(key=lambda item: -heavy[item.path])
