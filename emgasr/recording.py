"""Samples, rate, unit, bands of electrodes and labels in; a Recording, whose slices are read lazily, out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Literal, Protocol

import numpy as np

from emgasr.display.visible import told_line
from emgasr.errors import DataError, ModelError, RecordingError
from emgasr.files.label_checks import check_sorted, check_texts, is_text, listed, set_seconds
from emgasr.files.plain_text import normalized
from emgasr.files.rows import Rows

UNITS = ("uV", "counts")  # counts: a device with no known factor to volts, so declared, never guessed
# How a channel's voltage is taken. What a device subtracts decides which muscles it hears, and cannot be undone.
MONTAGES = {
    "bipolar": "between two poles over one muscle",
    "reference": "of every electrode against one shared electrode",
    "average": "of every electrode against the mean of all",
}
Montage = Literal["", "bipolar", "reference", "average"]  # "": not told
UNTOLD = "not told"  # as people read it
ORIGINS = ("measured", "simulated", "composed")
LOWEST_HZ, HIGHEST_HZ = 1e-3, 1e9  # of a sampling rate: with these, seconds and samples count each other
SPAN_KINDS = ("prompt", "utterance", "gesture", "rest")


@dataclass(frozen=True)
class Band:
    """Electrodes worn together; in a `ring`, electrode i lies beside i + 1 and the last beside the first.

    `montage` is one of MONTAGES, or "" where nobody says it.
    """

    name: str
    electrodes: tuple[str, ...]
    ring: bool = False
    montage: Montage = ""

    def __post_init__(self) -> None:
        check_texts("band", (self.name, *listed("band", self.electrodes)))
        if not isinstance(self.ring, bool):
            raise DataError("band", f"ring is {self.ring!r}", "give True or False")
        if self.montage not in ("", *MONTAGES):
            raise DataError("band", f"montage is {self.montage!r}", f"choose {', '.join(MONTAGES)}, or leave it out")
        object.__setattr__(self, "electrodes", tuple(self.electrodes))

    @staticmethod
    def numbered(name: str, count: int, ring: bool = False, montage: Montage = "") -> Band:
        """Return a band of `count` electrodes called "<name>1" to "<name>count"."""
        return Band(name, tuple(f"{name}{i + 1}" for i in range(count)), ring, montage)

    @staticmethod
    def of_word(word: str, ring: bool = False, montage: Montage = "") -> Band:
        """Return the numbered band that a word describes as NAME:ELECTRODES ("left:16"); DataError for other words."""
        name, _, count = word.rpartition(":")
        if not name or not count.isdecimal() or int(count) < 1:
            raise DataError("bands", f"{word!r} is no band", "write NAME:ELECTRODES, as in left:16")
        return Band.numbered(name, int(count), ring, montage)

    def as_row(self) -> dict[str, Any]:
        """Return what a file holds of the band: its fields, without a montage that is not told."""
        row = {"name": self.name, "electrodes": list(self.electrodes), "ring": self.ring}
        return {**row, "montage": self.montage} if self.montage else row


def electrode_count(bands: Iterable[Band]) -> int:
    """Return the electrodes of all bands, which are the channels of their signal."""
    return sum(len(band.electrodes) for band in bands)


def montage_of(bands: Sequence[Band]) -> str:
    """Return the montage of all bands, or of each where they differ; "" if none says it."""
    if len(montages := {band.montage for band in bands}) == 1:
        return str(montages.pop())
    return ", ".join(f"{band.name} {band.montage or UNTOLD}" for band in bands)


class Samples(Protocol):
    """Samples that stay in their file: `shape` is (T, C); slicing rows reads float32 (rows, C)."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Events:
    """Key presses sorted by time: `time_s` and `release_s` float64 (n,), release NaN where unknown, raw key names."""

    time_s: np.ndarray
    release_s: np.ndarray
    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        check_texts("events", listed("events", self.keys))
        set_seconds(self, "time_s", len(self.keys), "events")
        set_seconds(self, "release_s", len(self.keys), "events", unknown=True)
        check_sorted(self.time_s, "event times")

    @staticmethod
    def empty() -> Events:
        """No events."""
        return Events(np.empty(0), np.empty(0), ())

    @staticmethod
    def of(presses: Iterable[tuple[float, float, str]]) -> Events:
        """Events from (press, release, key) in any order; presses of the same time keep theirs."""
        rows = sorted(presses, key=lambda press: press[0])
        return Events(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), tuple(r[2] for r in rows))

    def __len__(self) -> int:
        return len(self.keys)

    def between(self, start_s: float, end_s: float) -> Events:
        """The events with start_s <= time < end_s, found by binary search."""
        first, last = np.searchsorted(self.time_s, (start_s, end_s))
        return Events(self.time_s[first:last], self.release_s[first:last], self.keys[first:last])

    def shift(self, seconds: float) -> Events:
        """The same events, `seconds` later."""
        return Events(self.time_s + seconds, self.release_s + seconds, self.keys)


