"""Miniature corpora in the layouts that others published, as far as the readers look at them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

from tests.helpers.miniatures import write_emg2qwerty, write_table

USER, NUMBER = "05344357", 1600000000  # all digits below 8: an octal number, to YAML


def session_name(number: int) -> str:
    return f"2020-09-13-{number}-keystrokes-dca-study@1-0efbe614-9ae6-4131-9192-4398359b4f5f"


def typing_labels(number: int, seconds: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Keys every 0.4 s and two prompts, one of them an instruction without text, in unix seconds."""
    keys = ["h", "i", "Key.space", "Key.backspace", "a", "Key.shift", "B", "é", "Key.enter"]
    presses = np.arange(0.3, seconds - 0.3, 0.4)
    strokes = [
        {"key": keys[(i + number) % len(keys)], "start": number + float(t), "end": number + float(t) + 0.125}
        for i, t in enumerate(presses)
    ]
    prompts = [
        {"name": "text_prompt", "start": number + 0.25, "end": number + 2.5, "payload": {"text": "hi there\n"}},
        {"name": "pause", "start": number + 2.5, "end": number + 3.0, "payload": None},
    ]
    return strokes, prompts


def write_hdf5_session(folder: Path, user: str = USER, number: int = NUMBER, seconds: float = 4.0, **more: Any) -> Path:
    """A session of the HDF5 release; its samples are those of `write_bids_session` of the same number."""
    strokes, prompts = typing_labels(number, seconds)
    path = folder / f"{session_name(number)}.hdf5"
    values = {
        "user": user,
        "session_name": session_name(number),
        "seed": number,
        "times": number + np.arange(round(seconds * 2000)) / 2000,
        "keystrokes": json.dumps(strokes),
        "prompts": json.dumps(prompts),
    }
    write_emg2qwerty(path, seconds, **(values | more))
    return path


def write_bids_session(root: Path, user: str = USER, number: int = NUMBER, seconds: float = 4.0) -> Path:
    """The same session in the BIDS edition: BDF, events gzipped or not, electrodes EMG0 to EMG31."""
    import edfio

    folder = root / f"sub-{user}" / f"ses-{number}" / "emg"
    stem = f"sub-{user}_ses-{number}_task-typing"
    folder.mkdir(parents=True)
    emg = np.random.default_rng(number).normal(0, 40, (round(seconds * 2000), 32)).astype(np.float32)
    signals = [
        edfio.BdfSignal(
            emg[:, i].astype(float), 2000, label=f"EMG{i}", physical_dimension="uV", physical_range=(-500, 500)
        )
        for i in range(32)
    ]
    path = folder / f"{stem}_emg.bdf"
    edfio.Bdf(signals).write(path)
    (folder / f"{stem}_emg.json").write_text(json.dumps({"SamplingFrequency": 2000, "EMGChannelCount": 32}))
    rows = ["name\ttype\tunits\tsignal_electrode\treference\tgroup"]
    rows += [f"EMG{i}\tEMG\tn/a\tE{i % 16}\tbipolar\t{'left' if i < 16 else 'right'}" for i in range(32)]
    (folder / f"{stem}_channels.tsv").write_text("\n".join(rows) + "\n")
    strokes, prompts = typing_labels(number, seconds)
    events = ["onset\tduration\tsample\tvalue\tkey\tprompt_text"]
    for prompt in prompts:
        text = prompt["payload"]["text"].replace("\n", "\\n") if prompt["payload"] else "n/a"
        events.append(_event(prompt["start"] - number, prompt["end"] - prompt["start"], "prompt", "n/a", text))
    for stroke in strokes:
        onset, hold = stroke["start"] - number, stroke["end"] - stroke["start"]
        events.append(_event(onset, hold, f"keystroke_{stroke['key']}", stroke["key"], "n/a"))
    (folder / f"{stem}_events.tsv").write_text("\n".join(events) + "\n")
    return path


