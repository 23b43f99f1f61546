"""The simulator is hard as the corpus is: a linear classifier of single keys gets worse by session and by person."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.helpers.scripts import script


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    return script("benchmarks/simulate.py")


@pytest.mark.slow
def test_a_linear_classifier_of_letters_loses_by_session_and_more_by_person(benchmark: ModuleType) -> None:
    accuracy = benchmark.hardness([0, 1, 2], repeats=24)
    assert accuracy["same_session"] > 0.55  # the information is there (chance 0.04)
    assert accuracy["other_session"] < accuracy["same_session"] - 0.05
    assert accuracy["other_person"] < 0.30
    assert accuracy["other_person"] < accuracy["other_session"] - 0.15


@pytest.mark.slow
def test_simulation_is_faster_than_twenty_times_real_time(benchmark: ModuleType) -> None:
    assert benchmark.speed(minutes=1.0)["times_real_time"] > 20
