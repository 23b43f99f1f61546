"""Many utterances on threads: what one thread finds, in order, and an end at once whatever ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from emgasr.decoding import BeamSearch, SearchConfig
from emgasr.decoding import parallel as module
from emgasr.decoding.parallel import AHEAD, search_all
from emgasr.errors import ConfigError, DataError
from emgasr.lm import estimate
from tests.helpers.known_emissions import KEYS, emissions_of
from tests.helpers.scripts import ROOT

LM = estimate([list("the cat sat on the mat")] * 3, order=3)
SEARCH = BeamSearch(KEYS, LM, SearchConfig(beam=8, n_best=3))
TEXTS = ["the cat", "", "sat", "on the mat", "t", "cat the cat", "mat"]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("search")] == []


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_hypotheses_come_in_order_and_are_those_of_one_search(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_FRAMES", 3)  # pieces change nothing
    emissions = [emissions_of(text, sure=0.7) for text in TEXTS]
    assert list(search_all(iter(emissions), SEARCH, threads)) == [SEARCH.whole(each) for each in emissions]


def test_of_nothing_comes_nothing() -> None:
    assert list(search_all([], SEARCH, 2)) == []
    (nothing_read,) = search_all([np.zeros((0, len(KEYS)))], SEARCH, 2)
    assert nothing_read[0].ids == ()


def test_only_a_few_utterances_are_taken_ahead() -> None:
    taken = 0

    def utterances() -> Iterator[np.ndarray]:
        nonlocal taken
        for text in TEXTS * 5:
            taken += 1
            yield emissions_of(text)

    for done, _ in enumerate(search_all(utterances(), SEARCH, 2), start=1):
        assert taken <= done - 1 + AHEAD * 2


def test_an_utterance_that_is_refused_is_told_in_its_turn() -> None:
    bad = emissions_of("abc")
    bad[4, 2] = np.nan
    read = search_all([emissions_of("the"), emissions_of("cat"), bad, emissions_of("mat")], SEARCH, 2)
    assert [KEYS.render(next(read)[0].ids) for _ in range(2)] == ["the", "cat"]
    with pytest.raises(DataError, match="frame 4 holds NaN"):
        next(read)
    assert list(read) == []


@pytest.mark.parametrize("shape", [(3, 5), (0, 5), (7,)])
def test_emissions_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="is not \\(frames"):
        list(search_all([np.zeros(shape)], SEARCH, 2))


def test_a_source_that_fails_is_told_after_what_it_gave() -> None:
    def utterances() -> Iterator[np.ndarray]:
        yield emissions_of("the")
        yield emissions_of("cat")
        raise DataError("session 3", "cannot be read")

    read = search_all(utterances(), SEARCH, 2)
    assert [KEYS.render(next(read)[0].ids) for _ in range(2)] == ["the", "cat"]
    with pytest.raises(DataError, match="session 3"):
        next(read)


def test_no_thread_goes_on_when_the_consumer_has_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_FRAMES", 200)
    endless = np.broadcast_to(emissions_of("the", sure=0.5)[1], (10**8, len(KEYS)))
    read = search_all([emissions_of("the"), endless, endless], SEARCH, 2)
    assert KEYS.render(next(read)[0].ids) == "the"
    read.close()  # returns when all threads have ended


def test_no_threads_cannot_search() -> None:
    with pytest.raises(ConfigError, match="0 threads"):
        next(search_all([emissions_of("a")], SEARCH, 0))


@pytest.mark.process
@pytest.mark.slow
def test_ctrl_c_stops_at_once() -> None:
    # A suite that runs in the background of a shell inherits an ignored SIGINT, which a terminal would not give.
    program = f"""
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
import sys; sys.path.insert(0, {str(ROOT)!r})
from tests.helpers.known_emissions import KEYS, emissions_of
from emgasr.decoding import BeamSearch
from emgasr.decoding.parallel import search_all
import numpy as np
endless = np.broadcast_to(emissions_of("the", sure=0.5)[1], (10**8, len(KEYS)))
def utterances():
    while True:
        yield endless
        print("searching", flush=True)
try:
    next(search_all(utterances(), BeamSearch(KEYS), 2))
except KeyboardInterrupt:
    sys.exit(130)
"""
    command = [sys.executable, "-c", program]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert started.stdout.readline() == "searching\n"
    time.sleep(0.2)
    started.send_signal(signal.SIGINT)
    _, told = started.communicate(timeout=30)
    assert (started.returncode, told) == (130, "")
