"""A folder in; words with which a shell starts `emgasr` and `python` at once, until the block ends, out.

To import torch, SciPy, matplotlib and compiled code takes a process seconds, and a recipe starts a dozen. Here one
process imports them, and each command runs in a fork of it, with the streams, the folder, the environment and the exit
code of the process that a shell sees. Where the start of a process is what is tested, tests start their own.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.forked_command import FORMAT

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(__file__).with_name("forked_command.py")
ROOMS = ("classifiers", "corpora", "evaluation", "pretraining", "protocol", "training")
OTHERS = ("matplotlib.figure", "scipy.signal", "scipy.stats", "sklearn.discriminant_analysis")


@contextlib.contextmanager
def forked_programs(folder: Path) -> Iterator[dict[str, str]]:
    """The environment variables EMGASR and PYTHON of a recipe."""
    place = folder / "socket"
    code = f"from tests.helpers.forked import serve; serve({str(place)!r})"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True, **pipes) as server:
        assert server.stdout is not None
        try:
            assert server.stdout.readline() == b"ready\n"
            words = f"{sys.executable} -IS {COMMAND} {place}"
            yield {"EMGASR": f"{words} -m emgasr", "PYTHON": words}
        finally:
            os.killpg(server.pid, signal.SIGKILL)  # with what still runs for a test that failed


def serve(place: str) -> None:
    """Import what commands need, then run each command that comes to the socket at `place` in a fork."""
    from numba.core.registry import cpu_target

    from emgasr.cli import VERBS

    rooms = [f"emgasr.{room}.{file.stem}" for room in ROOMS for file in (ROOT / "emgasr" / room).glob("[a-z]*.py")]
    for name in ("emgasr.pipeline", *(module for module, _ in VERBS.values()), *rooms, *OTHERS):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    cpu_target.target_context.refresh()  # what numba knows of NumPy, before the first compiled function
    gc.freeze()  # what is here stays, and forks need not look through it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        print("ready", flush=True)
        while select.select([listener, sys.stdin], [], [])[0] == [listener]:  # else whoever started this is gone
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                break
            connection.close()
        else:
            return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _answer(connection)


def _answer(connection: socket.socket) -> None:
    """Run one command in a fork of this process, and send its exit code."""
    head, streams, _, _ = socket.recv_fds(connection, FORMAT.size, 3)
    (size,) = FORMAT.unpack(head)
    with connection.makefile("rb") as file:
        command = json.loads(file.read(size))
    child = os.fork()
    if child == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(command["folder"])
        os.environ.clear()
        os.environ.update(command["environment"])
        _end(_code_of(command["words"]))
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    connection.sendall(bytes([code if code >= 0 else 128 - code]))  # a signal as a shell counts it
    os._exit(0)


def _code_of(words: list[str]) -> int:
    """Run a file, or a module behind `-m`, with arguments, as `python WORDS`; return the exit code."""
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            sys.path.insert(0, str(Path(words[0]).parent))
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> None:
    """End a process in order, but for what it imported: to take that apart lasts a second."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
