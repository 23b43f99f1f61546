"""Miniature recordings and corpora in the published layouts, made in a temporary folder."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from emgasr.manifests.manifest import Entry, checksum_file
from emgasr.recording import Band, Events, Recording, Spans
from emgasr.sessions.native import save_session


def make_recording(seconds: float = 3.0, rate_hz: float = 200.0, seed: int = 0, **changes: Any) -> Recording:
    """Noise on two rings of four electrodes, with three keys and one prompt."""
    samples = np.random.default_rng(seed).normal(0, 50, (round(seconds * rate_hz), 8)).astype(np.float32)
    values: dict[str, Any] = {
        "samples": samples,
        "rate_hz": rate_hz,
        "unit": "uV",
        "bands": (Band.numbered("left", 4, ring=True), Band.numbered("right", 4, ring=True)),
        "subject": "ann",
        "session": f"day{seed}",
        "events": Events.of([(0.5, 0.6, "a"), (1.0, math.nan, "Key.backspace"), (2.0, 2.2, "\x00")]),
        "spans": Spans.of([(0.25, 2.75, "prompt", "añb")]),
        "start_unix_s": 1.6e9,
        "origin": "simulated",
    }
    return Recording(**(values | changes))


def write_native(folder: Path, name: str = "one.hdf5", **changes: Any) -> Path:
    path = folder / name
    save_session(make_recording(**changes), path)
    return path


def native_entry(path: Path, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "path": str(path),
        "corpus": "native",
        "subject": "ann",
        "session": "day0",
        "split": "train",
        "duration_s": 3.0,
        "rate_hz": 200.0,
        "channels": 8,
        "sha256": checksum_file(path),
    }
    return Entry(**(values | changes))


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_takes(folder: Path, texts: str = "ab", takes: int = 5, sessions: tuple[str, ...] = ("d1", "d2")) -> Path:
    """int8 takes of 80 samples at 200 Hz on 8 electrodes, of every text in every session."""
    rng = np.random.default_rng(1)
    (folder / "takes").mkdir(parents=True)
    rows: list[dict[str, object]] = []
    for session in sessions:
        for text in texts:
            for take in range(takes):
                name = f"takes/{session}_{text}_{take}.npy"
                np.save(folder / name, rng.integers(-128, 128, (80, 8), dtype=np.int8))
                rows.append({"file": name, "text": text, "subject": "s01", "session": session, "rate_hz": 200})
    write_table(folder / "metadata.csv", rows)
    return folder


def write_spans(folder: Path, subjects: int = 5) -> Path:
    """One int16 recording of 4 s at 100 Hz a subject, in steps of 0.5 µV with an offset, with rest and two gestures."""
    rng = np.random.default_rng(2)
    (folder / "recordings").mkdir(parents=True)
    rows: list[dict[str, object]] = []
    labels: list[dict[str, object]] = []
    for i in range(subjects):
        name = f"p{i}.npy"
        np.save(folder / "recordings" / name, rng.integers(-900, 900, (400, 2), dtype=np.int16))
        rows.append(
            {
                "file": name,
                "participant": f"p{i}",
                "rate_hz": 100,
                "scale_uv": 0.5,
                "offset_uv_ch1": 7,
                "offset_uv_ch2": -3,
            }
        )
        for start, label in enumerate(("rest", "fist", "point")):
            labels.append({"file": name, "start_s": start, "end_s": start + 0.9, "label": label})
    write_table(folder / "recordings.csv", rows)
    write_table(folder / "labels.csv", labels)
    return folder


def write_emg2qwerty(path: Path, seconds: float = 4.0, drift: float = 1.0, **changes: Any) -> np.ndarray:
    """A session as published, fields in another order than one might think; returns its samples, left then right.

    changes: attributes to replace (None: left out), `dtype` of the table, `times` and `seed` of the samples.
    """
    total = round(seconds * 2000)
    dtype = changes.pop("dtype", [("time", "<f8"), ("emg_right", "<f4", (16,)), ("emg_left", "<f4", (16,))])
    table = np.zeros(total, dtype)
    emg = np.random.default_rng(changes.pop("seed", 3)).normal(0, 40, (total, 32)).astype(np.float32)
    times = changes.pop("times", 1.6e9 + np.arange(total) / 2000 * drift)
    for name, values in (("emg_left", emg[:, :16]), ("emg_right", emg[:, 16:]), ("time", times)):
        if name in table.dtype.names:
            table[name] = values.reshape(table[name].shape)
    strokes = [
        {"key": "Key.shift", "start": 1.6e9 + 1.5, "end": 1.6e9 + 1.7, "ascii": 225},
        {"key": "a", "start": 1.6e9 + 1.0, "end": 1.6e9 + 1.09, "ascii": 97},
    ]
    prompts = [
        {"name": "text_prompt", "start": 1.6e9 + 0.5, "end": 1.6e9 + 3, "payload": {"text": "a cat"}},
        {"name": "pause", "start": 1.6e9 + 3, "end": 1.6e9 + 3.5, "payload": None},
    ]
    attributes = {
        "user": "89335547",
        "session_name": "2020-09-13-1600000000-keystrokes",
        "condition": "on_keyboard",
        "keystrokes": json.dumps(strokes),
        "prompts": json.dumps(prompts),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        group = file.create_group("emg2qwerty")
        group.create_dataset("timeseries", data=table)
        for name, value in (attributes | changes).items():
            if value is not None:
                group.attrs[name] = value
    return emg


BIDS_NAME = "sub-07_ses-1600000000_task-typing"


def write_bids(
    root: Path, suffix: str = "bdf", unit: str = "uV", told_unit: str = "n/a", told_rate: float = 500
) -> Path:
    """Four electrodes on two wrists and a trigger channel at 500 Hz for 4 s; the JSON sidecar lies at the root."""
    import edfio

    folder = root / "sub-07" / "ses-1600000000" / "emg"
    folder.mkdir(parents=True)
    emg = bids_samples()
    signal = {"bdf": edfio.BdfSignal, "edf": edfio.EdfSignal}[suffix]
    names = ["TRIG", "EMG0", "EMG1", "EMG2", "EMG3"]
    signals = [
        signal(values, 500, label=name, physical_dimension=unit, physical_range=(-1000, 1000))
        for name, values in zip(names, [np.zeros(2000), *emg.T], strict=True)
    ]
    path = folder / f"{BIDS_NAME}_emg.{suffix}"
    {"bdf": edfio.Bdf, "edf": edfio.Edf}[suffix](signals, annotations=[edfio.EdfAnnotation(1, None, "x")]).write(path)
    (root / "task-typing_emg.json").write_text(json.dumps({"SamplingFrequency": told_rate}))
    rows = ["name\ttype\tunits\tsignal_electrode\tgroup", "TRIG\tTRIG\tn/a\tn/a\tn/a"]
    rows += [f"EMG{i}\tEMG\t{told_unit}\tE{i}\t{'left' if i < 2 else 'right'}" for i in range(4)]
    (folder / f"{BIDS_NAME}_channels.tsv").write_text("\n".join(rows) + "\n")
    events = [
        "onset\tduration\tsample\tvalue\tkey\tprompt_text",
        "0.5\t2.5\t250\tprompt\tn/a\ta cat\\n",
        '1.0\t0.08\t500\tkeystroke_"\t"\tn/a',
        "1.5\tn/a\t750\tkeystroke_Key.enter\tKey.enter\tn/a",
    ]
    (folder / f"{BIDS_NAME}_events.tsv").write_text("\n".join(events) + "\n")
    return path


def bids_samples() -> np.ndarray:
    return np.random.default_rng(4).uniform(-900, 900, (2000, 4))
