"""A journal in; a Recording of its whole frames out.

A journal is MAGIC, then frames: kind (1 byte), length (uint32), payload, CRC-32 of these (uint32); little-endian. H is
the header (JSON), S samples float32 (T, C), K a key, B a span's begin, E its end, N a note (JSON each).
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.config.fields import fields_of
from emgasr.errors import DataError, RecordingError
from emgasr.files.plain_data import json_of
from emgasr.files.regular_file import changed, is_regular
from emgasr.files.rows import row_range
from emgasr.recording import Band, Events, Montage, Recording, Spans, electrode_count

MAGIC = b"emgasr-journal 1\n"
FRAME_HEAD, FRAME_CHECK = struct.Struct("<cI"), struct.Struct("<I")
HEADER = {"rate_hz": float, "unit": str, "subject": str, "session": str, "origin": str, "start_unix_s": float | None}
# By kind of frame, the fields of its JSON.
FACTS: dict[bytes, dict[str, Any]] = {
    b"K": {"time_s": float, "release_s": float | None, "key": str},
    b"B": {"time_s": float, "kind": str, "text": str},
    b"E": {"time_s": float},
    b"N": {"time_s": float, "text": str},
}
RESTORE = "restore the file"
_KINDS = (b"H", b"S", *FACTS)
_LONGEST = 1 << 28  # bytes of a frame: more is damage
_LONGEST_FACTS = 1 << 20  # of a frame of JSON
NOTES = 20  # of a recording that are told one by one


def is_journal(path: str | Path) -> bool:
    """Whether `path` is a journal, by its first bytes; False for what cannot be read or is no regular file."""
    try:
        if not is_regular(path):  # a pipe blocks its reader
            return False
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def open_journal(path: str | Path) -> Recording:
    """Return the recording that a journal holds up to its last whole frame.

    Its notes report what happened to the signal, and how much of the file is not whole.

    Raises:
        RecordingError: Not even the header is whole, or a frame holds what no recorder writes.
    """
    path = Path(path)
    read = _Read(path)
    for kind, offset, payload in _frames(path):
        read.add(kind, offset, payload)
    return read.recording()


def journal_notes(path: str | Path) -> list[dict[str, Any]]:
    """Return what was noted of the signal: dicts of time_s, kind, samples, text."""
    path = Path(path)
    return [_facts(path, offset, payload) for kind, offset, payload in _frames(path) if kind == b"N"]


def lines_of_notes(path: Path, notes: Any) -> tuple[str, ...]:
    """Return the notes of a recording as lines, the first of them one by one; RecordingError for another form."""
    if not isinstance(notes, list):
        raise RecordingError(path, "its notes are not a list", RESTORE)
    told = [fields_of(note, {"time_s": float, "text": str}, path, RecordingError, RESTORE, "a note") for note in notes]
    lines = [f"at {note['time_s']:.3f} s: {note['text']}" for note in told[:NOTES]]
    if len(told) > NOTES:
        lines.append(f"{len(told) - NOTES} more notes were taken while it was recorded")
    return tuple(lines)


def bands_of(content: Any, where: str | Path) -> tuple[Band, ...]:
    """Return the bands of a JSON list of name, electrodes, ring and montage, if told; RecordingError else."""
    if not isinstance(content, list):
        raise RecordingError(where, "'bands' is not a list", RESTORE)
    kinds = {"name": str, "electrodes": tuple[str, ...], "ring": bool, "montage": Montage}
    rows = [{"montage": "", **row} if isinstance(row, dict) else row for row in content]
    return tuple(Band(**fields_of(row, kinds, where, RecordingError, RESTORE, "'bands'")) for row in rows)


class _Read:
    """What the frames of a journal have told so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.signal: Recording | None = None
        self.end = len(MAGIC)  # of the last whole frame, in bytes
        self.starts, self.offsets = [0], list[int]()
        self.presses: list[tuple[float, float, str]] = []
        self.spans: list[tuple[float, float, str, str]] = []
        self.begun: tuple[float, str, str] | None = None
        self.notes: list[dict[str, Any]] = []

    def add(self, kind: bytes, offset: int, payload: bytes) -> None:
        """Go on with a whole frame, whose payload begins at byte `offset`."""
        self.end = offset + len(payload) + FRAME_CHECK.size
        if self.signal is None:
            if kind != b"H":
                raise RecordingError(self.path, "does not begin with a header", "it is no journal of emgasr: delete it")
            self.signal = _signal(self.path, _facts(self.path, offset, payload))
        elif kind == b"H":
            raise RecordingError(self.path, f"byte {offset}: has a second header", RESTORE)
        elif kind == b"S":
            rows, rest = divmod(len(payload), 4 * self.signal.n_channels)
            if rest:
                raise RecordingError(self.path, f"byte {offset}: samples of another number of channels", RESTORE)
            self.starts.append(self.starts[-1] + rows)
            self.offsets.append(offset)
        else:
            self._add_fact(kind, offset, payload)

    def _add_fact(self, kind: bytes, offset: int, payload: bytes) -> None:
        content = _facts(self.path, offset, payload)
        facts = fields_of(content, FACTS[kind], self.path, RecordingError, RESTORE, f"byte {offset}")
        time_s = float(facts["time_s"])
        if kind == b"K":
            release_s = math.nan if facts["release_s"] is None else float(facts["release_s"])
            self.presses.append((time_s, release_s, facts["key"]))
        elif kind == b"B":
            self.begun = (time_s, facts["kind"], facts["text"])
        elif kind == b"E":
            self._end_span(time_s)
        elif kind == b"N":
            self.notes.append(content)

    def _end_span(self, time_s: float) -> None:
        if self.begun:
            start_s, kind, text = self.begun
            self.spans.append((start_s, max(start_s, time_s), kind, text))
        self.begun = None

    def recording(self) -> Recording:
        """Return what was read as a recording, whose labels lie within its samples."""
        path, signal = self.path, self.signal
        if signal is None:
            raise RecordingError(path, "holds no whole header", "it was killed as it began: delete it")
        rows = self.starts[-1]
        duration_s = rows / signal.rate_hz
        self._end_span(duration_s)
        # Keys come by another way than samples: those pressed after the last sample that is kept are left out.
        kept = [press for press in self.presses if 0 <= press[0] <= duration_s]
        inside = [(max(0.0, s), min(e, duration_s), kind, text) for s, e, kind, text in self.spans if s < duration_s]
        notes = list(lines_of_notes(path, self.notes))
        if (left := path.stat().st_size - self.end) > 0:
            notes.append(f"its last {left:,} of {left + self.end:,} bytes are not whole frames and are left out")
        for what, lost in (("keys", len(self.presses) - len(kept)), ("spans", len(self.spans) - len(inside))):
            if lost:
                notes.append(f"{lost} {what} outside the {duration_s:.3f} s of samples are left out")
        shape, starts = (rows, signal.n_channels), np.array(self.starts)
        samples = _JournalSamples(path.absolute(), shape, starts, np.array(self.offsets, np.int64))
        try:
            events, spans = Events.of(kept), Spans.of(inside)
            return replace(signal, samples=samples, events=events, spans=spans, notes=tuple(notes))
        except DataError as error:
            raise RecordingError(path, f"{error.where}: {error.wrong}", error.advice) from error


