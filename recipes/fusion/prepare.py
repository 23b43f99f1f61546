"""The pool's eeg_emg set in; a session file a trial and sensor, each on its own clock, with a movement class, out.

    prepare.py POOL OUT --test p07 p08 --fit p06 --validation p05

POOL holds eeg_emg_{eeg,emg,imu}.csv and .npy.xz. first_s, last_s and the length of a trial give its clock, so that each
trial is brought to one rate (EEG 250 Hz, EMG and IMU 100 Hz) by straight lines between samples. The set has no labels.
Classes are k-means clusters of how the wrist moves by its IMU (spread, mean and speed of each axis, in standard
deviations of the person), found on training people alone, and each other trial is of the nearest: weak labels, which
an IMU model knows by construction.
"""

from __future__ import annotations

import csv
import lzma
import sys
from pathlib import Path

import numpy as np

from emgasr.cli import exit_code
from emgasr.cli.options.parser import ArgumentParser
from emgasr.errors import DataError, OutputError
from emgasr.recording import Band, Recording, Spans
from emgasr.sessions.native import save_session

SENSORS = {"eeg": (250.0, 6, False), "emg": (100.0, 8, True), "imu": (100.0, 6, False)}  # rate, channels, ring
CLASSES, RESTARTS, TURNS = 3, 20, 50
START_S, APART_S = 1.5e9, 1000.0  # trials tell no time of day: each begins so long after the one before
SHORTEST_S = 1.0  # of a trial that is kept
Trial = tuple[str, str, str]


def run(argv: list[str]) -> int:
    """Write OUT/<split>/<sensor>/, and say how many trials are of which class."""
    parser = ArgumentParser(prog="prepare.py", description=__doc__)
    parser.add_argument("pool", type=Path, metavar="POOL", help="folder of the sets")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    for split in ("test", "fit", "validation"):
        parser.add_argument(f"--{split}", nargs="+", required=True, metavar="SUBJECT", help=f"people of {split}")
    options = parser.parse_args(argv)
    if options.out.exists():
        raise OutputError(options.out, "exists", "remove it, or choose another folder")
    found = {sensor: _trials(options.pool, sensor) for sensor in SENSORS}
    trials = [trial for trial in found["imu"] if all(trial in found[sensor] for sensor in SENSORS)]
    split_of = {subject: name for name in ("test", "fit", "validation") for subject in getattr(options, name)}
    known = {subject for subject, _, _ in trials}
    if unknown := sorted(split_of.keys() - known):
        raise DataError(options.pool, f"has no {unknown[0]}", f"its people: {', '.join(sorted(known))}")
    features = np.array([_movement(found["imu"][trial][0]) for trial in trials])
    for person in known:  # each person is measured by their own, or clusters are people
        own = np.array([trial[0] == person for trial in trials])
        features[own] = (features[own] - features[own].mean(0)) / (features[own].std(0) + 1e-9)
    training = np.array([trial[0] not in split_of for trial in trials])
    labels = _clusters(features, training)
    for number, (trial, label) in enumerate(zip(trials, labels, strict=True)):
        for sensor in SENSORS:
            place = options.out / split_of.get(trial[0], "train") / sensor
            place.mkdir(parents=True, exist_ok=True)
            recording = _recording(sensor, trial, *found[sensor][trial], number, f"move{label + 1}")
            save_session(recording, place / f"{'_'.join(trial)}.hdf5")
    counts = [int((labels == label).sum()) for label in range(CLASSES)]
    print(
        f"{options.out}: {len(trials)} trials of {len(known)} people; of each class {counts}; weak labels, by the IMU"
    )
    return 0


def _trials(pool: Path, sensor: str) -> dict[Trial, tuple[np.ndarray, float, float]]:
    """Return the samples of each trial, and when its first and its last were taken."""
    table = pool / f"eeg_emg_{sensor}.csv"
    if not table.is_file():
        raise DataError(table, "is not there", "give the folder of the pool's sets")
    with lzma.open(pool / f"eeg_emg_{sensor}.npy.xz") as stream:
        samples = np.load(stream, allow_pickle=False)
    found = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            first, length = int(row["start"]), int(row["length"])
            start_s, end_s = float(row["first_s"]), float(row["last_s"])
            if end_s - start_s >= SHORTEST_S:
                key = row["subject"], row["session"], row["trial"]
                found[key] = samples[first : first + length].astype(np.float64), start_s, end_s
    return found


def _recording(
    sensor: str, trial: Trial, samples: np.ndarray, start_s: float, end_s: float, number: int, label: str
) -> Recording:
    rate_hz, channels, ring = SENSORS[sensor]
    taken_s = np.linspace(start_s, end_s, len(samples))
    times_s = start_s + np.arange(int((end_s - start_s) * rate_hz) + 1) / rate_hz
    even = np.stack([np.interp(times_s, taken_s, samples[:, channel]) for channel in range(channels)], 1)
    subject, session, _ = trial
    return Recording(
        even.astype(np.float32),
        rate_hz,
        "counts",
        (Band.numbered(sensor, channels, ring),),
        subject,
        session,
        spans=Spans.of([(0.0, len(even) / rate_hz, "gesture", label)]),
        start_unix_s=START_S + APART_S * number + start_s,
    )


def _movement(samples: np.ndarray) -> np.ndarray:
    """Return how a wrist moves (18,): spread, mean and speed of each axis."""
    return np.concatenate(
        [np.log1p(samples.std(0)), samples.mean(0), np.log1p(np.abs(np.diff(samples, axis=0)).mean(0))]
    )


def _clusters(features: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return the cluster (n,) of each trial: the best of several runs of k-means on the training trials."""
    mean, spread = features[training].mean(0), features[training].std(0) + 1e-9
    scaled = (features - mean) / spread
    seen, best, least = scaled[training], scaled[training][:CLASSES], np.inf
    for seed in range(RESTARTS):
        centers = seen[np.random.default_rng(seed).choice(len(seen), CLASSES, replace=False)]
        for _ in range(TURNS):
            nearest = _distances(seen, centers).argmin(1)
            centers = np.array(
                [seen[nearest == one].mean(0) if (nearest == one).any() else centers[one] for one in range(CLASSES)]
            )
        cost = float(_distances(seen, centers).min(1).sum())
        if cost < least:
            best, least = centers, cost
    return _distances(scaled, best).argmin(1)


def _distances(features: np.ndarray, centers: np.ndarray) -> np.ndarray:
    distances: np.ndarray = ((features[:, None] - centers) ** 2).sum(2)
    return distances


if __name__ == "__main__":
    sys.exit(exit_code(run, sys.argv[1:]))
