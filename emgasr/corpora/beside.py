"""An entry of a manifest in; the signal that was recorded beside its muscles (pose, sound, frames of a model), out.

The option BESIDE of an entry names the file (from the recording's folder), its rate and its kind; a layout whose corpus
has such files under names of its own has a function `beside(path)`. Row 0 was taken when sample 0 of the muscles was.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from emgasr.config.typed_data import fits
from emgasr.corpora.samples.arrays import open_samples
from emgasr.corpora.samples.wav import read_header
from emgasr.corpora.tables.delimited import Row, number
from emgasr.display.wording import counted
from emgasr.errors import ConfigError, ManifestError, RecordingError
from emgasr.files.regular_file import changed, check_regular, is_regular, status_of
from emgasr.files.rows import Rows, row_range
from emgasr.manifests.manifest import BESIDE, Entry
from emgasr.recording import HIGHEST_HZ, LOWEST_HZ, Samples

Kind = Literal["pose", "audio", "frames"]  # angles of joints; one channel of sound; what a frozen model makes of sound
KINDS: tuple[str, ...] = get_args(Kind)
SOUND = (".wav", ".flac")
ROUNDING = 1e-6  # of a row, within which edges fall on one
SLACK = 0.5  # frames that a window may reach beyond the signal
MOST_CHANNELS = 4096
MOST_RATIO = 1000  # of the whole numbers by which sound is resampled
PIECE_VALUES = 1 << 22


@dataclass(frozen=True)
class BesideFile:
    """Where a signal beside muscles lies: its path, its rate in Hz (0: the file says it) and its kind."""

    path: Path
    rate_hz: float
    kind: Kind


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows that are whole, and what was passed over.

    Args:
        samples: (n, F, C) float32, of the windows that are whole.
        whole: (m,) which of the windows that were asked for these are.
        gaps: how many have a gap (values that are not finite) in them.
        outside: how many begin before the signal or end behind it.
    """

    samples: np.ndarray
    whole: np.ndarray
    gaps: int
    outside: int

    @property
    def told(self) -> str:
        """A line on what was passed over; "" if nothing was."""
        parts = [(self.gaps, "with a gap"), (self.outside, "beyond the signal")]
        told = " and ".join(f"{count} {why}" for count, why in parts if count)
        return f"of {counted(len(self.whole), 'window')} beside muscles, {told} passed over" if told else ""