@dataclass(frozen=True, eq=False)
class Spans:
    """Labelled stretches sorted by start: times float64 (n,), kinds among SPAN_KINDS, and a text (or label) each."""

    start_s: np.ndarray
    end_s: np.ndarray
    kinds: tuple[str, ...]
    texts: tuple[str, ...]
    _reach_s: np.ndarray = field(init=False, repr=False)  # the latest end so far: what makes binary search right

    def __post_init__(self) -> None:
        check_texts("spans", (*listed("spans", self.kinds), *listed("spans", self.texts)))
        set_seconds(self, "start_s", len(self.texts), "spans")
        set_seconds(self, "end_s", len(self.texts), "spans")
        check_sorted(self.start_s, "span starts")
        if len(self.kinds) != len(self.texts):
            raise DataError("spans", f"{len(self.kinds)} kinds for {len(self.texts)} texts")
        if unknown := set(self.kinds) - set(SPAN_KINDS):
            raise DataError("spans", f"unknown kind {sorted(unknown)[0]!r}", f"use one of {', '.join(SPAN_KINDS)}")
        if (self.end_s < self.start_s).any():
            first = int(np.argmax(self.end_s < self.start_s))
            raise DataError("spans", f"the span at {self.start_s[first]:.3f} s ends before it starts")
        object.__setattr__(self, "_reach_s", np.maximum.accumulate(self.end_s))
        object.__setattr__(self, "texts", tuple(map(normalized, self.texts)))  # one label in two forms is one label

    @staticmethod
    def empty() -> Spans:
        """No spans."""
        return Spans(np.empty(0), np.empty(0), (), ())

    @staticmethod
    def of(spans: Iterable[tuple[float, float, str, str]]) -> Spans:
        """Spans from (start, end, kind, text) in any order."""
        rows = sorted(spans, key=lambda span: span[:2])
        starts, ends = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
        return Spans(starts, ends, tuple(r[2] for r in rows), tuple(r[3] for r in rows))

    def __len__(self) -> int:
        return len(self.texts)

    def overlapping(self, start_s: float, end_s: float) -> Spans:
        """The spans with a part inside start_s to end_s, found by binary search."""
        first = int(np.searchsorted(self._reach_s, start_s, side="right"))
        last = int(np.searchsorted(self.start_s, end_s, side="left"))
        return self._chosen([i for i in range(first, last) if self.end_s[i] > start_s])

    def of_kind(self, kind: str) -> Spans:
        """The spans of one kind."""
        return self._chosen([i for i, other in enumerate(self.kinds) if other == kind])

    def shift(self, seconds: float) -> Spans:
        """The same spans, `seconds` later."""
        return Spans(self.start_s + seconds, self.end_s + seconds, self.kinds, self.texts)

    def clip(self, start_s: float, end_s: float) -> Spans:
        """The spans overlapping start_s to end_s, cut at both."""
        inside = self.overlapping(start_s, end_s)
        starts, ends = np.clip(inside.start_s, start_s, end_s), np.clip(inside.end_s, start_s, end_s)
        return Spans(starts, ends, inside.kinds, inside.texts)

    def _chosen(self, rows: Sequence[int]) -> Spans:
        index = np.asarray(rows, dtype=np.intp)
        kinds, texts = tuple(self.kinds[i] for i in rows), tuple(self.texts[i] for i in rows)
        return Spans(self.start_s[index], self.end_s[index], kinds, texts)


