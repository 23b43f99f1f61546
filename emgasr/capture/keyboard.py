"""The terminal's keyboard in; keys with the host's times of their presses, without an echo, out.

A terminal sends characters, not keys: there are no releases, and shift shows only in the letter that it makes.
"""

from __future__ import annotations

import codecs
import os
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emgasr.capture.recorder import Keys

NAMES = {"\r": "Key.enter", "\n": "Key.enter", "\x7f": "Key.backspace", "\b": "Key.backspace", " ": "Key.space"}
ESCAPE = "\x1b"


def no_keys() -> list[tuple[float, str]]:
    """Where there is no terminal."""
    return []


def has_keyboard() -> bool:
    """Whether standard input is a terminal that is ours to read: a background job would be stopped by it."""
    if sys.stdin is None or sys.stdin.closed or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # a terminal without job control
        return True


@contextmanager
def terminal_keys() -> Iterator[Keys]:
    """Yield a function that returns the presses since its last call as (time.monotonic(), key).

    Ctrl-C still interrupts. Without a keyboard there are no presses.
    """
    if not has_keyboard():
        yield no_keys
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    keyboard = _Keyboard(descriptor)
    try:
        tty.setcbreak(descriptor)
        keyboard.start()
        yield keyboard.pressed
    finally:
        try:
            keyboard.stop()
        finally:  # also when Ctrl-C is pressed again
            with suppress(termios.error):  # the terminal was closed
                # What was typed too late answers no question.
                termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


class _Keyboard(threading.Thread):
    """Reads in a thread of its own, so that times do not wait for the screen or the signal."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._presses: list[tuple[float, str]] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.is_set():
            if not select.select([self._descriptor], [], [], 0.1)[0]:
                continue
            try:
                read = os.read(self._descriptor, 1024)
            except OSError:  # the terminal was closed
                return
            if not read:
                return
            keys = keys_of(self._decoder.decode(read))
            with self._lock:
                self._presses += [(time.monotonic(), key) for key in keys]

    def pressed(self) -> list[tuple[float, str]]:
        """Presses since the last call."""
        with self._lock:
            presses, self._presses = self._presses, []
        return presses

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self.is_alive():
            self.join(timeout=1.0)


def keys_of(text: str) -> list[str]:
    """The keys that a stretch of terminal input stands for; escape sequences (arrows and the like) are left out."""
    keys, at = [], 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == ESCAPE:
            if text[at : at + 1] in ("[", "O"):
                at += 1
                while at < len(text) and not text[at].isalpha() and text[at] != "~":
                    at += 1
                at += 1
            continue
        if character in NAMES:
            keys.append(NAMES[character])
        elif character.isprintable():
            keys.append(character)
    return keys