def _event(onset: float, duration: float, value: str, key: str, text: str) -> str:
    return f"{onset:.6f}\t{duration:.6f}\t{round(onset * 2000)}\t{value}\t{key}\t{text}"


def write_typing_corpus(folder: Path, users: int = 3, sessions: int = 4) -> Path:
    """HDF5 sessions of some users beside their metadata.csv."""
    rows: list[dict[str, object]] = []
    for user in range(users):
        for session in range(sessions):
            number = NUMBER + 1000 * user + session
            write_hdf5_session(folder, f"1000000{user}", number)
            rows.append({"user": f"1000000{user}", "session": session_name(number), "duration_mins": 4 / 60})
    write_table(folder / "metadata.csv", rows)
    return folder


def write_split_file(path: Path, **splits: Sequence[tuple[str, int]]) -> Path:
    """A published split file; users and sessions stand in it as YAML writes them."""
    lines = ["# @package _global_", f"user: {path.stem}", "dataset:"]
    for name, rows in splits.items():
        lines.append(f"  {name}:")
        for user, number in rows:
            lines += [f"  - user: {user}", f"    session: {session_name(number)}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


BOOKS = {"silent": "books/War of the Worlds", "nonparallel": "books/Sherlock"}
SENTENCES = [
    "It's a Café--of sorts!",
    "The quick brown fox.",
    "“Jumps”, he said",
    "Over 2 dogs",
    "Lazy dogs",
    "At noon",
]


def write_gaddy(root: Path, samples: int = 1300) -> Path:
    """Silent and voiced twins of six sentences, three others, a silence in each session; the splits beside them."""
    parts = [
        ("silent_parallel_data", "5-4_silent", BOOKS["silent"], SENTENCES),
        ("voiced_parallel_data", "5-4", BOOKS["silent"], SENTENCES),
        (
            "nonparallel_data",
            "5-10",
            BOOKS["nonparallel"],
            ["Come here at noon", "Jumps over lazy dogs, he said", "If it's 2 cafés of sorts"],
        ),
    ]
    for seed, (part, session, book, texts) in enumerate(parts):
        for number, text in enumerate([*texts, ""]):
            index = number if text else -1
            write_utterance(root / part / session, number, book, index, text, samples + 10 * number, seed)
    lists = {"dev": [[BOOKS["silent"], 4]], "test": [[BOOKS["silent"], 0], [BOOKS["silent"], 5], [BOOKS["silent"], 0]]}
    (root / "testset.json").write_text(json.dumps(lists))
    return root


def write_utterance(
    folder: Path, number: int, book: str, index: int, text: str, samples: int = 1300, seed: int = 0
) -> Path:
    """One utterance: noise over drift and 60 Hz, in two chunks."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng((seed, number))
    mains = 30 * np.sin(2 * np.pi * 60 * np.arange(samples) / 1000)[:, None]
    np.save(folder / f"{number}_emg.npy", 100 + mains + rng.normal(0, 20, (samples, 8)))
    np.save(folder / f"{number}_button.npy", np.zeros(samples, bool))
    chunks = [[samples - 300, 7 * samples, samples], [300, 2100, 300]]
    info = {"book": book, "sentence_index": index, "text": text, "chunks": chunks}
    (folder / f"{number}_info.json").write_text(json.dumps(info))
    return folder / f"{number}_emg.npy"


def write_neuromotor(folder: Path, users: int = 3, seconds: float = 4.0) -> Path:
    """A handwriting session of each user with two prompts in the table beside it."""
    import h5py

    folder.mkdir(parents=True, exist_ok=True)
    for user in range(users):
        total = round(seconds * 2000)
        table = np.zeros(total, [("time", "<f8"), ("emg", "<f4", (16,))])
        table["emg"] = np.random.default_rng(user).normal(0, 30, (total, 16))
        table["time"] = NUMBER + np.arange(total) / 2000
        path = folder / f"handwriting_user_{user:03d}_dataset_000.hdf5"
        with h5py.File(path, "w") as file:
            file.create_dataset("data", data=table)
        rows: list[dict[str, object]] = [
            {"start": NUMBER + 0.5, "end": NUMBER + 1.9, "prompt": "hi all"},
            {"start": NUMBER + 2.0, "end": NUMBER + 3.9, "prompt": "ok?"},
        ]
        write_table(path.with_name(f"{path.stem}_prompts.csv"), rows)
    return folder


def write_ninapro(folder: Path, subjects: int = 3, channels: int = 16, rate_hz: int = 200, **more: Any) -> Path:
    """Exercise 2 of each subject: six stretches of 1.5 s, rest between two gestures; `more` replaces variables."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.repeat([0, 1, 0, 2, 0, 1], 3 * rate_hz // 2)[:, None]
    for subject in range(1, subjects + 1):
        emg = np.random.default_rng(subject).normal(0, 20, (len(labels), channels))
        content: dict[str, Any] = {
            "emg": emg.round().astype(np.int16) if channels == 16 else emg * 1e-6,
            "stimulus": labels,
            "restimulus": labels,
            "repetition": (labels > 0).astype(int),
            "subject": subject,
            "exercise": 2,
        }
        content = {name: value for name, value in (content | more).items() if value is not None}
        savemat(folder / f"S{subject}_E2_A1.mat", content)
    return folder


def write_uci(root: Path, subjects: int = 3) -> Path:
    """A file of each subject: 9 s of a log at 1 kHz that updates every 5 ms, some of it marked; the last row is cut."""
    for subject in range(1, subjects + 1):
        folder = root / f"{subject:02d}"
        folder.mkdir(parents=True)
        values = np.repeat(np.random.default_rng(subject).integers(-90, 90, (1800, 8)), 5, axis=0) * 1e-5
        marks = np.repeat([0, 1, 2, 0, 3, 0], 1500)
        rows = ["time\t" + "\t".join(f"channel{i + 1}" for i in range(8)) + "\tclass"]
        for i in range(9000):
            rows.append("\t".join([str(i + 1), *(f"{value:g}" for value in values[i]), str(marks[i])]))
        (folder / f"1_raw_data_13-12_22.03.{15 + subject}.txt").write_text("\n".join([*rows, "9001\t0"]) + "\n")
    (root / "README.txt").write_text("Description of raw_data files\n")
    return root


def write_way_eeg_gal(folder: Path, series: int = 2, **more: Any) -> Path:
    """Series of two lifts, muscles at 4 kHz, the scalp at 500 Hz a moment later; `more` replaces fields of lifts."""
    folder.mkdir(parents=True, exist_ok=True)
    dtype = [(name, object) for name in ("emg", "emg_t", "eeg", "eeg_t", "kin", "weight_id", "surf_id")]
    for number in range(1, series + 1):
        rng = np.random.default_rng(number)
        windows = np.empty((1, 2), dtype)
        for lift in range(2):
            seconds = 1.0 + lift / 2
            emg, eeg = round(4000 * seconds), round(500 * (seconds - 0.25))
            values: dict[str, Any] = {
                "emg": rng.normal(0, 1, (emg, 5)),
                "emg_t": np.arange(emg)[:, None] / 4000,
                "eeg": rng.normal(0, 20, (eeg, 32)).astype(np.float32),
                "eeg_t": 0.25 + np.arange(eeg)[:, None] / 500,
                "kin": np.zeros((eeg, 45)),
                "weight_id": ("165 g", "330 g")[lift],
                "surf_id": "silk",
            }
            for name, value in (values | more).items():
                windows[name][0, lift] = value
        scalp = np.array([f"E{i}" for i in range(32)], object)
        names = {"emg": np.array(["delt", "brac", "flex", "ext", "fdi"], object), "eeg": scalp}
        content = {"name": "XX", "participant": 3, "series": number, "names": names, "win": windows}
        path = folder / f"WS_P3_S{number}.mat"
        savemat(path, {"ws": content}, do_compression=number % 2 == 0)
        path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + path.read_bytes()[116:])  # without the time of day
    return folder
