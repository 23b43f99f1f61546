"""The contract of sources: a Source yields Chunks of samples, and Notes on what happened to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from emgasr.recording import Band, Events, electrode_count

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

    Values that no amplifier gives are still among them: users mend them (`emgasr.frontend.measured`).
    A chunk begins where the one before it ended, unless its first note is a "gap". T may be 0, for a note of a source
    that stalls. `arrived_s` is time.monotonic() when its last sample came in.
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


def origin_of(source: Source) -> str:
    """Where its samples come from, as a Recording's origin: measured, unless the source says otherwise."""
    return str(getattr(source, "origin", "measured"))


def is_live(source: Source) -> bool:
    """Whether its samples come at their own pace, rather than whenever they are asked for."""
    return bool(getattr(source, "live", True))


def channel_count(source: Source) -> int:
    """C, the electrodes of all bands."""
    return electrode_count(source.bands)
