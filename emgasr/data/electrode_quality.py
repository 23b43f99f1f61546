"""Samples of a few seconds or more in; what is measured of each electrode, and whether its contact is good, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.data.sample_checks import Rail
from emgasr.frontend.mains import mains_rms
from emgasr.recording import Band

WINDOW_S = 0.1  # over which a level is taken
DRIFT_BELOW_HZ = 20.0  # not muscle: left out of levels
FLAT = 1e-6  # share of the median electrode's level below which an electrode is dead
STUCK_SHARE = 0.01  # of samples that stand at the highest or lowest value for three in a row
NOISY, HUMMING = 8.0, 0.7  # times the median electrode's level; mains over the whole level


@dataclass(frozen=True)
class Electrode:
    """One electrode: offset, levels (root mean square above 20 Hz) and mains in the signal's unit, and its state."""

    band: str
    name: str
    offset: float
    rms: float
    noise_floor: float
    rest_level: float
    mains: float
    saturated: float
    state: str  # good, dead, saturated, detached, noisy


def examine_electrodes(
    samples: np.ndarray, rate_hz: float, bands: Sequence[Band], mains_hz: float | None
) -> list[Electrode]:
    """Judge each electrode by samples (T, C) of at least five windows, given the mains where they stand out."""
    from scipy.signal import butter, sosfilt, sosfilt_zi  # a verb's help does without scipy

    values = samples.astype(np.float64)
    sos = butter(2, min(DRIFT_BELOW_HZ, rate_hz / 10), "highpass", fs=rate_hz, output="sos")
    moving, _ = sosfilt(sos, values, axis=0, zi=sosfilt_zi(sos)[:, :, None] * values[0])
    rows = max(1, round(WINDOW_S * rate_hz))
    windows = moving[: len(moving) // rows * rows].reshape(-1, rows, moving.shape[1])
    levels = np.sqrt((windows**2).mean(axis=1))
    rms = np.sqrt((moving**2).mean(axis=0))
    stuck = _stuck(values)
    hum = mains_rms(values, rate_hz, mains_hz) if mains_hz else np.zeros(len(rms))
    typical = float(np.median(rms))
    typical_hum = float(np.median(hum))
    names = [(band.name, name) for band in bands for name in band.electrodes]
    found = []
    for i, (band, name) in enumerate(names):
        still = float(np.percentile(levels[:, i], 5))
        state = "good"
        if np.ptp(values[:, i]) == 0 or rms[i] <= FLAT * typical:
            state = "dead"
        elif stuck[i] > STUCK_SHARE:
            state = "saturated"
        elif hum[i] > HUMMING * rms[i] and hum[i] > 2 * typical_hum:
            state = "detached"
        elif typical > 0 and rms[i] > NOISY * typical:
            state = "noisy"
        found.append(
            Electrode(
                band=band,
                name=name,
                offset=float(values[:, i].mean()),
                rms=float(rms[i]),
                noise_floor=still,
                rest_level=float(np.median(levels[:, i])),
                mains=float(hum[i]),
                saturated=float(stuck[i]),
                state=state,
            )
        )
    return found


def _stuck(values: np.ndarray) -> np.ndarray:
    """Return the share (C,) of samples at the highest or lowest value that stand there for three in a row."""
    still = values[1:] == values[:-1]
    rails = [Rail(values.shape[1], sign) for sign in (1, -1)]
    for rail in rails:
        rail.add(values, still[1:] & still[:-1])
    share = rails[0].count / (len(values) - 2) + rails[1].count / (len(values) - 2)
    return np.where(np.ptp(values, axis=0) > 0, share, 0.0)
