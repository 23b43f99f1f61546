"""What the watch on a sensor's samples says of each block in; whether its model answers each of its frames out."""

from __future__ import annotations

import numpy as np

from emgasr.models.recognizer import Recognizer
from emgasr.recording import Band
from emgasr.streaming.activity import Notice, SignalWatch

PIECE_S = 30.0  # of a recording, looked at together


class Health:
    """Says which frames of a model are answered: those whose sensor works, and has worked for a while if it was out.

    A sensor is out from the block on in which half of its electrodes are dead, saturated or not measured, or no
    electrode changes any more. It is in from its first block that works. A frame needs the blocks up to the end of its
    chunk, which are complete when the model gives the frame.
    """

    def __init__(self, recognizer: Recognizer, bands: tuple[Band, ...], name: str, back_after_s: float) -> None:
        self.recognizer, self.name = recognizer, name
        signal = recognizer.signal
        block = recognizer.emission_samples
        self.watch = SignalWatch(bands, signal.rate_hz, block, signal.unit)
        self._back = max(1, round(back_after_s * signal.rate_hz / block))
        self._working = 0  # blocks, the latest ones
        self._was, self._in, self._told = False, False, True
        self._blocks: list[bool] = []  # whether it is in, of the blocks from the first one kept on
        self._first, self._base_s = 0, 0.0

    def feed(self, samples: np.ndarray) -> list[Notice]:
        """Look at the next samples (T, C); return what changed."""
        _, blocks, _ = self.watch.feed(samples)
        notices = []
        for working in blocks.working.tolist():
            self._working = self._working + 1 if working else 0
            self._in = self._working > 0 and (self._in or not self._was or self._working >= self._back)
            self._was = self._was or self._in
            if self._in != self._told:
                self._told = self._in
                place = self._first + len(self._blocks)
                line = "is read again" if self._in else "does not work and is not read"
                time_s = self._base_s + place * self.recognizer.emission_samples / self.recognizer.signal.rate_hz
                notices.append(Notice("back" if self._in else "out", time_s, f"sensor {self.name} {line}"))
            self._blocks.append(self._in)
        return notices

    def restart(self, time_s: float) -> None:
        """Go on with samples that begin at another time, in a block of their own."""
        self.watch.restart(time_s)
        self._blocks, self._first, self._base_s = [], 0, time_s

    def frames(self, first: int, last: int) -> np.ndarray:
        """Return (last - first,) bool: whether the model answers its frames [first, last), which it has given."""
        chunk, encoder = self.recognizer.encoder.chunk_frames, self.recognizer.encoder
        features = self.recognizer.features
        frames = np.arange(first, last)
        newest = (((frames // chunk + 1) * chunk) * encoder.stride - 1) * features.hop + features.window
        ends = np.maximum(newest // self.recognizer.emission_samples, frames + 1)
        out = np.concatenate([[0], np.cumsum(np.logical_not(self._blocks))])
        ends, starts = (np.clip(edge - self._first, 0, len(self._blocks)) for edge in (ends, frames))
        found: np.ndarray = (out[ends] == out[starts]) & (starts < len(self._blocks))
        return found | ((starts >= len(self._blocks)) & bool(self._blocks and self._blocks[-1]))

    def forget(self, frame: int) -> None:
        """Keep nothing of the blocks before a frame."""
        gone = min(max(0, frame - self._first), max(0, len(self._blocks) - 1))
        self._blocks, self._first = self._blocks[gone:], self._first + gone
