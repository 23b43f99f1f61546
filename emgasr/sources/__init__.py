"""Where live signals come from: a spec such as "lsl:name=band" in; a Source that yields chunks of samples out.

file:PATH                  a recording, as it was (speed=1) or as fast as it is read (speed=fast)
simulate:seed=3            a simulated person who types
stdin:rate=2000,unit=uV    raw little-endian samples from a pipe
brainflow:board=-1         a board that BrainFlow knows, by its id
lsl:name=...               a stream of the Lab Streaming Layer

The options of `emgasr condition` may stand in any spec (highpass_hz=20,mains=50): the source is then filtered.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from emgasr.errors import ConfigError
from emgasr.recording import Band, Events
from emgasr.sources.spec import Spec

# What a note can tell; samples are counted for those marked n.
NOTE_KINDS = (
    "bridged",  # n were lost and filled in: the stream goes on without a hole
    "gap",  # n were lost and not filled in: the chunk begins that much after the end of the one before
    "repeated",  # n came a second time and were left out
    "replaced",  # n values are none that an amplifier gives: what is filled in there is the electrode's last good one
    "dropped",  # n were thrown away here, because they were not taken in time; a "bridged" or a "gap" tells of them too
    "jump",  # the device's clock jumped and nothing is known to be lost: the stream goes on
    "drift",  # the device's clock runs faster or slower than the declared rate
    "stalled",  # nothing comes
    "disconnected",  # the source is gone; it is looked for
    "reconnected",  # it is back
)


@dataclass(frozen=True)
class Note:
    """What happened to a stream: a kind of NOTE_KINDS, when (stream seconds), how many samples, and one line."""

    kind: str
    time_s: float
    samples: int
    text: str


@dataclass(frozen=True, eq=False)
class Chunk:
    """Samples float32 (T, C) whose first was taken `time_s` after the stream's start, and notes on what happened.

    Values that no amplifier gives are still in them: who uses them mends them (`emgasr.frontend.measured`).
    A chunk begins where the one before it ended, unless its first note is a "gap". T may be 0, so that a note of a
    stalled source can be told. `arrived_s` is time.monotonic() when its last sample came in.
    """

    samples: np.ndarray
    time_s: float
    notes: tuple[Note, ...] = ()
    arrived_s: float = 0.0


class Source(Protocol):
    """A stream of samples in `unit` at `rate_hz`, its electrodes in `bands`.

    `chunks()` is called once; it ends when the source does, and raises a RecordingError when the source is gone for
    good. `close()` may be called at any time, from any thread, more than once; `chunks()` then ends.
    """

    @property
    def rate_hz(self) -> float: ...

    @property
    def unit(self) -> str: ...

    @property
    def bands(self) -> tuple[Band, ...]: ...

    def chunks(self) -> Iterator[Chunk]: ...

    def close(self) -> None: ...


@runtime_checkable
class Typing(Protocol):
    """A source that types what it is shown, and says when it pressed which key: a simulated person."""

    def show(self, text: str) -> None:
        """Show a prompt; the person begins to type it soon, and presses enter after it."""

    def typed(self) -> Events:
        """Keys pressed so far, in stream seconds."""


CONDITIONING = ("highpass_hz", "lowpass_hz", "order", "mains", "notch_q", "rate_hz")
_KINDS = {
    "file": "emgasr.sources.replay",
    "simulate": "emgasr.sources.typist",
    "stdin": "emgasr.sources.stdin",
    "brainflow": "emgasr.sources.boards",
    "lsl": "emgasr.sources.lsl",
}


def open_source(spec: str) -> Source:
    """Open the source that `spec` names; a ConfigError for a bad spec, a RecordingError for a source not to be had."""
    kind, _, rest = spec.partition(":")
    if kind not in _KINDS:
        advice = "give file:PATH, simulate:seed=0, stdin:rate=…, brainflow:board=… or lsl:name=…"
        raise ConfigError("--source", f"{spec!r} names no source", advice)
    parsed = Spec.parse(kind, rest)
    opener: Callable[[Spec], Source] = importlib.import_module(_KINDS[kind]).open_source
    if not any(key in CONDITIONING for key in parsed.options):  # scipy is not loaded for nothing
        return opener(parsed)
    from emgasr.sources.conditioned import asked_for, conditioned

    config = asked_for(parsed)
    return conditioned(opener(parsed), config)


def origin_of(source: Source) -> str:
    """Where its samples come from, as a Recording's origin: measured, unless the source says otherwise."""
    return str(getattr(source, "origin", "measured"))


def is_live(source: Source) -> bool:
    """Whether its samples come at their own pace, rather than whenever they are asked for."""
    return bool(getattr(source, "live", True))


def channel_count(source: Source) -> int:
    """C, the electrodes of all bands."""
    return sum(len(band.electrodes) for band in source.bands)
