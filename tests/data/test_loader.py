"""Batches made ahead: in order, the same from a thread and from workers, failures as they are, nothing left running."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from emgasr.data.batches import Batch, collate
from emgasr.data.compose import Example
from emgasr.data.loader import loaded, made_ahead, noticing_lost_workers
from emgasr.errors import DataError

CPU = torch.device("cpu")
WORKERS = [0, pytest.param(2, marks=pytest.mark.process)]


def numbered(step: int) -> Batch:
    times = np.zeros(1)
    return collate([Example(np.full((1 + step, 2), step, np.float32), [step], times, times + 0.5)])


def failing(at: int, error: Exception) -> Callable[[int], Batch]:
    def make(step: int) -> Batch:
        if step == at:
            raise error
        return numbered(step)

    return make


def nothing_is_left() -> bool:
    return (
        not any(thread.name == "batches" for thread in threading.enumerate()) and not multiprocessing.active_children()
    )


@pytest.mark.parametrize("workers", WORKERS)
def test_batches_come_in_order_and_end(workers: int) -> None:
    batches = list(loaded(numbered, range(3, 9, 2), CPU, workers))
    assert [int(batch.lengths[0]) for batch in batches] == [4, 6, 8]
    assert all(
        torch.equal(batch.samples, numbered(step).samples) for batch, step in zip(batches, (3, 5, 7), strict=True)
    )
    assert list(loaded(numbered, range(0), CPU, workers)) == []
    assert nothing_is_left()


@pytest.mark.parametrize("workers", WORKERS)
def test_a_failure_is_raised_as_it_is_and_ends_what_makes_batches(workers: int) -> None:
    batches = loaded(failing(2, DataError("recording ann/day0", "broke off", "plug it in")), range(10), CPU, workers)
    assert len([next(batches), next(batches)]) == 2
    with pytest.raises(DataError, match=r"^recording ann/day0: broke off; plug it in$") as told:
        next(batches)
    assert told.value.advice == "plug it in"
    assert nothing_is_left()


@pytest.mark.parametrize("workers", WORKERS)
def test_leaving_early_ends_what_makes_batches(workers: int) -> None:
    batches = loaded(numbered, range(10**9), CPU, workers)
    next(batches)
    batches.close()
    assert nothing_is_left()


@pytest.mark.process
@pytest.mark.parametrize("workers", WORKERS)
def test_loading_draws_nothing_from_the_generator_of_the_steps(workers: int) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    list(loaded(numbered, range(3), CPU, workers))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.process
def test_workers_leave_ctrl_c_to_the_process_that_trains() -> None:
    def interrupted(step: int) -> Batch:
        os.kill(os.getpid(), signal.SIGINT)
        return numbered(step)

    assert len(list(loaded(interrupted, range(3), CPU, 1))) == 3


@pytest.mark.process
def test_a_worker_that_is_killed_is_one_line() -> None:
    def killed(step: int) -> Batch:
        os.kill(os.getpid(), signal.SIGKILL)
        return numbered(step)

    with pytest.raises(DataError, match="a process that makes batches was lost"), noticing_lost_workers():
        list(loaded(killed, range(3), CPU, 1))


def test_no_more_is_made_than_asked_ahead() -> None:
    made: list[int] = []
    enough = threading.Event()

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            if len(made) > 3:
                enough.set()
            yield number

    ahead = made_ahead(items(), most=2)
    next(ahead)
    assert enough.wait(5)  # one taken, two waiting, one in the thread's hands
    ahead.close()
    assert len(made) <= 5
    assert nothing_is_left()
