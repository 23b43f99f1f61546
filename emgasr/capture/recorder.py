"""Chunks of a source, key presses and prompts in; one recording on disk, labelled on its samples' clock, out."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.frontend.measured import Measured
from emgasr.recording import Recording
from emgasr.sessions.journal import Journal
from emgasr.sources import Chunk, Note, Source, Typing, channel_count, origin_of

SYNC_S = 1.0  # at most this much is lost with the power; a killed process loses less
CLOCK_S = 20.0  # over this long the quickest arrival tells what the transport's delay does not
RELEASE_S = 0.1  # a prompt ends this long after its enter, as the finger leaves the key
ENTER = "Key.enter"


class HostClock:
    """Maps the host's time.monotonic() to seconds of the stream, by the quickest arrivals of the last CLOCK_S."""

    def __init__(self) -> None:
        self._delays: deque[tuple[float, float]] = deque()  # (stream second, host minus stream), rising

    def observe(self, stream_s: float, host_s: float) -> None:
        """A sample of stream second `stream_s` was there at `host_s`."""
        delay = host_s - stream_s
        while self._delays and self._delays[-1][1] >= delay:
            self._delays.pop()
        self._delays.append((stream_s, delay))
        while self._delays[0][0] < stream_s - CLOCK_S:
            self._delays.popleft()

    def stream_s(self, host_s: float) -> float:
        """The stream's second at `host_s`; before the first observation 0."""
        return host_s - self._delays[0][1] if self._delays else 0.0


class Recorder:
    """Writes what comes to `path`; times of keys and spans are given in stream seconds."""

    def __init__(self, path: str | Path, source: Source, subject: str, session: str) -> None:
        empty = np.zeros((0, channel_count(source)), np.float32)
        signal = Recording(
            samples=empty,
            rate_hz=source.rate_hz,
            unit=source.unit,
            bands=source.bands,
            subject=subject,
            session=session,
            start_unix_s=time.time(),
            origin=origin_of(source),
        )
        self.journal = Journal(path, signal)
        self.clock = HostClock()
        self.notes: list[Note] = []
        self._measured = Measured(channel_count(source), source.unit)
        self._rate_hz = source.rate_hz
        self._start_s: float | None = None  # stream second of the first sample
        self._end_s = 0.0
        self._holes: list[tuple[float, float]] = []  # (stream second, seconds that are not in the file)
        self._synced_s = 0.0

    @property
    def time_s(self) -> float:
        """Seconds recorded."""
        return self.journal.time_s

    @property
    def stream_s(self) -> float:
        """The stream's second up to which samples are here."""
        return self._end_s

    def add(self, chunk: Chunk) -> None:
        """Append a chunk and its notes."""
        for note in chunk.notes:
            self.notes.append(note)
            self.journal.note(note.kind, note.samples, note.text)
        if self._start_s is None:
            self._start_s = self._end_s = chunk.time_s
        if chunk.time_s - self._end_s > 0.5 / self._rate_hz:
            self._holes.append((chunk.time_s, chunk.time_s - self._end_s))
        self.journal.samples(self._measured.feed(chunk.samples).samples)
        self._end_s = chunk.time_s + len(chunk.samples) / self._rate_hz
        if len(chunk.samples):
            self.clock.observe(self._end_s, chunk.arrived_s)
        if self.time_s - self._synced_s >= SYNC_S:
            self._synced_s = self.time_s
            self.journal.sync()

    def press(self, stream_s: float, key: str, release_s: float = math.nan) -> None:
        """Append a key press."""
        time_s = self._signal_s(stream_s)
        self.journal.key(time_s, key, time_s + release_s - stream_s)

    def begin(self, stream_s: float, kind: str, text: str) -> None:
        """Begin a prompt or a rest."""
        self.journal.begin(self._signal_s(stream_s), kind, text)

    def end(self, stream_s: float) -> None:
        """End it."""
        self.journal.end(self._signal_s(stream_s))

    def finish(self) -> Recording:
        """Close the file as a native session."""
        return self.journal.finish()

    def close(self) -> None:
        """Leave the file as it is, which opens too."""
        self.journal.close()

    def _signal_s(self, stream_s: float) -> float:
        """Seconds of the file's samples: what was lost takes no time there."""
        missing_s = sum(seconds for at_s, seconds in self._holes if at_s <= stream_s)
        return max(0.0, stream_s - missing_s - (self._start_s or 0.0))


