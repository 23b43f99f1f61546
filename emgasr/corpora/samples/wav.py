"""WAV files: a path in; the header's rate, shape and kind of number, and rows of stored steps out, read when asked for.

One stored step is 1 whatever holds it: 8-bit samples stand around 0 (the file counts from 128), 24-bit ones are not
widened, and where fewer bits are valid than the container has, the empty ones below are taken away. RIFF, RIFX, RF64
and BW64 are read; integers of 8 to 64 bits and floats of 32 and 64, plain or EXTENSIBLE.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from emgasr.errors import RecordingError

PCM, FLOAT, EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
# Codes that hold no plain numbers, by their names (RFC 2361 and Microsoft's mmreg.h)
COMPRESSED = {0x02: "MS ADPCM", 0x06: "A-law", 0x07: "µ-law", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x55: "MP3"}
COMPRESSED |= {0x40: "G.721 ADPCM", 0x50: "MPEG", 0xFF: "AAC", 0x161: "Windows Media Audio", 0xF1AC: "FLAC"}
GUID_END = bytes.fromhex("000000001000800000aa00389b71")  # of every EXTENSIBLE subformat that is a format's code
UNKNOWN_SIZE = 0xFFFFFFFF  # RF64 keeps the true one in its chunk ds64; elsewhere the writer never came back to it
OPEN_END = 0x7FFF0000  # from here on sizes stand for "to the end" in the headers of streams (arecord, ffmpeg)
MOST_CHUNKS = 10_000
FIRST_ROWS = 1 << 16  # rows looked at for bits below the valid ones when a file is opened


@dataclass(frozen=True)
class WavHeader:
    """What a WAV file tells: `frames` rows of `channels` values of `container` bytes each, from byte `offset` on.

    `shift` empty bits lie below the valid ones; `notes` tell what in the file is not read.
    """

    rate_hz: int
    channels: int
    frames: int
    offset: int
    container: int
    shift: int
    is_float: bool
    order: str  # "<" or ">"
    notes: tuple[str, ...] = ()


def read_header(path: Path) -> WavHeader:
    """Read the header; RecordingError for a file that is none, compressed, truncated or never finished."""
    try:
        with path.open("rb") as file:
            return _read(path, file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the file") from error


def read_rows(path: Path, header: WavHeader, start: int, stop: int) -> np.ndarray:
    """Rows start to stop in stored steps, (rows, C) of integers or floats."""
    row_bytes = header.channels * header.container
    try:
        raw = np.fromfile(path, np.uint8, (stop - start) * row_bytes, offset=header.offset + start * row_bytes)
    except OSError as error:
        raise RecordingError(path, f"cannot be read ({error.strerror})", "check the file") from error
    if raw.size != (stop - start) * row_bytes:
        raise RecordingError(path, "is shorter than when it was opened", "open it again")
    values = _numbers(raw, header).reshape(stop - start, header.channels)
    if header.container == 1:
        values = values.astype(np.int16) - 128
    if header.shift:
        if (values & ((1 << header.shift) - 1)).any():
            wrong = f"tells {8 * header.container - header.shift} valid bits, but uses those below them"
            raise RecordingError(path, wrong, "write it again with the true number of bits")
        values = values >> header.shift
    return values


def _numbers(raw: np.ndarray, header: WavHeader) -> np.ndarray:
    if header.is_float:
        return raw.view(f"{header.order}f{header.container}")
    if header.container == 1:
        return raw
    if header.container != 3:
        return raw.view(f"{header.order}i{header.container}")
    parts = raw.reshape(-1, 3) if header.order == "<" else raw.reshape(-1, 3)[:, ::-1]
    wide = np.zeros((len(parts), 4), np.uint8)
    wide[:, 1:] = parts
    return wide.view("<i4").reshape(-1) >> 8  # the shift keeps the sign


def _read(path: Path, file: BinaryIO, size: int) -> WavHeader:
    kind, told, form = _unpack(path, "<4sI4s", file.read(12))
    if kind not in (b"RIFF", b"RIFX", b"RF64", b"BW64") or form != b"WAVE":
        raise RecordingError(path, "is not a WAV file", "give RIFF, RF64 or BW64 with the form WAVE")
    order = ">" if kind == b"RIFX" else "<"
    told = told if order == "<" else int.from_bytes(struct.pack("<I", told), "big")
    promised = size if told in (0, UNKNOWN_SIZE) else told + 8
    format_, data, long_data, at = b"", None, None, 12
    for _ in range(MOST_CHUNKS):
        if at + 8 > size or (data and format_ and at >= promised):
            break
        file.seek(at)
        name, length = _unpack(path, order + "4sI", file.read(8))
        if name == b"ds64":
            riff, long_data = _unpack(path, order + "QQ", file.read(16))
            promised = riff + 8 if riff else size
        elif name == b"fmt ":
            format_ = file.read(min(length, 64))
        elif name == b"data":
            if data is not None:
                raise RecordingError(path, "holds several data chunks", "write it as one")
            if length == UNKNOWN_SIZE and long_data is not None:
                length = long_data
            data = (at + 8, length)
            _check_held(path, length, size - at - 8, long_data is not None)
        at += 8 + length + length % 2
    if data is None or not format_:
        lacks = "its samples (chunk data)" if data is None else "their format (chunk fmt)"
        raise RecordingError(path, f"is truncated or no whole WAV file: it lacks {lacks}", "restore the file")
    notes = []
    if size > promised:
        notes.append(f"{size - promised} bytes lie beyond what its header promises and are not read")
    elif promised > size + 1:  # the last pad byte is often left out
        notes.append(f"its header promises {promised} bytes, it holds {size}; the samples are whole")
    header = _describe(path, format_, data, order, tuple(notes))
    if header.shift:
        read_rows(path, header, 0, min(header.frames, FIRST_ROWS))
    return header


def _check_held(path: Path, promised: int, held: int, is_long: bool) -> None:
    """Refuse what was cut off, and what its recorder never finished."""
    open_end = UNKNOWN_SIZE if is_long else OPEN_END
    if (promised > held and open_end <= promised <= UNKNOWN_SIZE) or (promised == 0 and held > 0):
        wrong = f"was never finished: its header does not tell how many samples it holds ({held} bytes lie behind it)"
        raise RecordingError(path, wrong, "write its sizes anew, as `sox --ignore-length IN OUT` does")
    if promised > held:
        wrong = f"is truncated: its header tells {promised} bytes of samples, the file holds {held}"
        raise RecordingError(path, wrong, "restore the file")


def _describe(path: Path, format_: bytes, data: tuple[int, int], order: str, notes: tuple[str, ...]) -> WavHeader:
    code, channels, rate_hz, _, row_bytes, bits = _unpack(path, order + "HHIIHH", format_)
    valid = bits
    if code == EXTENSIBLE:
        _, valid, _, code = _unpack(path, order + "HHIH", format_[16:])
        if format_[26:40] != (GUID_END if order == "<" else format_[26:40]):
            raise RecordingError(path, "holds samples of a format that is not known", "convert it to PCM or float")
        valid = valid or bits
    if code not in (PCM, FLOAT):
        name = COMPRESSED.get(code, f"code {code:#06x}")
        raise RecordingError(
            path, f"is compressed or unknown ({name}), not plain samples", "convert it to PCM or float"
        )
    container = row_bytes // channels if channels else 0
    fits = channels > 0 and row_bytes == channels * container and 0 < valid <= 8 * container and rate_hz > 0
    if not fits or container not in ((4, 8) if code == FLOAT else (1, 2, 3, 4, 8)):
        told = f"{channels} channels of {bits} bits in {row_bytes} bytes at {rate_hz} Hz"
        raise RecordingError(path, f"has a damaged header ({told})", "restore the file")
    if code == FLOAT and valid != 8 * container:
        raise RecordingError(path, f"has a damaged header (floats of {valid} bits)", "restore the file")
    offset, length = data
    if length % row_bytes:
        wrong = f"is truncated: its {length} bytes of samples end within a row of {row_bytes}"
        raise RecordingError(path, wrong, "restore the file")
    shift = 0 if code == FLOAT else 8 * container - valid
    return WavHeader(rate_hz, channels, length // row_bytes, offset, container, shift, code == FLOAT, order, notes)


def _unpack(path: Path, layout: str, raw: bytes) -> tuple[Any, ...]:
    count = struct.calcsize(layout)
    if len(raw) < count:
        raise RecordingError(path, "is truncated or not a WAV file: it ends within its header", "restore the file")
    return struct.unpack(layout, raw[:count])
