"""SIGTERM and SIGHUP end a verb as Ctrl-C does: checkpoints written, files finished, the terminal as it was."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from emgasr import open_recording
from emgasr.cli import main
from emgasr.runtime.interrupts import holding_ctrl_c, noticing_ctrl_c
from emgasr.sessions.journal import is_journal
from tests.cli.live.test_live_verbs_end import default_interrupt, started
from tests.helpers.miniatures import write_native
from tests.helpers.tiny_models import write_easy_corpus


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_training_that_is_told_to_end_writes_its_checkpoint_and_goes_on_without_a_step_twice(
    number: signal.Signals, tmp_path: Path
) -> None:
    write_easy_corpus(tmp_path)
    run = tmp_path / "run"
    options = [
        "--config",
        str(tmp_path / "train.yaml"),
        "--fit.steps",
        "100000",
        "--fit.validations",
        "1",
        "--out",
        str(run),
    ]
    with started("train", *options) as process:
        while not (run / "log.jsonl").exists() or len((run / "log.jsonl").read_text().splitlines()) < 3:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, wrong = process.communicate(timeout=60)
    assert process.returncode == 130
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert f"stopped at step {steps[-1]}; continue with --resume --out {run}" in wrong
    assert main(["train", "--resume", "--out", str(run), "--fit.steps", str(steps[-1] + 2)]) == 0
    entries = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "loss" in entry] == list(range(1, steps[-1] + 3))


@contextmanager
def in_a_terminal(*words: str) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """A verb with a terminal of its own, as the leader of its session: process, both ends of the terminal."""
    controller, terminal = pty.openpty()
    program = (
        "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    command = [sys.executable, "-c", program, "-m", "emgasr", *words]
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, preexec_fn=default_interrupt)
    try:
        yield process, controller, terminal
    finally:
        process.kill()
        process.wait()


def recorded(out: Path, process: subprocess.Popen[bytes], controller: int) -> None:
    os.set_blocking(controller, False)
    while not (out.exists() and out.stat().st_size > 3000):
        assert process.poll() is None
        shown(controller)


def shown(controller: int) -> None:
    """Take what the process writes to its terminal, which would be full one day."""
    with suppress(BlockingIOError):
        os.read(controller, 4096)
    time.sleep(0.01)


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_recording_that_is_told_to_end_is_finished_and_gives_the_terminal_back(
    number: signal.Signals, tmp_path: Path
) -> None:
    source, out = f"file:{write_native(tmp_path, 'minute.hdf5', seconds=60.0)}", tmp_path / "out.hdf5"
    with in_a_terminal("record", "--out", str(out), "--source", source, "--keys") as (process, controller, terminal):
        before = termios.tcgetattr(terminal)
        recorded(out, process, controller)
        assert termios.tcgetattr(terminal)[3] != before[3]
        process.send_signal(number)
        while process.poll() is None:
            shown(controller)
        assert termios.tcgetattr(terminal) == before
        assert process.returncode == 0
    assert not is_journal(out)
    assert open_recording(out).duration_s > 0
    os.close(controller)
    os.close(terminal)


@pytest.mark.process
def test_a_recording_whose_terminal_is_closed_is_finished(tmp_path: Path) -> None:
    source, out = f"file:{write_native(tmp_path, 'minute.hdf5', seconds=60.0)}", tmp_path / "out.hdf5"
    with in_a_terminal("record", "--out", str(out), "--source", source, "--keys") as (process, controller, terminal):
        recorded(out, process, controller)
        os.close(terminal)
        os.close(controller)  # which hangs up
        process.wait(timeout=60)
    assert not is_journal(out)
    assert open_recording(out).duration_s > 0


@pytest.mark.process
def test_what_was_told_to_ignore_a_hangup_ignores_it() -> None:
    program = """
import os, signal, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
from emgasr.runtime.interrupts import end_as_ctrl_c
came = end_as_ctrl_c()
os.kill(os.getpid(), signal.SIGHUP)
try:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
except KeyboardInterrupt:
    print("ended", came == [signal.SIGTERM])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "ended True\n"


@pytest.mark.process
def test_a_forked_worker_dies_of_what_ends_it_and_its_parent_goes_on() -> None:
    program = """
import os, signal, time
from emgasr.runtime.interrupts import end_as_ctrl_c
end_as_ctrl_c()
ready, tell = os.pipe()
child = os.fork()
if not child:
    os.write(tell, b"x")
    time.sleep(30)
    os._exit(0)
os.read(ready, 1)
os.kill(child, signal.SIGTERM)
print(os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_second_ctrl_c_ends_what_only_notices_the_first() -> None:
    with noticing_ctrl_c() as noticed:
        assert not noticed()
        signal.raise_signal(signal.SIGINT)
        assert noticed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_waits_for_what_must_be_whole() -> None:
    done: list[int] = []

    def whole() -> None:
        with holding_ctrl_c():
            for number in range(3):
                signal.raise_signal(signal.SIGINT)
                done.append(number)

    with pytest.raises(KeyboardInterrupt):
        whole()
    assert done == [0, 1, 2]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
