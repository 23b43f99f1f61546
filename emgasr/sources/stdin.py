"""Raw little-endian samples on standard input in, a Source out; rate, unit and channels are declared, not guessed.

Samples come interleaved: all channels of one instant, then of the next. A pipe makes its writer wait, so a slow
consumer loses nothing here; bytes carry no times, so what was lost before the pipe cannot be seen.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np

from emgasr.errors import RecordingError
from emgasr.recording import Band, electrode_count
from emgasr.sources.live import LiveConfig, Silence
from emgasr.sources.source import Chunk, Source
from emgasr.sources.spec import Spec
from emgasr.sources.timeline import Packet, Timeline, TimelineConfig

FORMATS = {"float32": "<f4", "int16": "<i2"}
FILES = {b"RIFF": "WAV", b"RF64": "WAV", b"RIFX": "WAV", b"BW64": "WAV", b"\x93NUMPY": "NumPy", b"\x89HDF": "HDF5"}
FILES |= {b"\xffBIOSEMI": "BDF", b"fLaC": "FLAC", b"OggS": "Ogg", b"\x1f\x8b\x08": "gzip", b"PK\3\4": "zip"}
TEXT = frozenset(b"0123456789+-.eE,; \t\r\n")


def open_source(spec: Spec) -> Source:
    """The options rate, unit, channels or bands, format (float32, int16) and scale (units a count)."""
    rate_hz, unit = spec.rate_hz(), spec.unit()
    bands = spec.bands()
    dtype = FORMATS[spec.text("format", "float32", choices=tuple(FORMATS))]
    scale = spec.number("scale", 1.0, least=1e-12)
    live = LiveConfig.of(spec)
    spec.done()
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError, AttributeError) as error:
        raise RecordingError("stdin", "is closed", "pipe samples into emgasr") from error
    if os.isatty(descriptor):
        raise RecordingError("stdin", "is a terminal, not samples", "pipe samples into emgasr")
    return RawSource(descriptor, rate_hz, unit, bands, dtype, scale, live)


class RawSource:
    """A Source of the bytes of a file descriptor."""

    def __init__(
        self,
        descriptor: int,
        rate_hz: float,
        unit: str,
        bands: tuple[Band, ...],
        dtype: str,
        scale: float,
        live: LiveConfig,
    ) -> None:
        self.rate_hz, self.unit, self.bands = rate_hz, unit, bands
        self._descriptor, self._dtype, self._scale, self._live = descriptor, np.dtype(dtype), scale, live
        channels = electrode_count(bands)
        self.timeline = Timeline(TimelineConfig(rate_hz, channels, unit=unit))
        self._closed = threading.Event()

    def chunks(self) -> Iterator[Chunk]:
        """Chunks of about chunk_ms, until the input ends; what is cut off in the last sample is told and left out."""
        frame = self.timeline.config.channels * self._dtype.itemsize
        wanted = max(1, round(self._live.chunk_s * self.rate_hz)) * frame
        kept, begun = b"", False
        silence = Silence(self._live.stall_s)
        while not self._closed.is_set():
            if not select.select([self._descriptor], [], [], min(0.1, self._live.stall_s))[0]:
                if silence.note_in(self.timeline):
                    yield self.timeline.empty(time.monotonic())
                if silence.seconds > self._live.give_up_s:
                    wrong = f"nothing came for {silence.seconds:.0f} s"
                    raise RecordingError("stdin", wrong, "look at what writes to it")
                continue
            read = os.read(self._descriptor, max(1, wanted - len(kept)))
            silence.ends()
            heard_s = time.monotonic()
            kept += read
            if read and len(kept) < wanted:
                continue
            if not begun:
                begun = True
                _check_raw(kept)
            whole = len(kept) // frame * frame
            samples = np.frombuffer(kept[:whole], self._dtype).reshape(-1, self.timeline.config.channels)
            kept = kept[whole:]
            if not read and kept:
                text = f"the input ends within a sample ({len(kept)} of {frame} bytes), which is left out"
                self.timeline.note("dropped", 1, text)
            yield from self.timeline.feed(Packet(samples.astype(np.float32) * np.float32(self._scale), heard_s))
            if not read:
                yield from self.timeline.flush()
                if kept:
                    yield self.timeline.empty(heard_s)
                return

    def close(self) -> None:
        """End the chunks."""
        self._closed.set()


def _check_raw(begin: bytes) -> None:
    """Refuse a file that is sent as it is: its header would be taken for samples."""
    kind = next((name for start, name in FILES.items() if begin.startswith(start)), None)
    if len(begin) >= 16 and TEXT.issuperset(begin[:256]):
        kind = "text"
    if kind:
        raise RecordingError("stdin", f"begins as a file ({kind}), not as raw samples", "send the samples alone")
