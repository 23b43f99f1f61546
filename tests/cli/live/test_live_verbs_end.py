"""Live verbs as processes of their own end well: at a signal, and when what reads their output has seen enough."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from emgasr import open_recording
from emgasr.sessions.journal_reading import is_journal
from tests.helpers.miniatures import write_native


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with model/ and a minute of signal, minute.hdf5, in which that model reads keys."""
    from tests.helpers.tiny_models import save_keys_model

    folder = tmp_path_factory.mktemp("world")
    save_keys_model(folder / "model")
    write_native(folder, "minute.hdf5", seconds=60.0)
    return folder


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "emgasr", *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=default_interrupt
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def default_interrupt() -> None:
    """A suite in the background of a shell inherits an ignored SIGINT, which a terminal would not give."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_stream_with_its_figures(world: Path, number: signal.Signals) -> None:
    source = f"file:{world}/minute.hdf5"
    with started("stream", f"{world}/model", "--source", source, "--json") as process:
        assert process.stdout is not None
        assert "key" in process.stdout.readline()
        process.send_signal(number)
        told, wrong = process.communicate(timeout=60)
    summary = json.loads(told.splitlines()[-1])
    assert (process.returncode, wrong) == (0, "")
    assert (summary["event"], summary["interrupted"]) == ("summary", True)
    assert 0 < summary["seconds"] < 60


@pytest.mark.process
def test_ctrl_c_in_a_terminal_ends_the_view_with_its_figures_and_nothing_typed_is_in_the_picture(world: Path) -> None:
    controller, terminal = pty.openpty()
    program = (
        "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    source = f"file:{world}/minute.hdf5"
    command = [sys.executable, "-c", program, "-m", "emgasr", "stream", f"{world}/model", "--source", source]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment)
    os.close(terminal)
    screen, typed = b"", False
    with suppress(OSError):  # how a terminal tells that no one writes to it any more
        while read := os.read(controller, 4096):
            screen += read
            if not typed and b"Ctrl-C ends" in screen:
                typed = bool(os.write(controller, b"zyx\x03"))
    os.close(controller)
    assert process.wait(timeout=60) == 0
    assert b"computing, each chunk: p50" in screen
    assert b"^C" not in screen
    assert b"zyx" not in screen


@pytest.mark.process
def test_termination_ends_a_recording_well(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "stopped.hdf5"
    with started("record", "--out", str(out), "--source", f"file:{world}/minute.hdf5", "--json") as process:
        while not (out.exists() and out.stat().st_size > 3000):
            assert process.poll() is None
        process.terminate()
        told, wrong = process.communicate(timeout=60)
    assert (process.returncode, wrong) == (0, "")
    assert not is_journal(out)
    assert open_recording(out).duration_s == pytest.approx(json.loads(told)["seconds"], abs=1e-3)


@pytest.mark.process
def test_a_reader_that_goes_away_ends_a_stream_without_a_word(world: Path) -> None:
    with started("stream", f"{world}/model", "--source", f"file:{world}/minute.hdf5", "--json") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, wrong = process.communicate(timeout=60)
    assert (process.returncode, wrong) == (141, "")
