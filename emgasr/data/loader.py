"""A function from numbers to batches in; its batches out in order, made ahead by a thread or by worker processes."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from emgasr.data.batches import Batch
from emgasr.errors import DataError

Item = TypeVar("Item")
CUDA_WORKERS = 4  # processes for a GPU where no number is asked for


def loaded(
    make: Callable[[int], Batch], numbers: range, device: torch.device, workers: int | None = None
) -> Generator[Batch, None, None]:
    """Yield make(number) for each of `numbers`; any number of workers gives the same batches.

    Close the generator to end the thread or the workers. What `make` raises is raised here, as it is.

    Args:
        make: makes a batch, a function of the number alone.
        numbers: the numbers, in order; they may never end.
        device: where the batches will go; those for CUDA lie in page-locked memory.
        workers: processes that make batches; 0: one thread of this process; None: 0, and a few for CUDA.
    """
    pinned = device.type == "cuda"
    count = (min(CUDA_WORKERS, os.cpu_count() or 1) if pinned else 0) if workers is None else workers
    loader: DataLoader[Batch | BaseException] = DataLoader(
        _Made(make),
        batch_size=None,
        sampler=numbers,
        collate_fn=_unchanged,
        num_workers=count,
        pin_memory=pinned,
        worker_init_fn=_begin_worker,
        generator=torch.Generator(),  # the loader draws a seed for its workers: not from the steps' generator
        multiprocessing_context="fork" if count and sys.platform == "linux" else None,
    )
    items: Iterator[Batch | BaseException] = iter(loader) if count else made_ahead(loader)
    try:
        for item in items:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        if not count:
            items.close()  # type: ignore[attr-defined]
        del items  # the last reference: its workers end


def made_ahead(items: Iterable[Item], most: int = 3) -> Generator[Item, None, None]:
    """Yield `items`, made up to `most` early on one thread; what they raise is raised here."""
    made: queue.Queue[tuple[Item | None, BaseException | None, bool]] = queue.Queue(maxsize=most)
    stop = threading.Event()

    def offer(item: Item | None, error: BaseException | None = None, last: bool = True) -> None:
        while not stop.is_set():
            try:
                made.put((item, error, last), timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                if stop.is_set():
                    return
                offer(item, last=False)
            offer(None)
        except BaseException as error:
            offer(None, error)

    thread = threading.Thread(target=work, name="batches", daemon=True)
    thread.start()
    try:
        while True:
            item, error, last = made.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()


@contextmanager
def noticing_lost_workers() -> Iterator[None]:
    """Raise a DataError where PyTorch notices that a worker process is gone, at whatever moment that is."""
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        wrong = f"a process that makes batches was lost ({str(error).splitlines()[0][:120]})"
        raise DataError("training data", wrong, "lower fit.workers, or close other programs") from error


class _Made(Dataset[Any]):
    """A map from number to batch; an exception is an item too, so that it comes out of a worker as it went in."""

    def __init__(self, make: Callable[[int], Batch]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> Batch | BaseException:
        try:
            return self.make(number)
        except Exception as error:
            return error


def _unchanged(item: Item) -> Item:
    return item


def _begin_worker(number: int) -> None:
    """Leave Ctrl-C to the process that trains: it ends its workers when the step at hand is done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
