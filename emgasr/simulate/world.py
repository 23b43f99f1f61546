"""The world's part in a recording: clean signals of electrodes in, signals with drift, hum, artefacts and noise out."""

from __future__ import annotations

import numpy as np
import scipy  # scipy.signal is imported when it is first used: it takes a second, and most verbs do without

from emgasr.simulate.electrodes import Donning


def intrude(
    signal: np.ndarray, donning: Donning, mains_hz: float, rate_hz: float, rng: np.random.Generator, ring: bool = True
) -> np.ndarray:
    """Return what is recorded of `signal` (T, E) float32 µV, changed in place: contacts, hum, motion, noise, filter.

    In a `ring` the last electrode is the first one's neighbor.
    """
    samples = signal.shape[0]
    signal *= donning.gain.astype(np.float32)
    _drift(signal, rate_hz, rng)
    signal[:, ~donning.alive] = 0.0
    _add_hum(signal, donning, mains_hz, rate_hz, rng)
    _add_motion(signal, rate_hz, rng, ring)
    noise = donning.noise_uv.astype(np.float32)
    block = 1 << 16
    for start in range(0, samples, block):
        part = signal[start : start + block]
        part += rng.standard_normal(part.shape, dtype=np.float32) * noise
    sos = scipy.signal.butter(2, 20.0, "highpass", fs=rate_hz, output="sos").astype(
        np.float32
    )  # the device's hardware filter
    return np.asarray(scipy.signal.sosfilt(sos, signal, axis=0), dtype=np.float32)


def _drift(signal: np.ndarray, rate_hz: float, rng: np.random.Generator) -> None:
    """Contacts dry and sweat: each electrode's gain walks about 4 % in the square root of a minute."""
    every = round(10 * rate_hz)
    knots = signal.shape[0] // every + 2
    walk = np.cumsum(rng.normal(0, 0.04 / np.sqrt(6), (knots, signal.shape[1])), axis=0)
    gain = np.exp(walk - walk[0])
    ramp = (np.arange(every) / every)[:, None]
    for k in range(knots - 1):
        part = signal[k * every : (k + 1) * every]
        part *= (gain[k] + (gain[k + 1] - gain[k]) * ramp[: part.shape[0]]).astype(np.float32)


def _add_hum(signal: np.ndarray, donning: Donning, mains_hz: float, rate_hz: float, rng: np.random.Generator) -> None:
    """Mains and its odd harmonics with each electrode's own phase; contactless electrodes pick up ten times as much."""
    frequency = mains_hz + rng.normal(0, 0.02)
    pickup = np.where(donning.alive, 1.0, 10.0) * donning.hum_uv
    time = np.arange(signal.shape[0]) / rate_hz
    for harmonic, share in ((1, 1.0), (3, 0.4), (5, 0.2)):
        phase = rng.normal(rng.uniform(0, 2 * np.pi), 0.5, signal.shape[1])
        angle = (2 * np.pi * harmonic * frequency) * time
        waves = np.stack([np.sin(angle), np.cos(angle)], axis=1).astype(np.float32)
        weights = share * pickup * np.stack([np.cos(phase), np.sin(phase)])
        signal += waves @ weights.astype(np.float32)


def _add_motion(signal: np.ndarray, rate_hz: float, rng: np.random.Generator, ring: bool) -> None:
    """The device shifts on the skin about twice a minute: steps that decay, on a few neighboring electrodes."""
    seconds, electrodes = signal.shape[0] / rate_hz, signal.shape[1]
    for _ in range(rng.poisson(seconds / 30.0)):
        start = int(rng.uniform(0, signal.shape[0]))
        decay_s = rng.uniform(0.02, 0.15)
        length = min(int(6 * decay_s * rate_hz), signal.shape[0] - start)
        centre, height = rng.integers(electrodes), rng.lognormal(np.log(120.0), 0.7) * rng.choice([-1, 1])
        apart = np.abs(np.arange(electrodes) - centre)
        apart = np.minimum(apart, electrodes - apart) if ring else apart
        spread = np.exp(-apart / rng.uniform(0.5, 2.5)) * rng.normal(1.0, 0.3, electrodes)
        time = np.arange(length) / rate_hz
        shape = np.exp(-time / decay_s) * (1 - np.exp(-time / 0.004))
        signal[start : start + length] += (height * shape[:, None] * spread).astype(np.float32)
