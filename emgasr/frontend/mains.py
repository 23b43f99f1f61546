"""Samples in, the frequency of the mains (50 or 60 Hz) and its strength on each electrode out."""

from __future__ import annotations

import numpy as np

MAINS_HZ = (50.0, 60.0)
STRETCH_S = 2.0  # shorter ones do not resolve a line from what lies beside it
LEAST_S = 4.0  # of signal: with fewer stretches the answer is left to chance
NEAR_HZ, AROUND_HZ = 0.75, 6.0  # a line with its drift; the spectrum around it that it is compared with
PROMINENT = 5.0  # a line stands out when it holds this many times the power of what lies around


def find_mains(samples: np.ndarray, rate_hz: float) -> float | None:
    """Return 50.0 or 60.0, the line that stands out more in samples (T, C); None if neither does or T is too short."""
    if len(samples) < LEAST_S * rate_hz:
        return None
    prominence = {hz: _prominence(samples, rate_hz, hz) for hz in MAINS_HZ if hz + AROUND_HZ < rate_hz / 2}
    best = max(prominence, key=lambda hz: prominence[hz], default=None)
    return best if best is not None and prominence[best] >= PROMINENT else None


def mains_rms(samples: np.ndarray, rate_hz: float, mains_hz: float) -> np.ndarray:
    """Return (C,) root mean square of the line and its harmonics above the spectrum around them, in samples' unit."""
    frequencies, power = _spectrum(samples, rate_hz)
    width = frequencies[1] - frequencies[0]
    total = np.zeros(samples.shape[1])
    for hz in harmonics(mains_hz, rate_hz):
        line, around = _line(frequencies, hz)
        if line.any() and around.any():
            total += (power[line] - power[around].mean(axis=0)).sum(axis=0) * width
    return np.sqrt(np.maximum(total, 0.0))


def harmonics(mains_hz: float, rate_hz: float) -> list[float]:
    """Return the line and its multiples below 95 % of half the rate."""
    return [mains_hz * k for k in range(1, int(0.95 * rate_hz / 2 / mains_hz) + 1)]


def _prominence(samples: np.ndarray, rate_hz: float, hz: float) -> float:
    """Return the median electrode's power of the line over the power around it, averaged over stretches.

    Active muscles hide the mains, which stand out in a pause: in an average of ratios, quiet stretches count.
    """
    rows = round(STRETCH_S * rate_hz)
    ratios = []
    for start in range(0, len(samples) - rows + 1, rows // 2):
        frequencies, power = _spectrum(samples[start : start + rows], rate_hz)
        line, around = _line(frequencies, hz)
        floor = np.maximum(np.median(power[around], axis=0), np.finfo(float).tiny)
        ratios.append(power[line].mean(axis=0) / floor)
    return float(np.median(np.mean(ratios, axis=0)))


def _spectrum(samples: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    from scipy.signal import periodogram  # a verb's help does without scipy

    return periodogram(np.asarray(samples, np.float64), rate_hz, window="hann", axis=0)


def _line(frequencies: np.ndarray, hz: float) -> tuple[np.ndarray, np.ndarray]:
    apart = np.abs(frequencies - hz)
    return apart <= NEAR_HZ, (apart > 2 * NEAR_HZ) & (apart <= AROUND_HZ)