@dataclass(frozen=True)
class Progress:
    """Where a session stands: `phase` rest, prompt or free; the prompt, what of it was typed, and seconds recorded.

    `until_s` is when what is recorded now ends, 0 if that is not known.
    """

    phase: str
    text: str
    typed: str
    number: int
    total: int
    time_s: float
    notes: Sequence[Note]
    until_s: float = 0.0


Keys = Callable[[], list[tuple[float, str]]]  # presses since the last call: time.monotonic() and key


@dataclass
class Director:
    """Leads through rest and prompts while chunks pass by.

    With `keep_keys`, keys are recorded; else they only end prompts, by enter. A Typing source is shown the prompts and
    its own presses are recorded. Without prompts there is one stretch without a label.
    """

    source: Source
    keys: Keys
    keep_keys: bool
    show: Callable[[Progress], None] = lambda progress: None
    until_s: float = 0.0  # when the prompts end, for those who see them

    def __post_init__(self) -> None:
        self._taken = 0
        if isinstance(self.source, Typing):
            self.source.show("")

    def free(self, chunks: Iterator[Chunk], recorder: Recorder, seconds: float | None) -> None:
        """Record for `seconds`, or to the end of the source."""
        for chunk in chunks:
            recorder.add(chunk)
            self._presses(recorder)
            self.show(Progress("free", "", "", 0, 0, recorder.time_s, recorder.notes, seconds or 0.0))
            if seconds is not None and recorder.time_s >= seconds:
                return

    def rest(self, chunks: Iterator[Chunk], recorder: Recorder, seconds: float) -> None:
        """A rest that is labelled as one."""
        first, until_s = recorder.stream_s, round(recorder.time_s + seconds, 1)
        recorder.begin(first, "rest", "")
        for chunk in chunks:
            recorder.add(chunk)
            self._presses(recorder)
            self.show(Progress("rest", "", "", 0, 0, recorder.time_s, recorder.notes, until_s))
            if recorder.stream_s - first >= seconds:
                break
        recorder.end(recorder.stream_s)

    def prompt(self, chunks: Iterator[Chunk], recorder: Recorder, text: str, number: int, total: int) -> bool:
        """One prompt, from its appearance to its enter; False if the source ended before."""
        recorder.begin(recorder.stream_s, "prompt", text + "\n")
        if isinstance(self.source, Typing):
            self.source.show(text)
        typed = ""
        for chunk in chunks:
            recorder.add(chunk)
            for stream_s, key in self._presses(recorder):
                typed = _typed_so_far(typed, key)
                if key == ENTER:
                    recorder.end(stream_s + RELEASE_S)
                    return True
            self.show(Progress("prompt", text, typed, number, total, recorder.time_s, recorder.notes, self.until_s))
        recorder.end(recorder.stream_s)
        return False

    def _presses(self, recorder: Recorder) -> list[tuple[float, str]]:
        """Presses since the last call, in stream seconds; recorded if they are to be."""
        if isinstance(self.source, Typing):
            events = self.source.typed()
            rows = range(self._taken, len(events))
            self._taken = len(events)
            for i in rows:
                recorder.press(float(events.time_s[i]), events.keys[i], float(events.release_s[i]))
            return [(float(events.time_s[i]), events.keys[i]) for i in rows]
        pressed = [(recorder.clock.stream_s(host_s), key) for host_s, key in self.keys()]
        if self.keep_keys:
            for stream_s, key in pressed:
                recorder.press(stream_s, key)
        return pressed


def _typed_so_far(text: str, key: str) -> str:
    if key == "Key.backspace":
        return text[:-1]
    if key == "Key.space":
        return text + " "
    return text + key if len(key) == 1 else text
