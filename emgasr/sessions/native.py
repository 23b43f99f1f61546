"""The native session file: a Recording in, one HDF5 file out, and back with samples that are read when sliced.

/               attributes: format "emgasr-session", version 1, rate_hz, unit, subject, session, origin,
                bands (JSON), start_unix_s (only if known), sha256 (of all but the samples)
/samples        float32 (T, C), chunked along time, each chunk with a checksum (Fletcher-32)
/events         time_s, release_s: float64 (n,); keys: a JSON list (keys may hold any character, even NUL)
/notes          what was lost, bridged or repeated while it was recorded: a JSON list (recorded files only)
/spans          start_s, end_s: float64 (n,); kinds, texts: JSON lists

Files use HDF5's format 1.10, which has checksums of all that describes the data. In the earlier format a changed bit
can move a rate, or make HDF5 return zeros for samples.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.config.typed_data import fits
from emgasr.errors import DataError, RecordingError
from emgasr.files.as_json import as_json
from emgasr.files.hdf5 import (
    LARGEST_LABELS,
    OPEN_FILES,
    attribute,
    dataset,
    holds,
    number_attribute,
    numbers,
    text,
    text_attribute,
)
from emgasr.files.output import replacing
from emgasr.files.plain_data import json_of
from emgasr.files.regular_file import changed
from emgasr.files.rows import row_range
from emgasr.recording import Band, Events, Recording, Spans
from emgasr.sessions.journal_reading import bands_of, is_journal, lines_of_notes, open_journal

FORMAT, VERSION = "emgasr-session", 1
CHECKSUM = "sha256"
HDF5_FORMAT = ("v110", "v110")
ADVICE = "write it with emgasr's save_session"
CHUNK_BYTES = 256 * 1024  # 1 s of 32 electrodes at 2 kHz: a 4 s window reads little that it does not need


@dataclass(frozen=True, eq=False)
class _FileSamples:
    """The samples of a session file, (T, C) float32, opened when sliced (so it can be pickled)."""

    path: Path
    shape: tuple[int, ...]

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        with OPEN_FILES.reading(self.path) as file:
            samples = dataset(self.path, file, "samples")
            if samples.shape != self.shape:
                raise changed(self.path)
            return samples[start:stop]


def open_session(path: str | Path) -> Recording:
    """Read a session file's labels and leave its samples on disk; RecordingError for anything missing or mistyped."""
    path = Path(path)
    if is_journal(path):
        return open_journal(path)
    with OPEN_FILES.reading(path) as file:
        _check_format(path, file)
        samples = dataset(path, file, "samples", ADVICE)
        if samples.dtype != np.float32 or samples.ndim != 2:
            found = f"{samples.dtype} of {samples.ndim} dimensions"
            raise RecordingError(path, f"'samples' is {found}", "it must be float32 (samples, channels)")
        try:
            opened = Recording(
                samples=_FileSamples(path.absolute(), samples.shape),
                rate_hz=number_attribute(path, file, "rate_hz", ADVICE),
                unit=text_attribute(path, file, "unit", ADVICE),
                bands=_bands(path, text_attribute(path, file, "bands", ADVICE)),
                subject=text_attribute(path, file, "subject", ADVICE),
                session=text_attribute(path, file, "session", ADVICE),
                events=Events(
                    numbers(path, file, "events/time_s", ADVICE),
                    numbers(path, file, "events/release_s", ADVICE),
                    _strings(path, file, "events/keys"),
                ),
                spans=Spans(
                    numbers(path, file, "spans/start_s", ADVICE),
                    numbers(path, file, "spans/end_s", ADVICE),
                    _strings(path, file, "spans/kinds"),
                    _strings(path, file, "spans/texts"),
                ),
                start_unix_s=number_attribute(path, file, "start_unix_s") if "start_unix_s" in file.attrs else None,
                origin=text_attribute(path, file, "origin", ADVICE),
                notes=_notes(path, file),
            )
            return _told_if_changed(path, file, opened)
        except DataError as error:
            raise RecordingError(path, f"{error.where}: {error.wrong}", error.advice) from error
        except RecordingError as error:
            if error.where == str(path):
                raise
            raise RecordingError(path, error.wrong, error.advice) from error


def save_session(recording: Recording, path: str | Path, notes: str = "") -> None:
    """Write `recording`, its samples in bounded blocks, so that `path` is either as before or complete.

    `notes` (JSON) tell what happened while it was recorded.

    Raises:
        DataError: The recording has other sensors beside it, which a session file cannot hold.
    """
    if recording.others:
        wrong = f"holds one sensor, and the recording has {len(recording.others)} beside it"
        raise DataError(path, wrong, "save each by itself: recording.others holds them")
    with replacing(path) as temporary, _Sink(temporary, "w+") as sink:
        try:
            with h5py.File(sink, "w", libver=HDF5_FORMAT) as file:
                _write(recording, file, sink)
                if notes:
                    file["notes"] = notes
        finally:
            sink.check()  # whatever HDF5 makes of it


