"""What every source owes: declared facts, chunks in order, notes of known kinds, and an end when it is closed.

A new row of SOURCES is tested here as soon as PLACES says how to reach one.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from emgasr.errors import ConfigError
from emgasr.recording import ORIGINS, UNITS, electrode_count
from emgasr.sources import NOTE_KINDS, SOURCES, channel_count, is_live, open_source, origin_of
from tests.helpers.miniatures import write_native
from tests.helpers.outlets import Outlet

SECONDS = 0.5


def file(folder: Path, stack: ExitStack) -> str:
    return f"file:{write_native(folder)},speed=1"


def simulate(folder: Path, stack: ExitStack) -> str:
    return "simulate:seed=9001,speed=fast"


def stdin(folder: Path, stack: ExitStack) -> str:
    """A pipe that holds two seconds of four channels, and stays open."""
    reader, writer = os.pipe()
    os.write(writer, np.arange(400 * 4, dtype="<f4").tobytes())
    stack.callback(os.close, writer)
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr("sys.stdin", stack.enter_context(os.fdopen(reader, "rb")))
    return "stdin:rate=200,unit=uV,channels=4"


def brainflow(folder: Path, stack: ExitStack) -> str:
    pytest.importorskip("brainflow")
    return "brainflow:board=-1"


def lsl(folder: Path, stack: ExitStack) -> str:
    pytest.importorskip("pylsl")
    name = f"emgasr-{os.getpid()}-{time.monotonic_ns()}"
    stack.callback(Outlet(name).stop)
    return f"lsl:name={name}"


PLACES: dict[str, Callable[[Path, ExitStack], str]] = {
    "file": file,
    "simulate": simulate,
    "stdin": stdin,
    "brainflow": brainflow,
    "lsl": lsl,
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_every_kind_of_source_has_a_place() -> None:
    assert PLACES.keys() == SOURCES.keys()


@pytest.mark.parametrize("kind", SOURCES)
def test_chunks_come_in_order_and_as_declared(kind: str, tmp_path: Path, stack: ExitStack) -> None:
    source = open_source(PLACES[kind](tmp_path, stack))
    stack.callback(source.close)
    assert source.rate_hz > 0
    assert source.unit in UNITS
    assert origin_of(source) in ORIGINS
    assert isinstance(is_live(source), bool)
    assert channel_count(source) == electrode_count(source.bands) > 0
    end_s, arrived_s, heard = 0.0, 0.0, 0
    for chunk in source.chunks():
        assert (chunk.samples.dtype, chunk.samples.shape[1:]) == (np.float32, (channel_count(source),))
        assert {note.kind for note in chunk.notes} <= set(NOTE_KINDS)
        if chunk.notes and chunk.notes[0].kind == "gap":
            assert chunk.time_s > end_s
        else:
            assert chunk.time_s == pytest.approx(end_s, abs=1e-9)
        end_s = chunk.time_s + len(chunk.samples) / source.rate_hz
        assert arrived_s <= chunk.arrived_s <= time.monotonic()
        arrived_s = chunk.arrived_s
        heard += len(chunk.samples)
        if heard >= SECONDS * source.rate_hz:
            break
    assert heard >= SECONDS * source.rate_hz


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_that_is_closed_from_another_thread_ends(kind: str, tmp_path: Path, stack: ExitStack) -> None:
    source = open_source(PLACES[kind](tmp_path, stack))
    chunks = source.chunks()
    next(chunks)
    closing = threading.Thread(target=source.close)
    closing.start()
    began_s = time.monotonic()
    for _ in chunks:
        assert time.monotonic() - began_s < 10, "chunks go on"
    closing.join(10)
    assert not closing.is_alive()
    source.close()


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_that_nobody_listened_to_can_be_closed(kind: str, tmp_path: Path, stack: ExitStack) -> None:
    source = open_source(PLACES[kind](tmp_path, stack))
    source.close()
    source.close()


@pytest.mark.parametrize("kind", SOURCES)
def test_an_option_that_a_source_does_not_have_is_refused(kind: str, tmp_path: Path, stack: ExitStack) -> None:
    with pytest.raises(ConfigError, match="has no option 'chunk_m'; did you mean chunk_ms"):
        open_source(PLACES[kind](tmp_path, stack) + ",chunk_m=5")


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_can_be_filtered(kind: str, tmp_path: Path, stack: ExitStack) -> None:
    source = open_source(PLACES[kind](tmp_path, stack) + ",highpass_hz=5")
    stack.callback(source.close)
    chunk = next(chunk for chunk in source.chunks() if len(chunk.samples))
    assert chunk.samples.shape[1] == channel_count(source)
    assert np.isfinite(chunk.samples).all()
