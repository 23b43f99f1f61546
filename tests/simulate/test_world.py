"""What the world adds to a recording: mains hum, dead contacts, noise, and the amplifier's high-pass."""

from __future__ import annotations

import numpy as np
import pytest

from emgasr.simulate.electrodes import ELECTRODES, Donning, don, draw_arm, ring_positions
from emgasr.simulate.world import intrude


def donning(hum_uv: float = 0.0, dead: int | None = None) -> Donning:
    alive = np.arange(ELECTRODES) != (-1 if dead is None else dead)
    return Donning(0.0, 0.0, np.ones(ELECTRODES), np.full(ELECTRODES, 2.0), np.full(ELECTRODES, hum_uv), alive)


def test_a_silent_arm_still_records_a_few_microvolts_of_noise() -> None:
    recorded = intrude(np.zeros((40_000, ELECTRODES), np.float32), donning(), 50.0, 2000.0, np.random.default_rng(2))
    assert np.median(recorded.std(axis=0)) == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_stands_at_the_mains_frequency(mains_hz: float) -> None:
    recorded = intrude(np.zeros((40_000, 16), np.float32), donning(20.0), mains_hz, 2000.0, np.random.default_rng(0))
    spectrum = np.abs(np.fft.rfft(recorded[:, 0]))
    assert np.fft.rfftfreq(40_000, 1 / 2000)[np.argmax(spectrum)] == pytest.approx(mains_hz, abs=0.2)


def test_a_dead_contact_carries_no_muscle_signal() -> None:
    clean = 100 * np.random.default_rng(1).standard_normal((20_000, ELECTRODES)).astype(np.float32)
    recorded = intrude(clean.copy(), donning(0.0, dead=5), 50.0, 2000.0, np.random.default_rng(0))
    assert np.median(recorded.std(axis=0)) > 50
    assert abs(np.corrcoef(recorded[:, 5], clean[:, 5])[0, 1]) < 0.05


def test_slow_motion_below_20_hertz_is_filtered() -> None:
    slow = 1000 * np.sin(2 * np.pi * 2 * np.arange(20_000) / 2000)
    signal = np.repeat(slow[:, None], ELECTRODES, axis=1).astype(np.float32)
    recorded = intrude(signal, donning(), 50.0, 2000.0, np.random.default_rng(3))
    assert np.median(recorded[2000:].std(axis=0)) < 15


def test_rings_turn_at_most_one_electrode_between_sessions_and_some_contacts_die() -> None:
    rings = [don(np.random.default_rng(seed)) for seed in range(300)]
    turns = np.array([ring.turn for ring in rings])
    assert 0.3 < turns.std() < 0.5
    assert np.abs(turns).max() <= 1
    assert 0.03 < np.mean([not ring.alive.all() for ring in rings]) < 0.15


def test_electrodes_stand_evenly_on_the_skin() -> None:
    arm = draw_arm(np.random.default_rng(0), 1.0)
    places = ring_positions(arm, donning())
    assert np.hypot(*places.T) == pytest.approx(np.full(ELECTRODES, arm.radius_mm))
    gaps = np.hypot(*(places - np.roll(places, 1, axis=0)).T)
    assert gaps == pytest.approx(np.full(ELECTRODES, gaps[0]))
