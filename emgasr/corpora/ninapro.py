"""NinaPro's .mat files (DB2, DB3 and DB4: 12 electrodes at 2 kHz; DB5: two Myo rings at 200 Hz) in, Recordings out.

The variables used: emg (T, C), restimulus (T, 1: the gesture held, corrected in time; 0 is rest; stimulus where that
is missing), subject and exercise. A file S<subject>_E<exercise>_A<n>.mat is one exercise: those of one acquisition were
recorded in one sitting with the electrodes left on, so that they are one session, A<n>, and each a take of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from emgasr.corpora.files import find_files
from emgasr.corpora.kinds import REST, kind_of, rest_option
from emgasr.corpora.samples.mat import Variable, variables
from emgasr.corpora.samples.whole import Stamp, WholeSamples, runs_of, stamp_of
from emgasr.errors import RecordingError
from emgasr.files.regular_file import changed
from emgasr.manifests.manifest import Entry, Findings
from emgasr.recording import Band, Recording, Spans, electrode_count


@dataclass(frozen=True)
class Database:
    """What the files of a database do not say; `scale` makes µV of what is stored, None: it is counts."""

    rate_hz: float
    bands: tuple[Band, ...]
    scale: float | None

    @property
    def channels(self) -> int:
        """Electrodes of all bands."""
        return electrode_count(self.bands)


_TRIGNO = Database(2000.0, (Band.numbered("forearm", 12),), 1e6)  # eight round the forearm, four on single muscles; V
_MYO = Database(200.0, (Band.numbered("upper", 8, ring=True), Band.numbered("lower", 8, ring=True)), None)
DATABASES = {"db2": _TRIGNO, "db3": _TRIGNO, "db4": _TRIGNO, "db5": _MYO}
NAME = re.compile(r"S(\d+)_E(\d+)_A(\d+)", re.IGNORECASE | re.ASCII)
MOST_GESTURES = 1000
OTHERS = {10: "DB1", 14: "DB7 (its accelerometers left out?)"}  # by their channels


def open_recording(path: str | Path, *, database: str = "", rest: Sequence[str] = REST) -> Recording:
    """Open one exercise; without `database`, 12 channels tell DB2 and 16 tell DB5.

    Gestures become spans of kind "gesture" labelled e<exercise>g<number>. What lies between them is labelled "rest",
    and of kind "rest" unless `rest` leaves that out.
    """
    path = Path(path)
    shape, labels, subject, exercise = _described(path, stamp_of(path))
    named = NAME.fullmatch(path.stem)
    kind = DATABASES.get(database.lower()) if database else {12: _TRIGNO, 16: _MYO}.get(shape[1])
    if database and kind is None:
        raise RecordingError(path, f"unknown database {database!r}", f"known: {', '.join(DATABASES)}")
    if kind is None or shape[1] != kind.channels:
        looks = f", as {OTHERS[shape[1]]} has" if shape[1] in OTHERS else ""
        wanted = f"{database.upper()} has {kind.channels}" if kind else "DB2, DB3 and DB4 have 12, DB5 has 16"
        raise RecordingError(path, f"has {shape[1]} channels{looks}; {wanted}", "give files of one of those databases")
    return Recording(
        samples=WholeSamples(path.absolute(), shape, _samples, kind.scale or 1.0),
        rate_hz=kind.rate_hz,
        unit="counts" if kind.scale is None else "uV",
        bands=kind.bands,
        subject=subject,
        session=f"A{int(named[3])}" if named else "",
        spans=_spans(labels, kind.rate_hz, exercise, rest),
    )


def scan(folder: Path, findings: Findings, *, rest: Sequence[str] = REST) -> list[Entry]:
    """Every S<subject>_E<exercise>_A<n>.mat below `folder`, by subject and exercise; other .mat files are told."""
    files, more = mat_files(folder, findings), rest_option(rest)
    return [Entry.of(open_recording(path, rest=rest), path, "ninapro", take=path.stem, options=more) for path in files]


def mat_files(folder: Path, findings: Findings | None = None) -> list[Path]:
    """The files of the exercises, by subject and exercise."""
    what = "called S<subject>_E<exercise>_A<n>"
    files = find_files(folder, findings, lambda path: NAME.fullmatch(path.stem) is not None, [".mat"], what)
    return sorted(files, key=lambda path: [int(number) for number in re.findall(r"\d+", path.stem)])


def _samples(path: Path) -> np.ndarray:
    return _read(path, stamp_of(path))


@lru_cache(maxsize=2)
def _read(path: Path, stamp: Stamp) -> np.ndarray:
    found = variables(path, ["emg"])
    if "emg" not in found:
        raise changed(path)
    with np.errstate(over="ignore"):  # what float32 cannot hold is inf: `emgasr validate` tells it
        return found["emg"].read().astype(np.float32)


@lru_cache(maxsize=256)
def _described(path: Path, stamp: Stamp) -> tuple[tuple[int, int], np.ndarray, str, int]:
    """The shape of the EMG, the gesture at every sample, subject and exercise."""
    content = variables(path, ["emg", "restimulus", "stimulus", "subject", "exercise"])
    emg = content.get("emg")
    if emg is None or not emg.real or len(emg.shape) != 2 or 0 in emg.shape:
        raise RecordingError(path, "holds no table 'emg' of numbers", "give a .mat file of NinaPro")
    emg.check()
    name = next((name for name in ("restimulus", "stimulus") if name in content), "")
    if not name:
        raise RecordingError(path, "holds neither 'restimulus' nor 'stimulus'", "give a .mat file of NinaPro")
    rows, no_gesture = emg.shape[0], f"{name} holds what is no number of a gesture"
    if not content[name].real:
        raise RecordingError(path, no_gesture, "fetch the file again")
    labels = content[name].read().ravel()
    if len(labels) != rows:
        raise RecordingError(path, f"{name} has {len(labels)} rows, emg {rows}", "fetch the file again")
    told = [_whole(path, content.get(variable), variable) for variable in ("subject", "exercise")]
    if not ((labels >= 0) & (labels < MOST_GESTURES) & (labels % 1 == 0)).all():  # also where one is NaN
        raise RecordingError(path, no_gesture, "fetch the file again")
    return (rows, emg.shape[1]), labels.astype(np.int64), f"s{told[0]:02d}", told[1]


def _whole(path: Path, variable: Variable | None, name: str) -> int:
    """A number that the file tells; NinaPro's file names tell it too, where a variable is missing."""
    values = variable.read().ravel() if variable is not None and variable.real else np.empty(0)
    named = re.search({"subject": r"S(\d+)_", "exercise": r"_E(\d+)"}[name], path.stem, re.IGNORECASE)
    if values.size == 1 and 0 <= values[0] < MOST_GESTURES and values[0] % 1 == 0:
        if named and int(named[1]) != int(values[0]):
            raise RecordingError(path, f"is of {name} {int(values[0])}, its name says {int(named[1])}", "rename it")
        return int(values[0])
    if named is None:
        raise RecordingError(path, f"tells no {name}", "call it S<subject>_E<exercise>_A1.mat")
    return int(named[1])


def _spans(labels: np.ndarray, rate_hz: float, exercise: int, rest: Sequence[str]) -> Spans:
    runs = ((a, b, f"e{exercise}g{label:02d}" if label else "rest") for a, b, label in runs_of(labels))
    return Spans.of((a / rate_hz, b / rate_hz, kind_of(label, "gesture", rest), label) for a, b, label in runs)
