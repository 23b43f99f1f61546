"""Electrodes in a ring around a forearm or in a line on face and neck: how they sit in, their places out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ELECTRODES = 16
UNIT_MICROVOLTS = 3000.0  # µV per charge/mm; makes typing bursts of tens to a few hundred µV


@dataclass(frozen=True)
class Arm:
    """An arm below a ring: `radius_mm` at the skin, `fat_mm` above the muscles, `turn` of the ring in places of 16."""

    radius_mm: float
    fat_mm: float
    turn: float

    @property
    def muscle_radius_mm(self) -> float:
        """Radius of the muscles in mm."""
        return self.radius_mm - self.fat_mm


@dataclass(frozen=True)
class Donning:
    """How the electrodes sit for one session; arrays are (E,).

    `turn` in places of 16 and `along_mm` from the usual place; `gain` of each contact; `noise_uv` standard deviation;
    `hum_uv` amplitude of the mains' first harmonic; `alive` False for an electrode without contact.
    """

    turn: float
    along_mm: float
    gain: np.ndarray
    noise_uv: np.ndarray
    hum_uv: np.ndarray
    alive: np.ndarray


def draw_arm(rng: np.random.Generator, build: float) -> Arm:
    """Draw an arm of a person of `build` (1 average): circumference about 17 cm (13 to 21)."""
    circumference_mm = np.clip(170.0 * build * rng.normal(1.0, 0.015), 130.0, 215.0)
    fat_mm = np.clip(rng.normal(3.0, 0.8) * build**2, 1.5, 6.0)
    return Arm(float(circumference_mm / (2 * np.pi)), float(fat_mm), float(rng.normal(0.0, 0.9)))


def don(rng: np.random.Generator, electrodes: int = ELECTRODES) -> Donning:
    """Draw how electrodes are put on: turned by 0.4 places (sd), at most 1; one ring of 16 in 12 has a dead contact."""
    alive = np.ones(electrodes, dtype=bool)
    if rng.random() < electrodes / (12 * ELECTRODES):
        alive[rng.integers(electrodes)] = False
    return Donning(
        turn=float(np.clip(rng.normal(0.0, 0.4), -1.0, 1.0)),
        along_mm=float(np.clip(rng.normal(0.0, 4.0), -10.0, 10.0)),
        gain=rng.lognormal(0.0, 0.15, electrodes),
        noise_uv=2.0 * rng.lognormal(0.0, 0.25, electrodes),
        hum_uv=rng.lognormal(-0.5, 0.8, electrodes),
        alive=alive,
    )


def ring_positions(arm: Arm, donning: Donning) -> np.ndarray:
    """Return the electrodes' places (E, 2) in mm in the muscles' coordinates; electrode 0 lies near the palmar midline.

    Both arms count toward the thumb, so that electrode i of one ring mirrors electrode i of the other.
    """
    places = np.arange(len(donning.gain)) * (ELECTRODES / len(donning.gain))
    angle = 2 * np.pi * (places + arm.turn + donning.turn) / ELECTRODES
    return arm.radius_mm * np.stack([np.cos(angle), np.sin(angle)], axis=1)