@dataclass(frozen=True, eq=False)
class Recording:
    """One person's signal: samples (T, C) in `unit`, C electrodes in bands, with events and spans in seconds.

    `samples` is a float32 array or lazy `Samples`; `start_unix_s` is when sample 0 was taken, if known. Each line of
    `notes` reports something that the reader passed over, guessed or filled. `others` are recordings that other sensors
    made meanwhile.

    Raises:
        RecordingError: Shape, dtype, rate, unit, bands or origin do not fit together.
    """

    samples: np.ndarray | Samples
    rate_hz: float
    unit: str
    bands: tuple[Band, ...]
    subject: str
    session: str
    events: Events = field(default_factory=Events.empty)
    spans: Spans = field(default_factory=Spans.empty)
    start_unix_s: float | None = None
    origin: str = "measured"
    notes: tuple[str, ...] = ()
    others: tuple[Other, ...] = ()

    def __post_init__(self) -> None:
        self._check_types()
        object.__setattr__(self, "notes", tuple(map(told_line, self.notes)))
        shape = self.samples.shape
        if len(shape) != 2:
            raise self._error(f"samples have shape {tuple(shape)}", "give (samples, channels)")
        if isinstance(self.samples, np.ndarray) and self.samples.dtype != np.float32:
            raise self._error(f"samples are {self.samples.dtype}", "convert them to float32 in µV or counts")
        if not LOWEST_HZ <= self.rate_hz <= HIGHEST_HZ:
            raise self._error(f"the rate is {self.rate_hz} Hz", "give the sampling rate of the device in Hz")
        if self.start_unix_s is not None and not np.isfinite(self.start_unix_s):
            raise self._error(f"start_unix_s is {self.start_unix_s}", "leave it out where it is not known")
        if self.unit not in UNITS:
            raise self._error(f"unknown unit {self.unit!r}", "give uV, or counts for a device with no factor to volts")
        if self.origin not in ORIGINS:
            raise self._error(f"unknown origin {self.origin!r}", f"use one of {', '.join(ORIGINS)}")
        electrodes = electrode_count(self.bands)
        if electrodes != shape[1]:
            raise self._error(f"{shape[1]} channels but {electrodes} electrodes in its bands", "describe every channel")

    def _check_types(self) -> None:
        """Raise a RecordingError for a value that no file gives back, or that fails only when it is read."""
        for name in ("subject", "session", "unit", "origin"):
            if not is_text(value := getattr(self, name)) or "\0" in value:
                raise self._error(f"{name} is {value!r}", "give a text")
        for name in ("rate_hz", "start_unix_s"):
            value = getattr(self, name)
            if value is None and name == "start_unix_s":
                continue
            if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
                raise self._error(f"{name} is {value!r}", "give a number")
            object.__setattr__(self, name, float(value))
        if not isinstance(self.bands, tuple) or not all(isinstance(band, Band) for band in self.bands):
            raise self._error("its bands are no Bands", 'give a tuple of them, as (Band.numbered("wrist", 8),)')
        if not isinstance(self.events, Events) or not isinstance(self.spans, Spans):
            raise self._error("its labels are no Events and Spans", "make them by Events.of and Spans.of")
        if isinstance(self.samples, list | tuple) or not hasattr(self.samples, "shape"):
            raise self._error(f"its samples are of type {type(self.samples).__name__}", "give a float32 array")

    @property
    def n_samples(self) -> int:
        """T, the samples of each channel."""
        return int(self.samples.shape[0])

    @property
    def n_channels(self) -> int:
        """C, the electrodes of all bands."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz

    def read(self, start_s: float = 0.0, end_s: float | None = None) -> np.ndarray:
        """Return the samples from start_s to end_s (default: all), float32 (T, C); times are rounded to samples."""
        first, last = self._rows(start_s, end_s)
        return np.asarray(self.samples[first:last], dtype=np.float32)

    def segment(self, start_s: float, end_s: float | None = None) -> Recording:
        """Return the part from start_s to end_s as a recording that still reads lazily.

        Labels count from the part's own start. Events outside are left out; spans over an edge are cut there.
        """
        first, last = self._rows(start_s, end_s)
        start, end = first / self.rate_hz, last / self.rate_hz
        return replace(
            self,
            samples=Rows(self.samples, first, last),
            events=self.events.between(start, end).shift(-start),
            spans=self.spans.clip(start, end).shift(-start),
            start_unix_s=None if self.start_unix_s is None else self.start_unix_s + start,
            others=tuple(cut for other in self.others if (cut := other.between(start, end)) is not None),
        )

    def _rows(self, start_s: float, end_s: float | None) -> tuple[int, int]:
        begin, end = start_s * self.rate_hz, self.n_samples if end_s is None else end_s * self.rate_hz
        if math.isfinite(begin) and math.isfinite(end) and 0 <= round(begin) <= round(end) <= self.n_samples:
            return round(begin), round(end)
        asked = f"{start_s:.3f} s to {self.duration_s if end_s is None else end_s:.3f} s"
        raise self._error(f"cannot read {asked}", f"it lasts {self.duration_s:.3f} s")

    def _error(self, wrong: str, advice: str) -> RecordingError:
        return RecordingError(f"recording {self.subject}/{self.session}", wrong, advice)


@dataclass(frozen=True, eq=False)
class Other:
    """What another sensor recorded meanwhile, at its own rate; `offset_s` counts from the first recording's start."""

    recording: Recording
    offset_s: float = 0.0

    def between(self, start_s: float, end_s: float) -> Other | None:
        """Return the part from start_s to end_s of the first recording, counted from there; None: it holds nothing."""
        length_s = self.recording.duration_s
        begin, end = (min(max(edge - self.offset_s, 0.0), length_s) for edge in (start_s, end_s))
        if end <= begin:
            return None
        exact = round(begin * self.recording.rate_hz) / self.recording.rate_hz
        return Other(self.recording.segment(begin, end), exact + self.offset_s - start_s)


