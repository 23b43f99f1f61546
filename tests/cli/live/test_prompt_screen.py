"""What a person sees while they are recorded."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from emgasr.capture.recorder import Progress
from emgasr.cli.live.prompt_screen import prompt_screen
from emgasr.sources import Note

LOST = Note("gap", 2.0, 400, "400 samples (0.200 s) were lost")


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (Progress("rest", "", "", 0, 0, 1.5, (), 5.0), ["1.5 of 5 s", "rest: lie still", "Ctrl-C: end"]),
        (
            Progress("prompt", "go on", "go", 2, 3, 7.0, (LOST,)),
            ["prompt 2 of 3   7.0 s", "go on⏎", "go▏", "gap: 400 samples", "enter: next prompt"],
        ),
        (Progress("prompt", "go", "", 4, 0, 7.0, (), 30.0), ["prompt 4   7.0 of 30 s"]),
        (Progress("free", "", "", 0, 0, 7.0, ()), ["7.0 s", "recording", "Ctrl-C: end"]),
    ],
)
def test_a_panel_tells_what_to_do_and_how_long(progress: Progress, shown: list[str]) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=60, height=20)
    with prompt_screen(console) as show:
        show(progress)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    for part in shown:
        assert part in plain, part


def test_without_a_terminal_nothing_is_shown() -> None:
    screen = io.StringIO()
    with prompt_screen(Console(file=screen)) as show:
        show(Progress("free", "", "", 0, 0, 7.0, ()))
    assert screen.getvalue() == ""
