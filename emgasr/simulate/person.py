"""A seed in, a person out: arms, muscles, technique and typing habits that stay the same through all sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from emgasr.errors import DataError
from emgasr.simulate.electrodes import Arm, draw_arm
from emgasr.simulate.keyboard import Reach, personal_reaches
from emgasr.simulate.movement import Technique, learn_technique
from emgasr.simulate.muscles import MotorUnits, grow_units
from emgasr.simulate.typist import TypistHabits, draw_habits

# Seeds of people a split may use: that a test person was never seen in training shows in the subject's number.
SPLIT_SEEDS: Mapping[str, range] = {
    "train": range(0, 8000),
    "validation": range(8000, 9000),
    "test": range(9000, 10000),
}


@dataclass(frozen=True)
class Person:
    """One simulated typist; `arms` and `units` are (left, right), `fatigability` the slowing of conduction an hour."""

    seed: int
    habits: TypistHabits
    reaches: Mapping[str, Reach]
    technique: Technique
    arms: tuple[Arm, Arm]
    units: tuple[MotorUnits, MotorUnits]
    loudness: float
    mains_hz: float
    fatigability: float

    @property
    def subject(self) -> str:
        """The person's name in recordings and manifests, as "sim0001"."""
        return f"sim{self.seed:04d}"

    @property
    def split(self) -> str:
        """The split that this person belongs to, by seed."""
        return next((split for split, seeds in SPLIT_SEEDS.items() if self.seed in seeds), "none")


def simulate_person(seed: int) -> Person:
    """Return the person that `seed` stands for: the same one in every run."""
    if seed < 0:
        raise DataError("simulation", f"a person's seed cannot be {seed}", "use 0 or more")
    rng = np.random.default_rng([0x50E2, seed])
    build = float(np.clip(rng.normal(1.0, 0.08), 0.78, 1.22))
    arms = (draw_arm(rng, build), draw_arm(rng, build))
    reaches = personal_reaches(rng)
    return Person(
        seed=seed,
        habits=draw_habits(rng),
        reaches=reaches,
        technique=learn_technique(rng, reaches),
        arms=arms,
        units=(grow_units(rng, arms[0].muscle_radius_mm), grow_units(rng, arms[1].muscle_radius_mm)),
        loudness=float(rng.lognormal(0.0, 0.25)),
        mains_hz=float(rng.choice([50.0, 60.0])),
        fatigability=float(np.clip(rng.normal(0.15, 0.06), 0.02, 0.35)),
    )
