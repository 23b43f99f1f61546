"""An unfinished recording: the journal that `journal` writes in, a Recording of what is whole of it out.

A journal is MAGIC, then frames: kind (1 byte), length (uint32), payload, CRC-32 of these (uint32); little-endian. H is
the header (JSON), S samples float32 (T, C), K a key, B a span's begin, E its end, N a note (JSON each).
"""

from __future__ import annotations

import math
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from emgasr.errors import DataError, RecordingError
from emgasr.files.plain_data import json_of
from emgasr.recording import Band, Events, Recording, Spans, row_range

MAGIC = b"emgasr-journal 1\n"
FRAME_HEAD, FRAME_CHECK = struct.Struct("<cI"), struct.Struct("<I")
_KINDS = b"HSKBEN"
_LONGEST = 1 << 28  # bytes of a frame: more is damage
_LONGEST_FACTS = 1 << 20  # of a frame of JSON
NOTES = 20  # of a recording that are told one by one


def is_journal(path: str | Path) -> bool:
    """Whether `path` is a journal, by its first bytes; False for what cannot be read or is no regular file."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            return False
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def open_journal(path: str | Path) -> Recording:
    """The recording that a journal holds up to its last whole frame; RecordingError if not even its header is whole.

    Its notes tell what happened to the signal, and how much of the file is not whole.
    """
    path = Path(path)
    signal: Recording | None = None
    starts, offsets, rows, end = [0], [], 0, len(MAGIC)
    presses: list[tuple[float, float, str]] = []
    spans: list[tuple[float, float, str, str]] = []
    noted: list[dict[str, Any]] = []
    begun: tuple[float, str, str] | None = None
    for kind, offset, payload in _frames(path):
        end = offset + len(payload) + FRAME_CHECK.size
        if signal is None:
            if kind != b"H":
                raise RecordingError(path, "does not begin with a header", "it is no journal of emgasr: delete it")
            signal = _signal(path, _facts(path, offset, payload))
        elif kind == b"S":
            count, rest = divmod(len(payload), 4 * signal.n_channels)
            if rest:
                raise RecordingError(path, f"byte {offset}: samples of another number of channels", "restore the file")
            rows += count
            starts.append(rows)
            offsets.append(offset)
        elif kind == b"H":
            raise RecordingError(path, f"byte {offset}: has a second header", "restore the file")
        else:
            facts = _facts(path, offset, payload)
            time_s = _number(path, offset, facts, "time_s")
            if kind == b"K":
                release_s = math.nan if facts.get("release_s") is None else _number(path, offset, facts, "release_s")
                presses.append((time_s, release_s, _text(path, offset, facts, "key")))
            elif kind == b"B":
                begun = (time_s, _text(path, offset, facts, "kind"), _text(path, offset, facts, "text"))
            elif kind == b"E" and begun:
                spans.append((begun[0], max(begun[0], time_s), begun[1], begun[2]))
                begun = None
            elif kind == b"N":
                noted.append(facts)
    if signal is None:
        raise RecordingError(path, "holds no whole header", "it was killed as it began: delete it")
    duration_s = rows / signal.rate_hz
    if begun:
        spans.append((begun[0], max(begun[0], duration_s), begun[1], begun[2]))
    # Keys come by another way than samples: those pressed after the last sample that is kept are left out.
    kept = [press for press in presses if 0 <= press[0] <= duration_s]
    inside = [(max(0.0, s), min(e, duration_s), kind, text) for s, e, kind, text in spans if s < duration_s]
    notes = list(lines_of_notes(path, noted))
    if (left := path.stat().st_size - end) > 0:
        notes.append(f"its last {left:,} of {left + end:,} bytes are not whole frames and are left out")
    for what, lost in (("keys", len(presses) - len(kept)), ("spans", len(spans) - len(inside))):
        if lost:
            notes.append(f"{lost} {what} outside the {duration_s:.3f} s of samples are left out")
    try:
        samples = _JournalSamples(
            path.absolute(), (rows, signal.n_channels), np.array(starts), np.array(offsets, np.int64)
        )
        return replace(signal, samples=samples, events=Events.of(kept), spans=Spans.of(inside), notes=tuple(notes))
    except DataError as error:
        raise RecordingError(path, f"{error.where}: {error.wrong}", error.advice) from error


def journal_notes(path: str | Path) -> list[dict[str, Any]]:
    """What was noted of the signal: dicts of time_s, kind, samples, text."""
    path = Path(path)
    return [_facts(path, offset, payload) for kind, offset, payload in _frames(path) if kind == b"N"]


def lines_of_notes(path: Path, notes: Any) -> tuple[str, ...]:
    """The notes of a recording as lines, the first of them one by one; RecordingError if they are of another form."""
    if not isinstance(notes, list) or not all(isinstance(note, dict) for note in notes):
        raise RecordingError(path, "its notes are not a list of facts", "restore the file")
    lines = []
    for note in notes[:NOTES]:
        at, told = note.get("time_s"), note.get("text")
        if not _is_number(at) or not isinstance(told, str):
            raise RecordingError(path, "a note lacks a time or a text", "restore the file")
        lines.append(f"at {at:.3f} s: {told}")
    if len(notes) > NOTES:
        lines.append(f"{len(notes) - NOTES} more notes were taken while it was recorded")
    return tuple(lines)


def bands_of(path: Path, told: Any) -> tuple[Band, ...]:
    """Bands from a JSON list of name, electrodes, ring; RecordingError for anything else."""
    try:
        bands = tuple((band["name"], band["electrodes"], band["ring"]) for band in told)
    except (TypeError, KeyError) as error:
        raise RecordingError(
            path, "'bands' is not a JSON list of name, electrodes, ring", "restore the file"
        ) from error
    for name, electrodes, ring in bands:
        texts = isinstance(electrodes, list) and all(isinstance(each, str) for each in (name, *electrodes))
        if not texts or not isinstance(ring, bool):
            raise RecordingError(path, "'bands' is not a JSON list of name, electrodes, ring", "restore the file")
    return tuple(Band(name, tuple(electrodes), ring) for name, electrodes, ring in bands)


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
                    raise RecordingError(self.path, "changed since it was opened", "open it again")
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
    """The empty recording that a header describes."""
    start = None if header.get("start_unix_s") is None else _number(path, len(MAGIC), header, "start_unix_s")
    subject, session, unit, origin = (
        _text(path, len(MAGIC), header, name) for name in ("subject", "session", "unit", "origin")
    )
    bands = bands_of(path, header.get("bands"))
    channels = sum(len(band.electrodes) for band in bands)
    if not channels:
        raise RecordingError(path, "its header names no electrode", "restore the file")
    try:
        return Recording(
            samples=np.empty((0, channels), np.float32),
            rate_hz=_number(path, len(MAGIC), header, "rate_hz"),
            unit=unit,
            bands=bands,
            subject=subject,
            session=session,
            start_unix_s=start,
            origin=origin,
        )
    except RecordingError as error:
        raise RecordingError(path, error.wrong, error.advice) from error


def _facts(path: Path, offset: int, payload: bytes) -> dict[str, Any]:
    facts = json_of(payload, f"{path}, byte {offset}", RecordingError, "restore the file")
    if not isinstance(facts, dict):
        raise RecordingError(path, f"byte {offset}: holds no facts by name", "restore the file")
    return facts


def _number(path: Path, offset: int, facts: dict[str, Any], name: str) -> float:
    value = facts.get(name)
    if not _is_number(value):
        raise RecordingError(path, f"byte {offset}: {name} is {value!r}, not a number", "restore the file")
    return float(value)


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(path: Path, offset: int, facts: dict[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise RecordingError(path, f"byte {offset}: {name} is {value!r}, not text", "restore the file")
    return value