@dataclass(frozen=True, eq=False)
class Beside:
    """A signal that was recorded beside muscles, from the same moment on.

    Args:
        samples: (T, C) float32, or lazy; a gap is a row with a value that is not finite.
        rate_hz: rows a second.
        kind: what it is.
        where: its file, for messages.
        notes: what reading it passed over.
    """

    samples: np.ndarray | Samples
    rate_hz: float
    kind: Kind
    where: str = "signal beside"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.samples.shape) != 2 or 0 in self.samples.shape:
            raise RecordingError(self.where, f"has shape {tuple(self.samples.shape)}", "save (rows, channels)")
        if not LOWEST_HZ <= self.rate_hz <= HIGHEST_HZ:
            raise RecordingError(self.where, f"the rate is {self.rate_hz} Hz", "give its rows a second")
        if self.kind not in KINDS:
            raise RecordingError(self.where, f"unknown kind {self.kind!r}", f"use one of {', '.join(KINDS)}")
        if self.channels > MOST_CHANNELS:
            raise RecordingError(self.where, f"has {self.channels} channels", f"give at most {MOST_CHANNELS}")
        if self.kind == "audio" and self.channels != 1:
            raise RecordingError(self.where, f"has {self.channels} channels of sound", "save one (a mix to mono)")

    @property
    def channels(self) -> int:
        """C."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.samples.shape[0] / self.rate_hz)

    @cached_property
    def gaps(self) -> int:
        """How many rows have a value that is not finite."""
        total, step = self.samples.shape[0], max(1, PIECE_VALUES // self.channels)
        pieces = (self.samples[first : first + step] for first in range(0, total, step))
        return sum(int((~np.isfinite(piece)).any(1).sum()) for piece in pieces)

    @cached_property
    def posture(self) -> np.ndarray:
        """The median (C,) of each channel over all rows without a gap: of a hand, mostly how it rests.

        Raises:
            RecordingError: every row has a gap.
        """
        rows = np.asarray(self.samples[0 : self.samples.shape[0]])
        rows = rows[np.isfinite(rows).all(1)]
        if not len(rows):
            raise RecordingError(self.where, "holds nothing but gaps", "leave it out")
        return np.median(rows, axis=0).astype(np.float32)

    def windows(self, ends_s: Sequence[float] | np.ndarray, window_s: float, rate_hz: float) -> Windows:
        """Return the `window_s` seconds before each of m times, brought to `rate_hz`.

        Frames are means of the rows that they cover, and hold rows that are longer; sound is resampled with a low-pass.

        Raises:
            ConfigError: sound at a rate that no ratio of small whole numbers leads to.
        """
        ends, frames = np.asarray(ends_s, np.float64), round(window_s * rate_hz)
        slack = SLACK / min(rate_hz, self.rate_hz)
        inside = (ends - window_s >= -slack) & (ends <= self.duration_s + slack)
        found = self._read((ends - window_s)[inside], frames, rate_hz)
        good = np.isfinite(found).all((1, 2))
        whole = inside.copy()
        whole[inside] = good
        return Windows(found[good], whole, int((~good).sum()), int((~inside).sum()))

    def _read(self, starts_s: np.ndarray, frames: int, rate_hz: float) -> np.ndarray:
        """Return m windows (m, F, C) float32, NaN in frames with a gap."""
        found = np.empty((len(starts_s), frames, self.channels), np.float32)
        if self.kind == "audio":
            for place, start_s in enumerate(starts_s.tolist()):
                found[place] = self._resampled(start_s, frames, rate_hz)
            return found
        order, reach = np.argsort(starts_s, kind="stable"), PIECE_VALUES / self.channels / self.rate_hz
        while len(order):  # windows that lie near each other are read together
            near = order[starts_s[order] <= starts_s[order[0]] + reach]
            found[near] = self._means(starts_s[near], frames, rate_hz)
            order = order[len(near) :]
        return found

    def _means(self, starts_s: np.ndarray, frames: int, rate_hz: float) -> np.ndarray:
        """Return windows (m, F, C): the mean of the signal, which holds each row for its time, over each frame's."""
        edges = (starts_s[:, None] + np.arange(frames + 1) / rate_hz) * self.rate_hz
        edges = np.clip(edges, 0, self.samples.shape[0])
        edges = np.where(abs(edges - np.rint(edges)) < ROUNDING, np.rint(edges), edges)
        first, last = int(edges.min()), math.ceil(edges.max())
        rows = np.asarray(self.samples[first:last], np.float64)
        gaps: np.ndarray = np.logical_not(np.isfinite(rows).all(axis=1, keepdims=True))
        held = np.zeros((len(rows) + 1, self.channels + 1))  # the last column counts gaps; a row of zeros behind
        held[:-1, :-1], held[:-1, -1:] = np.where(gaps, 0.0, rows), gaps
        before = np.concatenate([np.zeros((1, self.channels + 1)), np.cumsum(held[:-1], 0)])
        whole = np.floor(edges - first).astype(np.int64)
        sums = np.diff(before[whole] + (edges - first - whole)[..., None] * held[whole], axis=1)
        width = np.diff(edges, axis=1)
        means = sums[..., :-1] / np.maximum(width, ROUNDING)[..., None]
        means[(sums[..., -1] > ROUNDING / 2) | (width < ROUNDING)] = np.nan
        return means.astype(np.float32)

    def _resampled(self, start_s: float, frames: int, rate_hz: float) -> np.ndarray:
        from scipy.signal import resample_poly

        count = round(frames * self.rate_hz / rate_hz)
        first = min(max(round(start_s * self.rate_hz), 0), max(0, self.samples.shape[0] - count))
        rows = np.asarray(self.samples[first : first + count], np.float32)
        if abs(self.rate_hz - rate_hz) > 1e-9 * rate_hz:
            ratio = Fraction(rate_hz / self.rate_hz).limit_denominator(MOST_RATIO)
            if abs(float(ratio) * self.rate_hz / rate_hz - 1) > 1e-6 or ratio.numerator > MOST_RATIO:
                wrong = f"{rate_hz:g} Hz cannot be made of {self.rate_hz:g} Hz ({self.where})"
                raise ConfigError("frame_rate_hz", wrong, "choose a rate in a ratio of small whole numbers to it")
            rows = resample_poly(rows, ratio.numerator, ratio.denominator, axis=0).astype(np.float32)
        if len(rows) < frames:  # by rounding, of one row
            rows = np.concatenate([rows, np.repeat(rows[-1:], frames - len(rows), 0)])
        return rows[:frames]


def open_beside(entry: Entry, root: str | Path) -> Beside | None:
    """Open the signal beside the recording that an entry names below `root`; None if it has none.

    Raises:
        RecordingError: the file is missing, damaged, of another rate, or no such signal.
        ManifestError: its option is none.
    """
    file = beside_file(entry, root)
    if file is None:
        return None
    found = read_beside(file)
    return found if entry.part_s is None else _part(found, *entry.part_s)


def beside_file(entry: Entry, root: str | Path) -> BesideFile | None:
    """Return where the signal beside an entry's recording lies; None if it has none."""
    path = Path(root) / entry.path
    if (told := entry.options.get(BESIDE)) is None:
        from emgasr.corpora import reader

        named = getattr(reader(entry.corpus), "beside", None)
        return None if named is None else named(path)
    kinds = {"file": str, "rate_hz": float, "kind": Kind}
    if not isinstance(told, Mapping) or told.keys() != kinds.keys() or not all(fits(kinds[k], told[k]) for k in kinds):
        raise ManifestError(entry.path, f"option {BESIDE!r} is {str(told)[:80]!r}", "give file, rate_hz and kind")
    return BesideFile(Path(os.path.normpath(path.parent / told["file"])), float(told["rate_hz"]), told["kind"])