class _Sink(io.FileIO):
    """A file that keeps its first failure to write: HDF5 would crash the process on closing if it saw the failure."""

    failure: BaseException | None = None

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        try:
            while view and self.failure is None:
                view = view[super().write(view) :]
        except BaseException as error:  # a full disk, or Ctrl-C while in here
            self.failure = error
        return len(data)

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return super().truncate(size) if self.failure is None else 0
        except BaseException as error:
            self.failure = error
            return 0

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure


def _write(recording: Recording, file: h5py.File, sink: _Sink) -> None:
    file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
    for name in ("rate_hz", "unit", "subject", "session", "origin"):
        file.attrs[name] = getattr(recording, name)
    file.attrs["bands"] = as_json([band.as_row() for band in recording.bands])
    if recording.start_unix_s is not None:
        file.attrs["start_unix_s"] = recording.start_unix_s

    total, channels = recording.n_samples, recording.n_channels
    rows = max(1, min(total, CHUNK_BYTES // (4 * max(channels, 1))))
    chunks = (rows, channels) if total and channels else None
    samples = file.create_dataset(
        "samples", (total, channels), np.float32, chunks=chunks, fletcher32=True if chunks else None
    )
    block = rows * 64
    for start in range(0, total, block):
        samples[start : start + block] = recording.samples[start : min(start + block, total)]
        sink.check()

    events, spans = recording.events, recording.spans
    for group in (b"events", b"spans"):  # without times of their own: equal recordings make equal files
        plain = h5py.h5p.create(h5py.h5p.GROUP_CREATE)
        plain.set_obj_track_times(False)
        h5py.h5g.create(file.id, group, gcpl=plain)
    file["events/time_s"], file["events/release_s"] = events.time_s, events.release_s
    file["spans/start_s"], file["spans/end_s"] = spans.start_s, spans.end_s
    for name, strings in (("events/keys", events.keys), ("spans/kinds", spans.kinds), ("spans/texts", spans.texts)):
        file[name] = as_json(strings)
    file.attrs[CHECKSUM] = _checksum(recording)


def _checksum(recording: Recording) -> str:
    """SHA-256 of all that a file holds but its samples and notes."""
    events, spans = recording.events, recording.spans
    facts = [recording.unit, recording.subject, recording.session, recording.origin, recording.start_unix_s]
    bands = [band.as_row() for band in recording.bands]
    texts = as_json([recording.rate_hz, *facts, bands, events.keys, spans.kinds, spans.texts])
    digest = hashlib.sha256(texts.encode())
    for times_s in (events.time_s, events.release_s, spans.start_s, spans.end_s):
        digest.update(np.asarray(times_s, "<f8").tobytes())
    return digest.hexdigest()


def _told_if_changed(path: Path, file: h5py.File, recording: Recording) -> Recording:
    """The recording, with a note if it is not as it was saved: people edit labels with h5py, and disks change bits."""
    told = CHECKSUM in file.attrs and text_attribute(path, file, CHECKSUM)
    if not told or told == _checksum(recording):  # an earlier emgasr wrote none
        return recording
    note = "its labels, or what it tells of itself, were changed since it was saved (checksum)"
    return replace(recording, notes=(*recording.notes, note))


def is_session(path: Path, file: h5py.File) -> bool:
    """Whether an open HDF5 file says that it is a native session."""
    return "format" in file.attrs and attribute(path, file, "format") == FORMAT


def _check_format(path: Path, file: h5py.File) -> None:
    if not is_session(path, file):
        advice = "name the corpus it comes from" if holds(file, "emg2qwerty") else "convert it first"
        raise RecordingError(path, "is HDF5 but not an emgasr session", advice)
    version = attribute(path, file, "version", ADVICE)
    if version != VERSION:
        raise RecordingError(path, f"has format version {version}, this emgasr reads {VERSION}", "upgrade emgasr")


def _strings(path: Path, file: h5py.File, name: str) -> tuple[str, ...]:
    values = _json(path, f"'{name}'", text(path, file, name, ADVICE))
    if not fits(tuple[str, ...], values):
        raise RecordingError(path, f"'{name}' is not a JSON list of texts")
    return tuple(values)


def _notes(path: Path, file: h5py.File) -> tuple[str, ...]:
    """What happened while it was recorded; empty for a file that was not."""
    if not holds(file, "notes"):
        return ()
    return lines_of_notes(path, _json(path, "'notes'", text(path, file, "notes", ADVICE)))


def _bands(path: Path, told: str) -> tuple[Band, ...]:
    return bands_of(_json(path, "attribute 'bands'", told), path)


def _json(path: Path, what: str, told: str) -> Any:
    try:
        return json_of(told, path, RecordingError, "", LARGEST_LABELS)
    except RecordingError as error:
        raise RecordingError(path, f"{what} is not a JSON list ({error.wrong})", ADVICE) from error
