"""Motor units obey the size principle, and the arm between them and the electrodes blurs what they say."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.simulate.muscles import (
    NAMES,
    POTENTIAL_SAMPLES,
    FiringState,
    MotorUnits,
    discharge,
    grow_units,
    unit_potentials,
)


@pytest.fixture(scope="module")
def units() -> MotorUnits:
    return grow_units(np.random.default_rng(0), 24.0)


def fired(units: MotorUnits, drive: float, seconds: int = 4, seed: int = 1) -> np.ndarray:
    """Discharges of each unit in a second: every unit's potential is 1 at its own electrode's first sample."""
    potentials = np.zeros((units.size.size, POTENTIAL_SAMPLES, units.size.size), np.float32)
    potentials[np.arange(units.size.size), 0, np.arange(units.size.size)] = 1.0
    steps = np.full((seconds * 500, len(NAMES)), drive, np.float32)
    out = np.zeros((len(steps) * 4 + POTENTIAL_SAMPLES, units.size.size), np.float32)
    discharge(units, steps, potentials, FiringState.start(units.size.size, seed), out, 4)
    return out.sum(axis=0) / seconds


def test_small_units_are_recruited_before_large_ones(units: MotorUnits) -> None:
    rates = fired(units, 0.2)
    first = units.compartment == 0
    assert units.size[first & (rates > 0)].mean() < 0.5 * units.size[first & (rates == 0)].mean()


def test_more_drive_recruits_more_units_that_fire_faster(units: MotorUnits) -> None:
    weak, strong = fired(units, 0.1), fired(units, 0.5)
    assert (strong > 0).sum() > (weak > 0).sum() > 0
    assert strong[weak > 0].mean() > weak[weak > 0].mean()


def test_rates_stay_between_those_of_human_muscle(units: MotorUnits) -> None:
    rates = fired(units, 0.6)
    assert rates[rates > 0].min() > 7
    assert rates.max() < 60


def test_without_drive_no_unit_fires(units: MotorUnits) -> None:
    assert fired(units, 0.0).sum() == 0


def test_cutting_a_session_into_blocks_keeps_its_strength(units: MotorUnits) -> None:
    drive = np.random.default_rng(2).uniform(0, 0.6, (800, len(NAMES))).astype(np.float32)
    potentials = unit_potentials(units, np.array([[27.0, 0.0], [0.0, 27.0]]), 0.0, 1.0, 2000.0)
    whole = np.zeros((800 * 4 + POTENTIAL_SAMPLES, 2), np.float32)
    discharge(units, drive, potentials, FiringState.start(units.size.size, 5), whole, 4)
    parts, state = np.zeros_like(whole), FiringState.start(units.size.size, 5)
    for start, end in ((0, 300), (300, 301), (301, 800)):
        discharge(units, drive[start:end], potentials, state, parts[start * 4 : end * 4 + POTENTIAL_SAMPLES], 4)
    # The generator's draws are dealt out block by block, so the trains differ; their strength must not.
    assert parts.std(axis=0) == pytest.approx(whole.std(axis=0), rel=0.1)


def test_a_distant_electrode_sees_a_unit_smaller_and_slower(units: MotorUnits) -> None:
    one = int(np.argmax(np.hypot(units.x_mm, units.y_mm)))
    away = np.array([units.x_mm[one], units.y_mm[one]]) / np.hypot(units.x_mm[one], units.y_mm[one])
    near, far = np.moveaxis(unit_potentials(units, np.stack([27 * away, -27 * away]), 0.0, 1.0, 2000.0)[one], 1, 0)
    assert np.abs(near).max() > 5 * np.abs(far).max()
    assert median_frequency(near) > median_frequency(far)


def test_a_tired_muscle_has_a_compressed_spectrum(units: MotorUnits) -> None:
    places = np.array([[27.0, 0.0]])
    rested, tired = (unit_potentials(units, places, 0.0, slowing, 2000.0) for slowing in (1.0, 0.8))
    assert median_frequency(tired[:, :, 0].T) < 0.9 * median_frequency(rested[:, :, 0].T)


def median_frequency(potential: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(potential, n=1024, axis=0)) ** 2
    total = np.cumsum(power if power.ndim == 1 else power.sum(axis=1))
    return float(np.interp(0.5, total / total[-1], np.fft.rfftfreq(1024, 1 / 2000)))
