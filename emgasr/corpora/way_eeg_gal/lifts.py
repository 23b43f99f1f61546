"""WAY-EEG-GAL's windows (WS_P<n>_S<m>.mat) in, a Recording a lift out: muscles, with the scalp's signal beside them.

A file is a series of a participant; its struct `ws` has a window a lift, with emg (T, 5) at 4 kHz, eeg (T, 32) at 500
Hz and the times of their rows. A participant reaches for an object, lifts, holds and puts it back; what it weighs or is
covered with is the label. HS_*.mat hold the same series without labels, and P<n>_AllLifts.mat tables: they are passed
over. The files are of MATLAB 5 (-v7). Source: Luciw, Jarocka and Edin, Scientific Data 1, 140047 (2014).
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from emgasr.corpora.files import find_files
from emgasr.corpora.samples.mat import structure
from emgasr.corpora.samples.whole import Stamp, stamp_of
from emgasr.errors import RecordingError
from emgasr.files.regular_file import changed
from emgasr.files.rows import row_range
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Band, Other, Recording, Spans

NAME = re.compile(r"WS_P(\d+)_S(\d+)", re.IGNORECASE | re.ASCII)
RATES_HZ = {"emg": 4000.0, "eeg": 500.0}
UNITS = {"emg": "counts", "eeg": "uV"}  # nobody says a factor to volts of the EMG
FIELDS = ("participant", "series", "names", "win", "emg", "eeg", "emg_t", "eeg_t", "weight_id", "surf_id")
LABELS = {"weight": "weight_id", "surface": "surf_id"}
CLOCK = 0.01  # of a sample: how far the times of rows may be from their rate's, at each row on average
SENSORS = ("emg", "eeg")
Label = Literal["weight", "surface"]


def open_recording(path: str | Path, *, lift: int = 1, label: Label = "weight") -> Recording:
    """Open one lift of a series, counted from 1; its label is what the object weighs, or its surface.

    The scalp's signal is in `others`, its clock that of the muscles.
    """
    path = Path(path)
    subject, session, lifts = _described(path, stamp_of(path))
    if not 1 <= lift <= len(lifts):
        raise RecordingError(path, f"has {len(lifts)} lifts, and no lift {lift}", "make the manifest anew")
    one = lifts[lift - 1]
    recordings = []
    for sensor in SENSORS:
        count, channels, _ = one[sensor]
        names = one["names"][sensor]
        electrodes = names if len(names) == channels else [f"{sensor}{i + 1}" for i in range(channels)]
        band = Band(sensor, tuple(electrodes))
        samples = _Window(path.absolute(), (count, channels), lift - 1, sensor)
        recordings.append(Recording(samples, RATES_HZ[sensor], UNITS[sensor], (band,), subject, session))
    emg, eeg = recordings
    span = (0.0, emg.duration_s, "gesture", one[label])
    return Recording(
        emg.samples,
        emg.rate_hz,
        emg.unit,
        emg.bands,
        subject,
        session,
        spans=Spans.of([span]),
        others=(Other(eeg, one["eeg"][2] - one["emg"][2]),),
    )


def scan(folder: Path, findings: Findings, *, label: Label = "weight") -> list[Entry]:
    """Every lift of every WS_P<n>_S<m>.mat below `folder`, in order; other .mat files are told."""
    files = find_files(folder, findings, lambda p: NAME.fullmatch(p.stem) is not None, [".mat"], "called WS_P<n>_S<m>")
    files.sort(key=lambda path: [int(number) for number in re.findall(r"\d+", path.stem)])
    found = []
    for path in files:
        for lift in range(1, len(_described(path, stamp_of(path))[2]) + 1):
            options: dict[str, Any] = {"lift": lift} | ({} if label == "weight" else {"label": label})
            recording = open_recording(path, **options)
            take = f"{path.stem}_{lift:02d}"
            found.append(Entry.of(recording, path, "way_eeg_gal", take=take, options=options))
    return found


class _Window:
    """The samples (T, C) float32 of one sensor in one window, read when they are sliced."""

    def __init__(self, path: Path, shape: tuple[int, int], number: int, sensor: str) -> None:
        self.path, self.shape, self.number, self.sensor = path, shape, number, sensor

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        windows = _read(self.path, stamp_of(self.path))["win"]
        if self.number >= len(windows) or windows[self.number][self.sensor].shape != self.shape:
            raise changed(self.path)
        with np.errstate(over="ignore"):
            found: np.ndarray = windows[self.number][self.sensor][start:stop].astype(np.float32)
        return found


@lru_cache(maxsize=1)  # a series has 160 MB
def _read(path: Path, stamp: Stamp) -> dict[str, Any]:
    found = structure(path, "ws", FIELDS)
    advice = "give a WS_P<n>_S<m>.mat of WAY-EEG-GAL, saved with -v7"
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], dict) or "win" not in found[0]:
        raise RecordingError(path, "its 'ws' is no struct with windows", advice)
    ws: dict[str, Any] = found[0]
    if not isinstance(ws["win"], list) or not ws["win"]:
        raise RecordingError(path, "has no window", advice)
    for number, window in enumerate(ws["win"], 1):
        for sensor in SENSORS:
            values, times = (window.get(name) if isinstance(window, dict) else None for name in (sensor, f"{sensor}_t"))
            if not isinstance(values, np.ndarray) or values.ndim != 2 or 0 in values.shape:
                raise RecordingError(path, f"window {number} has no table {sensor!r} of numbers", advice)
            if not isinstance(times, np.ndarray) or times.size != len(values) or not np.isfinite(times).all():
                raise RecordingError(path, f"window {number} has no time for each row of {sensor!r}", advice)
    return ws


@lru_cache(maxsize=64)
def _described(path: Path, stamp: Stamp) -> tuple[str, str, list[dict[str, Any]]]:
    """Subject, session, and of each lift: rows, channels and first time of each sensor, names and labels."""
    ws = _read(path, stamp)
    named = NAME.fullmatch(path.stem)
    numbers = [_number(ws.get("participant")), _number(ws.get("series"))]
    if named is not None:
        told = [int(named[1]), int(named[2])]
        if any(own is not None and own != there for own, there in zip(numbers, told, strict=True)):
            raise RecordingError(path, f"is of participant {numbers[0]}, series {numbers[1]}", "its name says others")
        numbers = list(told)
    if None in numbers:
        raise RecordingError(path, "tells no participant and series", "call it WS_P<n>_S<m>.mat")
    names = ws.get("names")
    told_names = names[0] if isinstance(names, list) and names and isinstance(names[0], dict) else {}
    channels = {sensor: _texts(told_names.get(sensor)) for sensor in SENSORS}
    lifts = []
    for number, window in enumerate(ws["win"], 1):
        lift: dict[str, Any] = {"names": channels}
        for sensor in SENSORS:
            times = window[f"{sensor}_t"].ravel().astype(np.float64)
            count, rate_hz = len(times), RATES_HZ[sensor]
            if count > 1 and abs((times[-1] - times[0]) * rate_hz - (count - 1)) > CLOCK * count + 1:
                own = (count - 1) / max(float(times[-1] - times[0]), 1e-9)
                wrong = f"window {number}: its times say {own:g} Hz for {sensor}, the corpus has {rate_hz:g}"
                raise RecordingError(path, wrong, "fetch the file again")
            lift[sensor] = (count, int(window[sensor].shape[1]), float(times[0]))
        for label, field in LABELS.items():
            text = window.get(field)
            lift[label] = text.strip() if isinstance(text, str) and text.strip() else "unknown"
        lifts.append(lift)
    return f"p{numbers[0]:02d}", f"s{numbers[1]}", lifts


def _number(value: Any) -> int | None:
    whole = isinstance(value, np.ndarray) and value.size == 1 and float(value.ravel()[0]).is_integer()
    return int(value.ravel()[0]) if whole else None


def _texts(value: Any) -> list[str]:
    """Names of channels: a cell array of texts; none if it is something else, or names stand twice."""
    names = [name.strip() for name in value if isinstance(name, str)] if isinstance(value, list) else []
    return names if names and len(set(names)) == len(names) and all(names) else []
