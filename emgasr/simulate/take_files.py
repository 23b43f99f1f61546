"""Simulated sessions of words in; sample files of single takes or of whole sessions, and their tables, out.

WAV files hold 16-bit steps of 1 µV: full scale is 32,768 µV. NPY files hold float32 µV (T, C).
"""

from __future__ import annotations

import csv
import wave
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emgasr.files.output import replacing
from emgasr.recording import Recording
from emgasr.simulate.words import cut_takes

FULL_SCALE_UV = 32_768  # of the 16-bit WAV files: one step is 1 µV
FORMATS = ("wav", "npy")


@dataclass(frozen=True)
class WrittenFile:
    """A file of samples as a table lists it: its name, what it shows, whose it is, and its length."""

    name: str
    text: str
    subject: str
    session: str
    rate_hz: float
    unit: str
    seconds: float


def write_takes(folder: Path, sessions: Iterable[Recording], form: str, table: bool) -> list[WrittenFile]:
    """Write each take as `<word>_<session>_<number>.<form>`, and with `table` metadata.csv of the layout takes."""
    written: list[WrittenFile] = []
    for session in sessions:
        number: Counter[str] = Counter()
        for label, samples in cut_takes(session):
            number[label] += 1
            name = f"{label}_{session.session}_{number[label]:02d}.{form}"
            _write(folder / name, samples, session.rate_hz)
            written.append(_written(session, name, label, len(samples)))
    if table:
        columns = ("file", "text", "subject", "session", "rate_hz", "unit")
        rows = [(w.name, w.text, w.subject, w.session, f"{w.rate_hz:g}", w.unit) for w in written]
        _write_table(folder / "metadata.csv", columns, rows)
    return written


def write_sessions(folder: Path, sessions: Iterable[Recording], form: str) -> list[WrittenFile]:
    """Write each session as `session_<session>.<form>`, with recordings.csv and labels.csv of the layout spans."""
    written: list[WrittenFile] = []
    labels: list[tuple[object, ...]] = []
    for session in sessions:
        name = f"session_{session.session}.{form}"
        _write(folder / name, session.read(), session.rate_hz)
        written.append(_written(session, name, "", session.n_samples))
        spans = session.spans
        times = zip(spans.start_s.tolist(), spans.end_s.tolist(), spans.texts, strict=True)
        labels += [(name, f"{start:.3f}", f"{end:.3f}", text) for start, end, text in times]
    rows = [(w.name, w.subject, w.session, f"{w.rate_hz:g}", w.unit) for w in written]
    _write_table(folder / "recordings.csv", ("file", "subject", "session", "rate_hz", "unit"), rows)
    _write_table(folder / "labels.csv", ("file", "start_s", "end_s", "label"), labels)
    return written


def _write(path: Path, samples: np.ndarray, rate_hz: float) -> None:
    with replacing(path) as place:
        if path.suffix == ".npy":
            np.save(place, samples)
            return
        steps = np.clip(np.rint(samples), -FULL_SCALE_UV, FULL_SCALE_UV - 1).astype("<i2")
        with wave.open(str(place), "wb") as file:
            file.setnchannels(steps.shape[1])
            file.setsampwidth(2)
            file.setframerate(round(rate_hz))
            file.writeframes(steps.tobytes())


def _written(session: Recording, name: str, text: str, samples: int) -> WrittenFile:
    seconds = samples / session.rate_hz
    return WrittenFile(name, text, session.subject, session.session, session.rate_hz, session.unit, seconds)


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as place, place.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
