"""Ctrl-C, SIGTERM and SIGHUP in; one way to end, between two steps of the work, out."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def end_as_ctrl_c() -> list[int]:
    """Make SIGTERM and SIGHUP act as Ctrl-C does, in this process only; return a list to which each one is added.

    A signal that this process ignores already (`nohup`) is still ignored.
    """
    main_process = os.getpid()
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != main_process:  # a worker that was forked from it
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        came.append(number)
        at_ctrl_c = signal.getsignal(signal.SIGINT)
        if not callable(at_ctrl_c):  # what a shell starts in the background ignores Ctrl-C
            raise KeyboardInterrupt
        at_ctrl_c(signal.SIGINT, frame)

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    return came


@contextmanager
def noticing_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether Ctrl-C was pressed; a second Ctrl-C raises KeyboardInterrupt."""
    pressed: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    try:
        before = signal.signal(signal.SIGINT, handle)
    except ValueError:  # not the main thread: the caller handles Ctrl-C
        yield lambda: False
        return
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def holding_ctrl_c() -> Iterator[None]:
    """Delay Ctrl-C until the block has ended, so that the block is done as a whole."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    pressed: list[FrameType | None] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            before(signal.SIGINT, pressed[0])
