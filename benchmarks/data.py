"""How fast training windows come from a session file beside a plain per-window loader, and what a whole session needs.

`python benchmarks/data.py [--json] [--minutes 18] [--batches 20] [--rounds 5]`: one session of emg2qwerty's layout (2
kHz, 2 x 16 electrodes, 4.4 keys a second, uncompressed), made in a temporary folder. A window is 5 s with its keys;
both loaders turn every band by up to an electrode, shift the hands against each other and pad 32 windows to a batch.
Ours reads and varies whole batches (`WindowSampler`, `Augment`); the plain one, as a Dataset with a transform does it,
reads a slice of the open HDF5 file, looks through the session's keystrokes and varies a window at a time.

With "frames" both also make the log-spectrogram with masks. Published loaders do so with torchaudio, a window at a
time; here it is the model's, on the device of the training. So "ratio" and "ratio_with_frames" compare equal work (the
first is bound by memory: a batch is written twice), and "ratio_to_frames_a_window" compares what a training on a GPU
waits for. By turns in one run, one thread, CPU time, medians of rounds.

The peak is the resident memory of a fresh process that reads the whole session with the TDS baseline, greedily, and
scores it; what importing takes is part of it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from emgasr.corpora.emg2qwerty import sessions as emg2qwerty
from emgasr.data.augment import Augment, AugmentConfig
from emgasr.data.batches import WindowSampler, WindowsConfig
from emgasr.frontend.features import LogSpectrogramConfig, build_features
from emgasr.runtime.torchaudio_guard import torchaudio
from emgasr.tokens import Tokens

RATE_HZ, ELECTRODES, WINDOW_S, BATCH, START = 2000, 16, 5.0, 32, 1.6e9
KEYS = [*"etaoinshrdlu", "Key.space", "Key.backspace"]
JITTER, MASKS = 120, AugmentConfig(band_jitter_ms=60.0, rotation_electrodes=1)


def write_session(path: Path, minutes: float) -> None:
    """Noise with key presses, as the corpus stores a session."""
    rng = np.random.default_rng(0)
    total = round(60 * minutes * RATE_HZ)
    press_s = np.cumsum(rng.gamma(2.0, 0.113, round(60 * minutes * 4.4)))
    press_s = START + press_s[press_s < 60 * minutes - 1]
    strokes = [{"key": KEYS[i % len(KEYS)], "start": t, "end": t + 0.09} for i, t in enumerate(press_s.tolist())]
    kind = [("time", "<f8"), ("emg_left", "<f4", (ELECTRODES,)), ("emg_right", "<f4", (ELECTRODES,))]
    with h5py.File(path, "w") as file:
        table = file.create_dataset("emg2qwerty/timeseries", (total,), np.dtype(kind))
        for first in range(0, total, 1 << 16):
            rows = np.zeros(min(1 << 16, total - first), kind)
            rows["time"] = START + (first + np.arange(len(rows))) / RATE_HZ
            for name in ("emg_left", "emg_right"):
                rows[name] = rng.normal(0, 40, (len(rows), ELECTRODES))
            table[first : first + len(rows)] = rows
        named = {"user": "0", "session_name": "2020-09-13-1600000000-keystrokes", "prompts": "[]"}
        for name, value in (named | {"keystrokes": json.dumps(strokes)}).items():
            file["emg2qwerty"].attrs[name] = value


def ours(path: Path, frames: bool) -> Iterator[Tensor]:
    """Batches of whole-batch reading and varying."""
    config = WindowsConfig(shortest_s=WINDOW_S, longest_s=WINDOW_S, batch_s=BATCH * WINDOW_S, snap_s=0.0)
    sampler = WindowSampler([emg2qwerty.open_recording(path)], Tokens.keystrokes(), config, seed=0)
    features = build_features(LogSpectrogramConfig(), RATE_HZ, 2, ELECTRODES)
    augment = Augment(MASKS, RATE_HZ, [True, True], (2, ELECTRODES, features.bins))
    step = 0
    while True:
        batch = sampler.batch(step)
        samples = augment.samples(batch.samples, batch.lengths)
        step += 1
        yield augment.frames(*features(samples, batch.lengths)) if frames else samples


def plain(path: Path, frames: bool) -> Iterator[Tensor]:
    """Batches put together of windows that are read, labelled and varied one by one."""
    tokens = Tokens.keystrokes()
    spectrogram = torchaudio.transforms.Spectrogram(n_fft=64, hop_length=16, normalized=True, center=False)
    augment = Augment(MASKS, RATE_HZ, [True, True], (2, ELECTRODES, 33))
    rng = np.random.default_rng(0)
    rows = round(WINDOW_S * RATE_HZ)
    with h5py.File(path, "r", locking=False) as file:
        table = file["emg2qwerty/timeseries"]
        strokes = json.loads(file["emg2qwerty"].attrs["keystrokes"])
        while True:
            windows, labels = [], []
            for _ in range(BATCH):
                first = int(rng.integers(len(table) - rows))
                window = table[first : first + rows]
                start, end = window["time"][0], window["time"][-1]
                pressed = [stroke["key"] for stroke in strokes if start <= stroke["start"] <= end]
                labels.append(torch.tensor(tokens.encode_keys(pressed)[0]))
                hands = [torch.from_numpy(window[name].copy()) for name in ("emg_left", "emg_right")]
                hands = [hand.roll(int(rng.integers(-1, 2)), 1) for hand in hands]
                shift = int(rng.integers(-JITTER, JITTER + 1))
                cut = (max(shift, 0), max(-shift, 0))
                size = rows - abs(shift)
                samples = torch.stack([hand[c : c + size] for hand, c in zip(hands, cut, strict=True)], 1)
                if frames:
                    logarithms = torch.log10(spectrogram(samples.movedim(0, -1)) + 1e-6).movedim(-1, 0)
                    samples = augment.frames(logarithms[None], torch.tensor([len(logarithms)]))[0]
                windows.append(samples)
            torch.nn.utils.rnn.pad_sequence(labels, batch_first=True)
            yield torch.nn.utils.rnn.pad_sequence(windows, batch_first=True)


def windows_per_s(loaders: dict[str, Iterator[Tensor]], batches: int, rounds: int) -> dict[str, float]:
    """Windows a second of CPU time of each loader, by turns, after a batch to warm up."""
    for loader in loaders.values():
        next(loader)
    times: dict[str, list[float]] = {name: [] for name in loaders}
    for _ in range(rounds):
        for name, loader in loaders.items():
            started = time.process_time()
            for _ in range(batches):
                next(loader)
            times[name].append(time.process_time() - started)
    return {name: batches * BATCH / statistics.median(taken) for name, taken in times.items()}


def session_peak_mb(path: Path) -> float:
    """MB resident at most while a fresh process reads and scores the whole session."""
    done = subprocess.run([sys.executable, __file__, "--whole", str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def read_whole(path: Path) -> float:
    """What `session_peak_mb` runs."""
    from emgasr.decoding import greedy
    from emgasr.evaluation.items import items_of
    from emgasr.frontend.normalize import NormalizeConfig
    from emgasr.models.recognizer import Recognizer, RecognizerConfig
    from emgasr.models.tds import TDSConfig
    from emgasr.recording import Signal
    from emgasr.score import count_edits

    recording = emg2qwerty.open_recording(path)
    config = RecognizerConfig(LogSpectrogramConfig(), NormalizeConfig("none"), TDSConfig())
    recognizer = Recognizer(config, Signal.of(recording), Tokens.keystrokes())
    for item in items_of(recognizer, [("session", recording)]):
        count_edits(item.reference, recognizer.tokens.symbols_of(greedy(item.emissions).ids))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)


def measure(minutes: float, batches: int, rounds: int) -> dict[str, float]:
    """All figures."""
    makers: dict[str, Callable[[Path, bool], Iterator[Tensor]]] = {"": ours, "plain_": plain}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "2020-09-13-1600000000-keystrokes.hdf5"
        write_session(path, minutes)
        figures = {"session_peak_mb": session_peak_mb(path)}
        for suffix, frames in (("", False), ("_with_frames", True)):
            found = windows_per_s({name: make(path, frames) for name, make in makers.items()}, batches, rounds)
            figures |= {f"{name}windows_per_s{suffix}": value for name, value in found.items()}
    figures["ratio"] = figures["windows_per_s"] / figures["plain_windows_per_s"]
    figures["ratio_to_frames_a_window"] = figures["windows_per_s"] / figures["plain_windows_per_s_with_frames"]
    figures["ratio_with_frames"] = figures["windows_per_s_with_frames"] / figures["plain_windows_per_s_with_frames"]
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--minutes", type=float, default=18.0, help="of the session (18)")
    parser.add_argument("--batches", type=int, default=20, help="a round (20)")
    parser.add_argument("--rounds", type=int, default=5, help="the median of these is told (5)")
    parser.add_argument("--whole", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.whole:
        print(read_whole(options.whole))
        return
    figures = measure(options.minutes, options.batches, options.rounds)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:32} {value:12,.2f}")


if __name__ == "__main__":
    main()
