"""A device that delivers packets in; a Source with a bounded queue, which reports stalls and opens a lost device, out.

A thread of its own reads the device. A slow consumer loses samples only when the queue is full: the oldest ones, with a
note.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from emgasr.errors import RecordingError
from emgasr.recording import Band
from emgasr.sources.source import Chunk
from emgasr.sources.spec import Spec
from emgasr.sources.timeline import Packet, Timeline, TimelineConfig

RETRY_S = 1.0  # between attempts to open a device that is gone


class Disconnected(Exception):
    """The device is gone: it is opened anew."""


class EndOfStream(Exception):
    """The device has delivered all that there is."""


class Silence:
    """How long nothing has come, and when that is to be reported: after `stall_s`, then whenever it has doubled."""

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        self.ends()

    @property
    def seconds(self) -> float:
        """Seconds since something came."""
        return time.monotonic() - self._heard_s

    def ends(self) -> None:
        """Something came."""
        self._heard_s, self._reported_s = time.monotonic(), 0.0

    def note_in(self, timeline: Timeline) -> bool:
        """Note a silence that is to be reported now; returns whether it was."""
        silent_s = self.seconds
        if silent_s <= max(self._stall_s, 2 * self._reported_s):
            return False
        self._reported_s = silent_s
        timeline.note("stalled", 0, f"nothing came for {silent_s:.1f} s")
        return True


class Device(Protocol):
    """Delivers packets; `open` starts it (RecordingError: it is not there), `close` stops it, also more than once."""

    rate_hz: float
    unit: str
    bands: tuple[Band, ...]

    def open(self) -> None: ...

    def read(self, wait_s: float) -> list[Packet]:
        """Packets that came within about `wait_s`; Disconnected or EndOfStream if none can come."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class LiveConfig:
    """How long to wait for what: `chunk_s` between reads, `queue_s` of signal kept for a slow consumer.

    A silence is noted after `stall_s`. After `reopen_s` the device is opened again, and once more every RETRY_S while
    it is away; after `give_up_s` the stream fails.
    """

    chunk_s: float = 0.032
    queue_s: float = 10.0
    stall_s: float = 1.0
    reopen_s: float = 5.0
    give_up_s: float = 60.0

    @staticmethod
    def of(spec: Spec) -> LiveConfig:
        """The options chunk_ms, queue_s, stall_s, reopen_s and give_up_s of a spec."""
        return LiveConfig(
            chunk_s=spec.number("chunk_ms", 32.0, least=1.0, most=10_000.0) / 1000,
            queue_s=spec.number("queue_s", 10.0, least=0.1),
            stall_s=spec.number("stall_s", 1.0, least=0.1),
            reopen_s=spec.number("reopen_s", 5.0, least=0.1),
            give_up_s=spec.number("give_up_s", 60.0, least=0.1),
        )


def bridging(spec: Spec) -> dict[str, float | str]:
    """The options bridge_ms and fill of a spec, for TimelineConfig."""
    return {
        "bridge_s": spec.number("bridge_ms", 50.0, least=0.0) / 1000,
        "fill": spec.text("fill", "hold", choices=("hold", "zero")),
    }


