"""Emissions of many utterances in, their hypotheses out in the same order: searched on threads, a few at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import numpy as np

from emgasr.decoding.hypothesis import Hypothesis
from emgasr.decoding.search import BeamSearch
from emgasr.errors import ConfigError

AHEAD = 2  # utterances taken for each thread before their turn: none waits for work, and memory is bounded
PIECE_FRAMES = 2048  # searched between two looks at whether to stop: a fraction of a second


def search_all(emissions: Iterable[np.ndarray], search: BeamSearch, threads: int) -> Iterator[list[Hypothesis]]:
    """Yield the hypotheses of each utterance (F, V) in order, as `search.whole` does, on `threads` threads.

    At most two utterances a thread are taken ahead. An error of an utterance, or of taking it, is raised in its turn,
    after the results before it. Whatever ends the loop (an error, Ctrl-C, a consumer that has enough) ends the threads.
    """
    if threads < 1:
        raise ConfigError("search", f"{threads} threads cannot search", "use 1 or more")
    search.whole(np.zeros((0, len(search.tokens))))  # compiled and weighted here, not by each thread beside the others
    source = iter(emissions)
    waiting: deque[Future[list[Hypothesis]]] = deque()
    failure: Exception | None = None
    more = True
    stop = Event()
    pool = ThreadPoolExecutor(threads, "search")
    try:
        while more or waiting:
            while more and len(waiting) < AHEAD * threads:
                try:
                    waiting.append(pool.submit(_search, next(source), search, stop))
                except StopIteration:
                    more = False
                except Exception as error:
                    failure, more = error, False
            if waiting:
                yield waiting.popleft().result()
        if failure is not None:
            raise failure
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _search(emissions: np.ndarray, search: BeamSearch, stop: Event) -> list[Hypothesis]:
    state = search.start()
    for first in range(0, max(1, len(emissions)), PIECE_FRAMES):
        if stop.is_set():
            return []
        state = search.step(emissions[first : first + PIECE_FRAMES], state)
    return search.flush(state)
