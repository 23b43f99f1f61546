"""A stream of the Lab Streaming Layer arrives whole; one that is gone, back, or another than it was is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from emgasr.errors import ConfigError, RecordingError
from emgasr.sources import Chunk, open_source
from tests.helpers.listening import joined, kinds, take
from tests.helpers.outlets import Outlet


@pytest.fixture
def outlet(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[Outlet]]]:
    pytest.importorskip("pylsl")
    name = f"emgasr-{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"
    outlets = [Outlet(name)]
    yield name, outlets
    for each in outlets:
        each.stop()


def steps(chunks: list[Chunk]) -> set[int]:
    first = joined(chunks)[:, 0].astype(int)
    return set(((first[1:] - first[:-1]) % 97).tolist())


def test_a_network_stream_arrives_whole_with_its_labels_and_unit(outlet: tuple[str, list[Outlet]]) -> None:
    source = open_source(f"lsl:name={outlet[0]}")
    assert (source.rate_hz, source.unit) == (500.0, "uV")
    assert source.bands[0].electrodes == ("e1", "e2", "e3", "e4")
    chunks = take(source, seconds=1.0)
    assert not kinds(chunks) & {"gap", "bridged", "repeated", "dropped"}
    assert steps(chunks) == {1}


def test_an_outlet_that_is_killed_and_started_again_is_survived(outlet: tuple[str, list[Outlet]]) -> None:
    name, outlets = outlet
    source = open_source(f"lsl:name={name},stall_s=0.3,reopen_s=0.5")
    chunks, restarted = [], False
    end_s = time.monotonic() + 60.0
    for chunk in source.chunks():
        chunks.append(chunk)
        if chunk.time_s > 0.5 and not restarted:
            outlets.pop().stop()
            outlets.append(Outlet(name))
            restarted = True
        if ("reconnected" in kinds(chunks) and len(chunks[-1].samples)) or time.monotonic() > end_s:
            break
    source.close()
    assert {"disconnected", "reconnected"} <= kinds(chunks)


def test_a_network_stream_that_states_no_unit_or_another_shape_than_it_had_is_told(
    outlet: tuple[str, list[Outlet]],
) -> None:
    name, outlets = outlet
    outlets.append(Outlet(f"{name}-bare", unit=""))
    with pytest.raises(ConfigError, match="does not state its unit"):
        open_source(f"lsl:name={name}-bare")
    with pytest.raises(ConfigError, match="is in uV, not in counts"):
        open_source(f"lsl:name={name},unit=counts")
    source = open_source(f"lsl:name={name},stall_s=0.2,reopen_s=0.3,wait_s=0.5,give_up_s=2")
    chunks = source.chunks()
    next(chunks)
    outlets.pop(0).stop()
    outlets.append(Outlet(name, channels=6))
    with pytest.raises(RecordingError, match="came back with 6 channels at 500 Hz"):
        list(chunks)


SENDER = """
import sys, time, numpy as np, pylsl
outlet = pylsl.StreamOutlet(pylsl.StreamInfo(sys.argv[1], "EMG", 2, 500.0, "float32", "id-" + sys.argv[1]))
print("up", flush=True)
while True:
    outlet.push_chunk(np.full((10, 2), float(sys.argv[2]), np.float32))
    time.sleep(0.02)
"""


@pytest.mark.process
def test_a_sender_that_is_killed_and_started_again_is_survived_and_nothing_else_is_printed() -> None:
    pytest.importorskip("pylsl")
    name = f"emgasr-killed-{os.getpid()}"

    def sender(value: int) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", SENDER, name, str(value)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    receive = (
        "import sys\nfrom emgasr.sources import open_source\n"
        "for chunk in open_source(sys.argv[1]).chunks():\n"
        "    print(*(note.kind for note in chunk.notes), *(set(chunk.samples[:, 0].tolist())), flush=True)\n"
    )
    senders = [sender(1)]
    spec = f"lsl:name={name},unit=uV,stall_s=0.3,reopen_s=0.5,wait_s=2"
    words = [sys.executable, "-c", receive, spec]
    listener = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert listener.stdout is not None
    told: list[str] = []
    try:
        while "2.0" not in told:
            line = listener.stdout.readline()
            assert line, listener.communicate()
            told += line.split()
            if "1.0" in told and len(senders) == 1:
                senders[0].kill()
                senders.append(sender(2))
    finally:
        for process in (listener, *senders):
            process.kill()
    _, wrong = listener.communicate()
    assert told.index("1.0") < told.index("disconnected") < told.index("reconnected") < told.index("2.0")
    assert not wrong


def test_a_source_whose_stream_is_gone_closes_soon(outlet: tuple[str, list[Outlet]]) -> None:
    name, outlets = outlet
    source = open_source(f"lsl:name={name},reopen_s=0.5,wait_s=60")
    for chunk in source.chunks():
        if outlets:
            outlets.pop().stop()
        if "disconnected" in kinds([chunk]):
            break
    started = time.monotonic()
    source.close()
    assert time.monotonic() - started < 8.0


def test_a_stream_that_is_not_there_is_told() -> None:
    pytest.importorskip("pylsl")
    with pytest.raises(RecordingError, match=r"was not found in 0\.2 s"):
        open_source("lsl:name=nobody-sends-this,wait_s=0.2")