@dataclass(frozen=True, eq=False)
class _JournalSamples:
    """Samples (T, C) float32 of a journal: frame i holds rows starts[i] to starts[i + 1] at byte offsets[i]."""

    path: Path
    shape: tuple[int, int]
    starts: np.ndarray
    offsets: np.ndarray

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        out = np.empty((stop - start, self.shape[1]), np.float32)
        if stop == start:
            return out
        first = int(np.searchsorted(self.starts, start, side="right")) - 1
        last = int(np.searchsorted(self.starts, stop, side="left"))
        try:
            with self.path.open("rb") as file:
                if file.read(len(MAGIC)) != MAGIC:
                    raise changed(self.path)
                for i in range(first, last):
                    begin, end = max(start, int(self.starts[i])), min(stop, int(self.starts[i + 1]))
                    file.seek(int(self.offsets[i]) + 4 * self.shape[1] * (begin - int(self.starts[i])))
                    block = np.frombuffer(file.read(4 * self.shape[1] * (end - begin)), np.uint8)
                    if block.size != 4 * self.shape[1] * (end - begin):
                        raise RecordingError(self.path, "became shorter since it was opened", "open it again")
                    out[begin - start : end - start] = block.view("<f4").reshape(-1, self.shape[1])
        except OSError as error:
            raise RecordingError(self.path, f"cannot be read ({error.strerror})", "check the path") from error
        return out


def _frames(path: Path) -> Iterator[tuple[bytes, int, bytes]]:
    """Kind, offset of the payload, payload of every frame before the first that is not whole."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if file.read(len(MAGIC)) != MAGIC:
                return
            while len(head := file.read(FRAME_HEAD.size)) == FRAME_HEAD.size:
                kind, length = FRAME_HEAD.unpack(head)
                offset = file.tell()
                longest = min(_LONGEST if kind == b"S" else _LONGEST_FACTS, size - offset - FRAME_CHECK.size)
                if kind not in _KINDS or length > longest:
                    return
                payload, check = file.read(length), file.read(FRAME_CHECK.size)
                if len(check) < FRAME_CHECK.size or FRAME_CHECK.unpack(check)[0] != zlib.crc32(
                    payload, zlib.crc32(head)
                ):
                    return
                yield kind, offset, payload
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the path") from error


def _signal(path: Path, header: dict[str, Any]) -> Recording:
    """Return the empty recording that a header describes."""
    facts = fields_of(header, HEADER, path, RecordingError, RESTORE, "its header")
    bands = bands_of(header.get("bands"), path)
    if not (channels := electrode_count(bands)):
        raise RecordingError(path, "its header names no electrode", RESTORE)
    try:
        return Recording(np.empty((0, channels), np.float32), bands=bands, **facts)
    except RecordingError as error:
        raise RecordingError(path, error.wrong, error.advice) from error


def _facts(path: Path, offset: int, payload: bytes) -> dict[str, Any]:
    where = f"{path}, byte {offset}"
    facts: Any = json_of(payload, where, RecordingError, RESTORE)
    fields_of(facts, {}, path, RecordingError, RESTORE, f"byte {offset}")
    return facts
