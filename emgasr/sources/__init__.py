"""Where live signals come from: a spec such as "lsl:name=band" in; a Source that yields chunks of samples out.

file:PATH                  a recording or a take, as it was (speed=1) or as fast as it is read (speed=fast)
simulate:seed=3            a simulated person who types
stdin:rate=2000,unit=uV    raw little-endian samples from a pipe
brainflow:board=-1         a board that BrainFlow knows, by its id
lsl:name=...               a stream of the Lab Streaming Layer

The options of `emgasr condition` may stand in any spec (highpass_hz=20,mains=50): the source is then filtered.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial

from emgasr.errors import ConfigError
from emgasr.recording import Signal
from emgasr.sources.source import NOTE_KINDS, Chunk, Note, Source, Typing, channel_count, is_live, origin_of
from emgasr.sources.spec import CONDITIONING, Spec

__all__ = [
    "NOTE_KINDS",
    "SOURCES",
    "Chunk",
    "Note",
    "Source",
    "Typing",
    "channel_count",
    "is_live",
    "open_source",
    "origin_of",
]
# The kinds of sources, and the modules that open them, each imported when a spec asks for it.
SOURCES = {
    "file": "emgasr.sources.replay",
    "simulate": "emgasr.sources.typist",
    "stdin": "emgasr.sources.stdin",
    "brainflow": "emgasr.sources.boards",
    "lsl": "emgasr.sources.lsl",
}


def open_source(spec: str, signal: Signal | None = None, tell: Callable[[str], object] = lambda line: None) -> Source:
    """Open the source that a spec names.

    Args:
        spec: "kind:" and options, as above.
        signal: what listens to it; a single take that does not say its rate or unit is taken to be like it.
        tell: is called with each note on a file.

    Raises:
        ConfigError: The spec is wrong.
        RecordingError: The source is not to be had.
    """
    kind, _, rest = spec.partition(":")
    if kind not in SOURCES:
        advice = "give file:PATH, simulate:seed=0, stdin:rate=…, brainflow:board=… or lsl:name=…"
        raise ConfigError("--source", f"{spec!r} names no source", advice)
    parsed = Spec.parse(kind, rest)
    opener: Callable[..., Source] = importlib.import_module(SOURCES[kind]).open_source
    if kind == "file":
        # Filters may change the rate: then it is the file's own that is asked for.
        opener = partial(opener, signal=None if "rate_hz" in parsed.options else signal, tell=tell)
    if not any(key in CONDITIONING for key in parsed.options):  # scipy is not loaded for nothing
        return opener(parsed)
    from emgasr.sources.conditioned import asked_for, conditioned

    config = asked_for(parsed)
    return conditioned(opener(parsed), config)
