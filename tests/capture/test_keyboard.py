"""A terminal's keys come with their times, unseen on the screen, and answer no later question."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

IN_A_TERMINAL = """
import fcntl, os, sys, termios, time
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from emgasr.capture.keyboard import has_keyboard, terminal_keys
"""


def screen_of(program: str, *typed: tuple[str, bytes]) -> str:
    """What a program leaves on a terminal of its own; bytes are typed each when its word appears."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_TERMINAL + program], stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    screen, waiting = b"", list(typed)
    with suppress(OSError):  # how a terminal tells that no one writes to it any more
        while read := os.read(controller, 4096):
            screen += read
            if waiting and waiting[0][0].encode() in screen:
                os.write(controller, waiting.pop(0)[1])
    os.close(controller)
    assert process.wait(timeout=60) == 0, screen.decode()
    return screen.decode()


@pytest.mark.process
def test_keys_are_taken_unseen_and_answer_no_later_question() -> None:
    program = """
with terminal_keys() as keys:
    print("ready", flush=True)
    pressed = []
    while "Key.enter" not in [key for _, key in pressed]:
        pressed += keys()
        time.sleep(0.01)
print("took", [key for _, key in pressed], sorted(at for at, _ in pressed) == [at for at, _ in pressed])
print("answer", repr(input("question")))
"""
    screen = screen_of(program, ("ready", b"xyz\x1b[Aq\r"), ("question", b"yes\n"))
    assert "took ['x', 'y', 'z', 'q', 'Key.enter'] True" in screen
    assert "answer 'yes'" in screen
    assert "xyz" not in screen


@pytest.mark.process
def test_a_background_job_leaves_the_keyboard_alone() -> None:
    program = """
print("own", has_keyboard(), flush=True)
if os.fork() == 0:
    os.setpgid(0, 0)
    with terminal_keys() as keys:  # would stop the job if it touched the terminal
        print("job", has_keyboard(), keys(), flush=True)
    os._exit(0)
os.wait()
"""
    screen = screen_of(program)
    assert "own True" in screen
    assert "job False []" in screen


@pytest.mark.process
def test_without_a_terminal_there_is_no_keyboard() -> None:
    program = "from emgasr.capture.keyboard import has_keyboard; print(has_keyboard())"
    done = subprocess.run([sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.stdout == "False\n"
