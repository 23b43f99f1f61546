"""A simulated person in; a picture of what `emgasr stream` shows of their typing, as an SVG, out.

`python docs/live_view.py docs/images/live.svg` makes the picture again.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import emgasr
from emgasr.cli.live.stream_view import View
from emgasr.display.console import Console

PERSON, CHUNK_MS = "simulate:seed=9101,minutes=2,speed=fast,chunk_ms=64", 64.0
SECONDS, PARTIAL = 35.0, 4  # from when on the first moment is taken at which so many characters are partial


def picture() -> str:
    """The view of the packaged model on this person, as an SVG without fonts from elsewhere."""
    stream = emgasr.load("demo", device="cpu").stream()
    console = Console(record=True, width=84, height=18, file=io.StringIO(), force_terminal=True, _environ={})
    view = View(stream, CHUNK_MS, console)
    for chunk in emgasr.open_source(PERSON).chunks():
        view(stream.feed(chunk.samples))
        if stream.time_s >= SECONDS and len(stream.partial_text) >= len(stream.text) + PARTIAL:
            break
    console.print(view.picture())
    svg = console.export_svg(title="emgasr stream demo --source simulate:seed=9101")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "ui-monospace")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(), encoding="utf-8")