class LiveSource:
    """A Source over an open device; `origin` as a Recording's."""

    origin = "measured"

    def __init__(self, device: Device, timeline: TimelineConfig, config: LiveConfig, name: str) -> None:
        self.device = device
        self.config = config
        self.name = name
        self.timeline = Timeline(timeline)
        self._queue: deque[Packet | _Event] = deque()
        self._queued = self._dropped = 0
        self._failure: Exception | None = None
        self._ready = threading.Condition()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def rate_hz(self) -> float:
        """Declared samples a second."""
        return self.device.rate_hz

    @property
    def unit(self) -> str:
        """The samples' unit."""
        return self.device.unit

    @property
    def bands(self) -> tuple[Band, ...]:
        """The electrodes."""
        return self.device.bands

    def chunks(self) -> Iterator[Chunk]:
        """Chunks as they come; one without samples whenever there is only something to tell."""
        self._thread = threading.Thread(target=self._pump, name=f"emgasr {self.name}", daemon=True)
        self._thread.start()
        silence = Silence(self.config.stall_s)
        try:
            while not self._closed.is_set():
                items, dropped, failure = self._take()
                if dropped:
                    text = f"{dropped} samples were not taken in time and thrown away: what reads them is too slow"
                    self.timeline.note("dropped", dropped, text)
                for item in items:
                    if isinstance(item, Packet):
                        silence.ends()
                        yield from self.timeline.feed(item)
                    else:
                        if item.kind == "reconnected":
                            self.timeline.interrupt()
                        self.timeline.note(item.kind, 0, item.text)
                        yield self.timeline.empty(time.monotonic())
                if not items and not failure and silence.note_in(self.timeline):
                    yield self.timeline.empty(time.monotonic())
                if failure is not None:
                    yield from self.timeline.flush()
                    if self.timeline.untold:  # of samples behind which none came
                        yield self.timeline.empty(time.monotonic())
                    if isinstance(failure, EndOfStream):
                        return
                    raise failure
        finally:
            self.close()

    def close(self) -> None:
        """Stop the device; `chunks` ends."""
        self._closed.set()
        with self._ready:
            self._ready.notify_all()
        if self._thread is None:
            self.device.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(timeout=10.0)

    def _take(self) -> tuple[list[Packet | _Event], int, Exception | None]:
        with self._ready:
            if not (self._queue or self._failure or self._closed.is_set()):
                self._ready.wait(min(self.config.stall_s, 0.25))
            items, dropped, failure = list(self._queue), self._dropped, self._failure
            self._queue.clear()
            self._queued = self._dropped = 0
        return items, dropped, failure

    def _pump(self) -> None:
        """Read the device until it ends or is gone for good: runs in its own thread, the only one that touches it."""
        wait_s = 0.0  # samples from before anyone listened are late: they are read at once and left out
        heard_s = opened_s = time.monotonic()
        try:
            while not self._closed.is_set():
                try:
                    packets = self.device.read(wait_s)
                except Disconnected as error:
                    opened_s = self._recover(str(error), heard_s)
                    continue
                if wait_s == 0.0:
                    wait_s = self.config.chunk_s
                elif packets:
                    heard_s = time.monotonic()
                    self._put(packets)
                elif time.monotonic() - max(heard_s, opened_s) > self.config.reopen_s:
                    opened_s = self._recover(f"nothing came for {self.config.reopen_s:g} s", heard_s)
        except Exception as error:
            with self._ready:
                self._failure = error
                self._ready.notify_all()
        finally:
            self.device.close()

    def _put(self, packets: list[Packet]) -> None:
        with self._ready:
            for packet in packets:
                self._queue.append(packet)
                self._queued += len(packet.samples)
            while self._queued > self.config.queue_s * self.rate_hz:
                oldest = next(item for item in self._queue if isinstance(item, Packet))
                self._queue.remove(oldest)  # what is to be told of the device stays
                self._queued -= len(oldest.samples)
                self._dropped += len(oldest.samples)
            self._ready.notify_all()

    def _recover(self, why: str, heard_s: float) -> float:
        """Open the device anew, as often as it takes within `give_up_s`, and return when it was opened."""
        self._tell("disconnected", f"the source is gone ({why}); it is looked for")
        while not self._closed.is_set():
            if time.monotonic() - heard_s > self.config.give_up_s:
                advice = f"it was looked for in vain for {self.config.give_up_s:g} s"
                raise RecordingError(self.name, f"is gone ({why})", advice)
            self.device.close()
            try:
                self.device.open()
            except RecordingError as error:
                why = error.wrong
                self._closed.wait(min(RETRY_S, self.config.reopen_s))
                continue
            self._tell("reconnected", f"the source is open again after {time.monotonic() - heard_s:.1f} s")
            break
        return time.monotonic()

    def _tell(self, kind: str, text: str) -> None:
        with self._ready:
            self._queue.append(_Event(kind, text))
            self._ready.notify_all()


@dataclass(frozen=True)
class _Event:
    """What happened between two packets."""

    kind: str
    text: str