def read_beside(file: BesideFile) -> Beside:
    """Open a .npy (rows, channels), or sound as .wav or .flac (extra `audio`), without reading its samples.

    Raises:
        RecordingError: the file is missing, damaged, of another rate than declared, or of another kind.
    """
    sound = file.path.suffix.lower() in SOUND
    if sound != (file.kind == "audio"):
        advice = f"sound lies in {' or '.join(SOUND)}, everything else in .npy"
        raise RecordingError(file.path, f"is no file of {file.kind}", advice)
    if file.path.suffix.lower() == ".flac":
        return _flac(file)
    scale, rate = 1.0, file.rate_hz
    if sound:
        check_regular(file.path, RecordingError)
        header = read_header(file.path)
        rate = rate or float(header.rate_hz)
        scale = 1.0 if header.is_float else 2.0 ** (header.shift + 1 - 8 * header.container)  # to -1 … 1
    opened = open_samples(file.path, rate, scale)
    return Beside(opened.samples, rate, file.kind, str(file.path), opened.notes)


def told_by_row(table: Path, row: Row, recording: Path) -> dict[str, Any]:
    """Return the option BESIDE of a row of a table: its columns beside, beside_rate_hz and beside_kind; {} without.

    The file lies beside the table or the recording. The rate of sound may be left out: its file says it.
    """
    if not (name := row.get(BESIDE, "").strip()):
        return {}
    places = (table.parent / name, recording.parent / name)
    path = next((place for place in places if is_regular(place)), places[0])
    sound = path.suffix.lower() in SOUND
    kind: Any = row.get(f"{BESIDE}_kind", "").strip() or ("audio" if sound else "")
    if kind not in KINDS:
        wrong = f"line {row.line}: {BESIDE}_kind is {kind!r}"
        raise RecordingError(table, wrong, f"say what {name} is: {', '.join(KINDS)}")
    told = row.get(f"{BESIDE}_rate_hz", "").strip()
    if not told and not sound:
        raise RecordingError(table, f"line {row.line}: {BESIDE}_rate_hz is empty", f"give the rows a second of {name}")
    found = read_beside(BesideFile(path, number(table, row, f"{BESIDE}_rate_hz") if told else 0.0, kind))
    return {BESIDE: {"file": os.path.relpath(path, recording.parent), "rate_hz": found.rate_hz, "kind": kind}}


def _part(whole: Beside, start_s: float, end_s: float) -> Beside:
    first, last = (min(round(edge * whole.rate_hz), whole.samples.shape[0]) for edge in (start_s, end_s))
    if first >= last:
        raise RecordingError(whole.where, f"ends before {start_s:g} s, where the recording begins", "mend the manifest")
    return Beside(Rows(whole.samples, first, last), whole.rate_hz, whole.kind, whole.where, whole.notes)


@dataclass(frozen=True, eq=False)
class _Read:
    """Samples (T, C) float32 of a file that `read` returns rows of."""

    shape: tuple[int, ...]
    read: Any

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        found: np.ndarray = self.read(*row_range(rows, self.shape[0]))
        return found


def _flac(file: BesideFile) -> Beside:
    size = check_regular(file.path, RecordingError).st_size
    soundfile = _soundfile()
    try:
        info = soundfile.info(str(file.path))
    except RuntimeError as error:
        raise RecordingError(file.path, "is truncated or no FLAC file", "restore the file") from error
    if file.rate_hz and abs(info.samplerate - file.rate_hz) >= 1:
        wrong = f"its header tells {info.samplerate} Hz, {file.rate_hz:g} Hz are declared"
        raise RecordingError(file.path, wrong, "mend whichever is wrong")
    read = partial(_flac_rows, file.path, size)
    samples = _Read((info.frames, info.channels), read)
    return Beside(samples, float(info.samplerate), file.kind, str(file.path))


def _flac_rows(path: Path, size: int, start: int, stop: int) -> np.ndarray:
    if status_of(path, RecordingError).st_size != size:
        raise changed(path)
    try:
        found, _ = _soundfile().read(str(path), frames=stop - start, start=start, dtype="float32", always_2d=True)
    except RuntimeError as error:
        raise RecordingError(path, "is damaged FLAC", "restore the file") from error
    if len(found) != stop - start:
        raise RecordingError(path, "is shorter than its header tells", "restore the file")
    return np.asarray(found, np.float32)


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: libsndfile is missing
        raise ConfigError("FLAC", "soundfile is not installed", "pip install 'emgasr[audio]'") from error
    return soundfile
