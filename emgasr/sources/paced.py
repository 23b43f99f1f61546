"""A function that returns blocks of samples in; a Source, at the pace of a device or as fast as it is read, out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from emgasr.recording import Band, electrode_count
from emgasr.sources.live import EndOfStream, LiveConfig, LiveSource, bridging
from emgasr.sources.source import Chunk, Source
from emgasr.sources.spec import Spec
from emgasr.sources.timeline import Packet, Timeline, TimelineConfig

Read = Callable[[int], np.ndarray]  # the next samples (at most so many, T, C); none at the end
Lost = Sequence[tuple[int, int]]  # before which sample how many were lost, in order


def speed_of(spec: Spec) -> float:
    """The option speed: 1 is real time, "fast" (0 here) as fast as the samples are taken."""
    if spec.text("speed", "1") == "fast":
        return 0.0
    return spec.number("speed", 1.0, least=0.01, most=1000.0)


def paced_source(
    read: Read,
    rate_hz: float,
    unit: str,
    bands: tuple[Band, ...],
    spec: Spec,
    origin: str = "measured",
    lost: Lost = (),
) -> Source:
    """A source of what `read` returns, by the options speed, chunk_ms and those of a live source.

    Samples that are known to be `lost` become gaps, as they were.
    """
    speed, live = speed_of(spec), LiveConfig.of(spec)
    channels = electrode_count(bands)
    timeline = TimelineConfig(rate_hz, channels, unit=unit, **bridging(spec))  # type: ignore[arg-type]
    spec.done()
    source: _FastSource | LiveSource
    count = _Counter(lost)
    if speed:
        source = LiveSource(_PacedDevice(read, count, rate_hz, unit, bands, speed), timeline, live, spec.where)
    else:
        source = _FastSource(read, count, unit, bands, Timeline(timeline), max(1, round(live.chunk_s * rate_hz)))
    source.origin = origin
    return source


class _Counter:
    """Numbers samples as they come, those that were lost among them too."""

    def __init__(self, lost: Lost) -> None:
        self._rows = np.array([row for row, _ in lost], dtype=np.int64)
        self._before = np.concatenate([[0], np.cumsum([samples for _, samples in lost])]).astype(np.int64)
        self._next = 0

    def __call__(self, samples: int) -> np.ndarray:
        rows = np.arange(self._next, self._next + samples)
        self._next += samples
        return rows + self._before[np.searchsorted(self._rows, rows, side="right")]


class _FastSource:
    """A Source that hands out samples whenever they are asked for."""

    origin = "measured"
    live = False

    def __init__(
        self, read: Read, count: _Counter, unit: str, bands: tuple[Band, ...], timeline: Timeline, rows: int
    ) -> None:
        self.read, self.count, self.unit, self.bands, self.rows = read, count, unit, bands, rows
        self.timeline = timeline
        self.rate_hz = timeline.config.rate_hz
        self._closed = threading.Event()

    def chunks(self) -> Iterator[Chunk]:
        """Chunks of `rows` samples; the last may be shorter."""
        while not self._closed.is_set():
            samples = self.read(self.rows)
            if not len(samples):
                yield from self.timeline.flush()
                return
            yield from self.timeline.feed(Packet(samples, time.monotonic(), counts=self.count(len(samples))))

    def close(self) -> None:
        """End the chunks."""
        self._closed.set()


class _PacedDevice:
    """A Device that delivers at `speed` times the rate by the host's clock, as a device that does not wait."""

    def __init__(
        self, read: Read, count: _Counter, rate_hz: float, unit: str, bands: tuple[Band, ...], speed: float
    ) -> None:
        self._read, self._count, self.rate_hz, self.unit, self.bands = read, count, rate_hz, unit, bands
        self._pace_hz = rate_hz * speed
        self._started_s: float | None = None
        self._delivered = 0

    def open(self) -> None:
        """Nothing to do: the clock starts with the first read."""

    def read(self, wait_s: float) -> list[Packet]:
        """The samples that are due after `wait_s`."""
        if self._started_s is None:
            self._started_s = time.monotonic()
            return []
        time.sleep(wait_s)
        due = int((time.monotonic() - self._started_s) * self._pace_hz) - self._delivered
        if due <= 0:
            return []
        samples = self._read(due)
        if not len(samples):
            raise EndOfStream
        self._delivered += len(samples)
        return [Packet(samples, time.monotonic(), counts=self._count(len(samples)))]

    def close(self) -> None:
        """Nothing to do."""
