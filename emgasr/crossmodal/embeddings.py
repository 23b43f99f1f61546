"""Recordings of any layout in, one after the other; embeddings of the windows that they consist of out.

A window stands for the `hop_s` before its end, and its embedding is that of its newest frame, which looks back as far
as the queries reach. A window in which anything was not measured is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emgasr.crossmodal.model import AlignedModel, layout
from emgasr.errors import ConfigError
from emgasr.models.listening import NO_KEY
from emgasr.models.session import SessionReader
from emgasr.recording import Recording, Signal, montage_of

HOP_S = 0.5
PIECE_S = 900.0  # of a recording that is read at once; behind it the encoder begins anew, as a stream does at a gap


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of one recording.

    Args:
        numbers: (n,) int64, rising: window k lies between k and k + 1 times `hop_s`.
        parts: (n, Q, d) float32 embeddings of unit length.
        missing: windows in which something was not measured.
        notes: what was filled in, a line each.
    """

    numbers: np.ndarray
    parts: np.ndarray
    missing: int = 0
    notes: tuple[str, ...] = ()


class WindowReader:
    """Embeds recordings; those of one person, session and layout go on with the statistics of the ones before.

    Raises:
        ConfigError: windows are shorter than a frame.
    """

    def __init__(self, model: AlignedModel, hop_s: float = HOP_S) -> None:
        self.model, self.hop_s = model, hop_s
        self._readers: dict[object, SessionReader] = {}
        slowest = max(1 / reader.frame_rate_hz for reader in model.readers.values())
        if not slowest <= hop_s <= PIECE_S:
            wrong = f"windows of {hop_s:g} s cannot be: a frame of this model takes {slowest:g} s"
            raise ConfigError("search", wrong, f"give {slowest:.2g} to {PIECE_S:g} s")

    def read(self, recording: Recording) -> Windows:
        """Return the windows of a recording.

        Raises:
            ModelError: the model reads no such layout, or its weights are damaged.
        """
        pieces = list(self._pieces(recording))
        notes = dict.fromkeys(line for piece in pieces for line in piece.notes if line)
        return Windows(
            np.concatenate([piece.numbers for piece in pieces]),
            np.concatenate([piece.parts for piece in pieces]),
            sum(piece.missing for piece in pieces),
            (*recording.notes, *notes),
        )

    def _pieces(self, recording: Recording) -> Iterator[Windows]:
        reader = self._reader(Signal.of(recording))
        windows = round(PIECE_S / self.hop_s)
        first = 0
        while not first or first * self.hop_s < recording.duration_s:
            start_s, end_s = first * self.hop_s, min((first + windows) * self.hop_s, recording.duration_s)
            heard = reader.listen(recording.segment(start_s, end_s))
            found = self._chosen(
                reader.recognizer.frame_times_s(len(heard.emissions)),
                heard.emissions,
                int((end_s - start_s) / self.hop_s + 1e-6),
            )
            parts = reader.recognizer.probable(heard.emissions[found.frames]).reshape(
                len(found.frames), -1, self.model.width
            )
            yield Windows(found.numbers + first, parts, found.missing, (heard.mended,))
            first += windows

    def _chosen(self, times_s: np.ndarray, emissions: np.ndarray, count: int) -> _Chosen:
        """Return which of a piece's `count` windows hold frames of these times, and the newest frame of each."""
        ends = np.searchsorted(times_s, np.arange(count + 1) * self.hop_s + 1e-6)  # frames before each end of a window
        lost = np.concatenate([[0], np.cumsum(emissions[:, -1] == NO_KEY)])
        whole = np.diff(ends) > 0
        sound = np.diff(lost[ends]) == 0
        numbers = np.flatnonzero(whole & sound)
        return _Chosen(numbers, ends[1:][numbers] - 1, int((whole & ~sound).sum()))

    def _reader(self, signal: Signal) -> SessionReader:
        key = layout(signal), montage_of(signal.bands)
        if key not in self._readers:
            self._readers[key] = SessionReader(self.model.embedder(signal))
        return self._readers[key]


class _Chosen(NamedTuple):
    numbers: np.ndarray
    frames: np.ndarray
    missing: int