@dataclass(frozen=True)
class Signal:
    """What a model listens to: rate in Hz, unit, and bands of electrodes; recordings must match it.

    Args:
        rate_hz: samples a second.
        unit: of the samples.
        bands: of the electrodes.
        steps: what one stored step of bare takes was at training, in the unit, each value once; none: not known.
    """

    rate_hz: float
    unit: str
    bands: tuple[Band, ...]
    steps: tuple[float, ...] = ()

    @staticmethod
    def of(recording: Recording) -> Signal:
        """The signal of a recording."""
        return Signal(recording.rate_hz, recording.unit, recording.bands)

    @property
    def electrodes(self) -> int:
        """Electrodes of each band; a ModelError if the bands differ."""
        counts = {len(band.electrodes) for band in self.bands}
        if len(counts) != 1:
            sizes = ", ".join(f"{band.name} {len(band.electrodes)}" for band in self.bands)
            raise ModelError("bands", f"have different numbers of electrodes ({sizes})", "describe them as equal bands")
        return counts.pop()

    def check(self, recording: Recording) -> None:
        """Raise a RecordingError unless `recording` has this rate, unit, shape of bands and, where told, montage."""
        self.check_same(Signal.of(recording), f"recording {recording.subject}/{recording.session}")

    def check_same(self, other: Signal, where: str) -> None:
        """Raise a RecordingError unless `other`, called `where`, has this rate, unit, shape and montage of bands."""
        if other.rate_hz != self.rate_hz:
            advice = "record at the model's rate or train a model for this one; the rate is never changed silently"
            raise RecordingError(where, f"is at {other.rate_hz:g} Hz, the model at {self.rate_hz:g} Hz", advice)
        own, theirs = ([len(band.electrodes) for band in bands] for bands in (self.bands, other.bands))
        if own != theirs:
            raise RecordingError(
                where, f"has bands of {theirs} electrodes, the model {own}", "use a model made for them"
            )
        if other.unit != self.unit:
            raise RecordingError(where, f"is in {other.unit}, the model in {self.unit}", "convert the recording")
        for band, heard in zip(self.bands, other.bands, strict=True):
            if band.montage and heard.montage and band.montage != heard.montage:
                wrong = f"is of montage {heard.montage}, the model of {band.montage} ({MONTAGES[band.montage]})"
                raise RecordingError(where, wrong, "take the voltage in the same way, or train a model on this montage")

    def with_montage_of(self, recordings: Iterable[Recording]) -> Signal:
        """Return this signal with the montage that recordings say; a RecordingError for one that does not match it."""
        signal = self
        for recording in recordings:
            signal.check(recording)
            pairs = zip(signal.bands, recording.bands, strict=True)
            signal = replace(signal, bands=tuple(replace(a, montage=a.montage or b.montage) for a, b in pairs))
        return signal
