"""How fast recordings are simulated, and how hard single keys are to tell apart in them.

`python benchmarks/simulate.py [--json] [--people 4] [--minutes 3]`: times real time over one core's time for a session
of 32 channels at 2 kHz; then the accuracy of a linear discriminant on isolated letters (log band energies around the
known press; 250 ms alone on either side): trained and tested in one session, in another session, on another person.
"""

from __future__ import annotations

import argparse
import json
import string
import time
from collections.abc import Sequence

import numpy as np

from emgasr.recording import Events, Recording
from emgasr.simulate import simulate_person, simulate_session

EDGES_HZ = (20.0, 60.0, 100.0, 160.0, 250.0, 450.0)
WINDOWS_S = ((-0.20, -0.10), (-0.10, -0.04), (-0.04, 0.02), (0.02, 0.12))


def speed(minutes: float) -> dict[str, float]:
    """Return seconds to the first recording in a fresh process (compiling or loading compiled code) and × real time."""
    person = simulate_person(7)
    started = time.perf_counter()
    simulate_session(person, 0, minutes=0.5)
    first_s = time.perf_counter() - started
    started = time.process_time()
    simulate_session(person, 0, minutes=minutes)
    return {
        "first_30_s_took_s": round(first_s, 2),
        "times_real_time": round(60 * minutes / (time.process_time() - started), 1),
    }


def single_keys(seed: int, session: int, repeats: int, gap_s: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n, D) and letters (n,) of `repeats` isolated presses of each letter, in random order."""
    letters = np.random.default_rng(session).permutation(np.tile(list(string.ascii_lowercase), repeats))
    press_s = 1.0 + gap_s * np.arange(letters.size)
    events = Events(press_s, press_s + 0.09, tuple(letters.tolist()))
    return features(simulate_session(simulate_person(seed), session, events=events)), letters


def features(recording: Recording) -> np.ndarray:
    """Return log band energies of four windows around every key press, (n, windows × bands × channels)."""
    signal, rate = np.asarray(recording.samples), recording.rate_hz
    rows = []
    for press_s in recording.events.time_s:
        row = []
        for start_s, end_s in WINDOWS_S:
            part = signal[round((press_s + start_s) * rate) : round((press_s + end_s) * rate)]
            power = np.abs(np.fft.rfft(part * np.hanning(len(part))[:, None], n=256, axis=0)) ** 2 / len(part)
            band = np.digitize(np.fft.rfftfreq(256, 1 / rate), EDGES_HZ)
            row += [np.log(power[band == b].sum(0) + 1.0) for b in range(1, len(EDGES_HZ))]
        rows.append(np.concatenate(row))
    return np.array(rows)


class Discriminant:
    """Linear discriminant analysis with the pooled covariance shrunk toward its diagonal."""

    def __init__(self, x: np.ndarray, y: np.ndarray, shrinkage: float = 0.3) -> None:
        self.labels = np.unique(y)
        means = np.array([x[y == label].mean(0) for label in self.labels])
        within = np.cov(x - means[np.searchsorted(self.labels, y)], rowvar=False)
        within = (1 - shrinkage) * within + shrinkage * np.diag(np.diag(within))
        self.weights = np.linalg.solve(within, means.T)
        self.offsets = -0.5 * (means * self.weights.T).sum(1)

    def accuracy(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the share of rows of `x` (n, D) put to their label."""
        return float(np.mean(self.labels[np.argmax(x @ self.weights + self.offsets, axis=1)] == y))


def hardness(seeds: Sequence[int], repeats: int) -> dict[str, float]:
    """Return mean accuracies over people: within a session (half and half), across sessions, across people."""
    data = {(seed, session): single_keys(seed, session, repeats) for seed in seeds for session in (0, 1)}
    within, session, person, pooled = [], [], [], []
    for i, seed in enumerate(seeds):
        x, y = data[seed, 0]
        half = len(y) // 2
        within.append(Discriminant(x[:half], y[:half]).accuracy(x[half:], y[half:]))
        whole = Discriminant(x, y)
        session.append(whole.accuracy(*data[seed, 1]))
        person.append(whole.accuracy(*data[seeds[(i + 1) % len(seeds)], 0]))
        others = [data[other, s] for other in seeds if other != seed for s in (0, 1)]
        pool = Discriminant(np.concatenate([o[0] for o in others]), np.concatenate([o[1] for o in others]))
        pooled.append(pool.accuracy(x, y))
    shares = {"same_session": within, "other_session": session, "other_person": person, "pooled_other_people": pooled}
    return {name: round(float(np.mean(values)), 3) for name, values in shares.items()}


def main() -> None:
    """Print both parts as a table or as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=40, help="isolated presses of each letter a session")
    parser.add_argument("--minutes", type=float, default=3.0, help="length of the timed session")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = {"speed": speed(options.minutes), "letter_accuracy": hardness(range(options.people), options.repeats)}
    if options.json:
        print(json.dumps(result))
        return
    for part, figures in result.items():
        for name, value in figures.items():
            print(f"{part:16} {name:24} {value:8.3f}")


if __name__ == "__main__":
    main()
